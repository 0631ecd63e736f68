"""Frames of labelled clips as training pictures."""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from monitor.errors import TrainingError
from trainer.dataset import Example

ONSET_COLUMN = "fire_or_smoke_onset_s"

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# An onset is when something can first be seen by one who knows; a little later it is plain.
_AFTER_SECONDS = 0.5
_BEFORE_SECONDS = 1.0
_LONG_SIDE = 640
_GAP_SECONDS = 0.25
_MOST_FRAMES = 400


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of the table of clips."""

    path: Path
    name: str
    """Its path relative to the table."""
    label: str
    onset_seconds: float
    """When what it is labelled for begins; before it, it shows the background label."""


def read_clips(table: Path) -> list[Clip]:
    """Read the table of clips, which lies beside them.

    The onset may carry remarks: its first number counts, and no number means from the start.

    Raises:
        TrainingError: it cannot be read, has not the columns, or names a missing clip.
    """
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            columns = reader.fieldnames or ()
            missing = [name for name in ("file", "class", ONSET_COLUMN) if name not in columns]
            if missing:
                raise TrainingError(
                    f"{table}: the column '{missing[0]}' is missing in its first line; the table "
                    f"wants 'file', 'class' and '{ONSET_COLUMN}', separated by tabs"
                )
            rows = [(row["file"], row["class"], row[ONSET_COLUMN] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{table}: the table of clips cannot be read: {error}") from error
    clips = []
    for name, label, onset in rows:
        path = table.parent / name
        if not path.is_file():
            raise TrainingError(f"{table}: it names {name}, and there is no such file beside it")
        number = _NUMBER.search(onset)
        clips.append(Clip(path, name, label, float(number[0]) if number else 0.0))
    return clips


def clip_examples(
    clips: Iterable[Clip], labels: Iterable[str], background: str, count: int, cache: Path
) -> list[Example]:
    """Take frames of each clip, write them to the cache, and give them as examples.

    At most ``count`` frames come from the part that shows the clip's label, spread evenly, and
    half as many from before its onset, as background. Frames of one clip are one group.

    Raises:
        TrainingError: a clip of an unknown label, or one that cannot be decoded.
    """
    known = set(labels)
    examples = []
    for clip in clips:
        if clip.label not in known:
            raise TrainingError(
                f"{clip.path}: its class '{clip.label}' is no label; the labels are "
                f"{', '.join(sorted(known))}"
            )
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()[:16]
        folder = cache / "frames" / f"{digest}-{count}-{clip.onset_seconds:g}-{clip.label}"
        if not (folder / "done").is_file():
            _extract(clip, count, folder, background if background in known else None)
        examples += [
            Example(
                path,
                f"clip/{clip.name}/{path.name}",
                path.name.split("@", 1)[0],
                f"clip/{clip.name}",
                source=digest,
            )
            for path in sorted(folder.glob("*.jpg"))
        ]
    return examples


def _extract(clip: Clip, count: int, folder: Path, background: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.jpg"):
        stale.unlink()
    frames = list(_decode(clip))
    if not frames:
        raise TrainingError(f"{clip.path}: no frame of the clip can be decoded; remove it")
    onset = clip.onset_seconds
    start = onset + _AFTER_SECONDS if onset > 0 else 0.0
    after = [frame for frame in frames if frame[0] >= start] or frames[-1:]
    chosen = [(clip.label, frame) for frame in _spread(after, count)]
    if background is not None and clip.label != background:
        before = [frame for frame in frames if frame[0] <= onset - _BEFORE_SECONDS]
        chosen += [(background, frame) for frame in _spread(before, max(1, count // 2))]
    for label, (seconds, pixels) in chosen:
        path = folder / f"{label}@{seconds:08.2f}.jpg"
        encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
        if not encoded:
            raise TrainingError(f"{clip.path}: a frame cannot be encoded as JPEG")
        path.write_bytes(data.tobytes())
    (folder / "done").touch()


def _decode(clip: Clip) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Give (seconds, BGR pixels) of a few hundred frames at most, their long side at most 640."""
    due = 0.0
    try:
        with av.open(str(clip.path)) as container:
            if not container.streams.video:
                raise TrainingError(f"{clip.path}: there is no video in it; remove it")
            length = (container.duration or 0) / av.time_base
            # A bound on memory: all frames that are looked at are held until some are chosen.
            gap = max(_GAP_SECONDS, length / _MOST_FRAMES)
            for frame in container.decode(video=0):
                if frame.time is None or frame.time < due:
                    continue
                due = frame.time + gap
                scale = min(1.0, _LONG_SIDE / max(frame.width, frame.height))
                size = (max(2, round(frame.width * scale)), max(2, round(frame.height * scale)))
                small = frame.reformat(width=size[0], height=size[1], format="bgr24")
                yield float(frame.time), np.asarray(small.to_ndarray(), dtype=np.uint8)
    except FFmpegError as error:
        raise TrainingError(
            f"{clip.path}: the clip cannot be decoded ({error}); remove it from the table"
        ) from error


def _spread(
    frames: list[tuple[float, NDArray[np.uint8]]], count: int
) -> list[tuple[float, NDArray[np.uint8]]]:
    if len(frames) <= count:
        return frames
    return [frames[round(index)] for index in np.linspace(0, len(frames) - 1, count)]
