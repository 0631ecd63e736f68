"""Recorded scores: what a model said about live cameras, kept without a single picture.

A recording is a folder with one folder for each camera and, in it, a NumPy archive for each hour::

    recording/dock/2026-11-26T14Z.npz

An archive holds the arrays ``offset_ms`` (uint32, since the first frame by the monotonic clock),
``wall_offset_ms`` (int32, the same by the wall clock), ``scores`` (float16, frames x regions x
labels), ``labels``, ``regions``, ``began_at`` (Unix time), ``began_monotonic``, ``fps``, ``bundle``
(sha256) and ``format``. Half precision is off by at most 0.0005 for a score; an hour of one camera
at one frame a second takes 56 kB, a year 490 MB. An archive is written whole and then renamed: one
that is there is complete, and a recorder that is killed loses what it had not written yet, at most
a minute.
"""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EmberwatchError
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion

FORMAT = 1
HOUR_SECONDS = 3600.0

_NAMES = (
    "format", "labels", "regions", "bundle", "fps", "began_monotonic", "began_at",
    "offset_ms", "wall_offset_ms", "scores",
)  # fmt: skip


class RecordingError(EmberwatchError):
    """A recording cannot be written or read."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the scores of a camera are from; a change of it begins another archive."""

    labels: tuple[str, ...]
    regions: tuple[str, ...]
    bundle: str
    """sha256 of the model's bundle."""
    fps: float
    """Wanted frames a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The scores of one camera within an hour; times increase."""

    camera: str
    source: Source
    monotonic: NDArray[np.float64]
    """float64 (n,): monotonic time of each frame, seconds."""
    captured_at: NDArray[np.float64]
    """float64 (n,): Unix time of each frame, seconds."""
    scores: NDArray[np.float32]
    """float32 (n, regions, labels)."""

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[ScoredFrame]:
        """The frames from ``first`` to before ``last``, as the decision takes them."""
        regions = [Region(name) for name in self.source.regions]
        for index in range(first, len(self.monotonic) if last is None else last):
            rows = self.scores[index]
            yield ScoredFrame(
                camera=self.camera,
                sequence=index,
                captured_at=float(self.captured_at[index]),
                captured_monotonic=float(self.monotonic[index]),
                regions=tuple(
                    ScoredRegion(region, row) for region, row in zip(regions, rows, strict=True)
                ),
            )

    def follows(self, before: "Part") -> bool:
        """Whether time goes on from another part: not where it is of another camera, model or
        rate, nor where the machine was started anew in between."""
        same = before.camera == self.camera and before.source == self.source
        return same and bool(before.monotonic[-1] < self.monotonic[0])


@dataclass(slots=True, eq=False)
class _Open:
    """The archive of a camera that is being filled."""

    camera: str
    hour: int
    source: Source
    path: Path | None = None
    """Found at the first writing."""
    monotonic: list[float] = field(default_factory=list)
    captured_at: list[float] = field(default_factory=list)
    scores: list[NDArray[np.float16]] = field(default_factory=list)
    written: int = 0


class Recorder:
    """Collects scored frames and writes them; for one thread."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            RecordingError: it cannot be made.
        """
        self._folder = folder
        self._open: dict[str, _Open] = {}
        self._ended: list[_Open] = []
        self.frames: dict[str, int] = {}
        """Frames that were taken, by camera."""
        _make(folder)

    def add(self, scored: ScoredFrame, source: Source) -> None:
        """Take a frame; nothing is written before :meth:`flush`."""
        hour = int(scored.captured_at // HOUR_SECONDS)
        now = self._open.get(scored.camera)
        # A clock that is set back, or a model with other labels, begins another archive.
        if now is not None and (now.hour != hour or now.source != source):
            self._ended.append(now)
            now = None
        if now is None:
            now = self._open[scored.camera] = _Open(scored.camera, hour, source)
        now.monotonic.append(scored.captured_monotonic)
        now.captured_at.append(scored.captured_at)
        now.scores.append(np.stack([part.scores for part in scored.regions]).astype(np.float16))
        self.frames[scored.camera] = self.frames.get(scored.camera, 0) + 1

    def flush(self) -> None:
        """Write what was not written yet.

        Raises:
            RecordingError: the disk is full, or the folder has gone; what could not be written is
                kept and tried again by the next call.
        """
        while self._ended:
            self._write(self._ended[0])
            del self._ended[0]
        for now in self._open.values():
            self._write(now)

    def _write(self, now: _Open) -> None:
        if now.written == len(now.monotonic):
            return
        monotonic, captured_at = np.array(now.monotonic), np.array(now.captured_at)
        source = now.source
        if now.path is None:
            now.path = self._free_path(now)
        partial = now.path.with_suffix(".part")
        try:
            with partial.open("wb") as file:
                np.savez(
                    file,
                    format=np.array(FORMAT),
                    labels=np.array(source.labels),
                    regions=np.array(source.regions),
                    bundle=np.array(source.bundle),
                    fps=np.array(source.fps),
                    began_monotonic=np.array(monotonic[0]),
                    offset_ms=np.round((monotonic - monotonic[0]) * 1000).astype(np.uint32),
                    began_at=np.array(captured_at[0]),
                    wall_offset_ms=np.round((captured_at - captured_at[0]) * 1000).astype(np.int32),
                    scores=np.stack(now.scores),
                )
                file.flush()
                os.fsync(file.fileno())
            partial.replace(now.path)
        except OSError as error:
            raise RecordingError(
                f"{now.path}: cannot be written ({error.strerror}); free space, or record into "
                "another folder"
            ) from error
        now.written = len(now.monotonic)

    def _free_path(self, now: _Open) -> Path:
        folder = self._folder / now.camera
        _make(folder)
        hour = datetime.fromtimestamp(now.hour * HOUR_SECONDS, UTC).strftime("%Y-%m-%dT%HZ")
        path = folder / f"{hour}.npz"
        number = 1
        while path.exists():
            number += 1
            path = folder / f"{hour}-{number}.npz"
        return path


def read_recording(folder: Path, cameras: Sequence[str] | None = None) -> Iterator[Part]:
    """Read a recording, camera by camera, oldest first.

    Args:
        folder: what ``emberwatch record`` wrote.
        cameras: those to read; all where it is left out.

    Raises:
        RecordingError: the folder holds no recording, or an archive is broken.
    """
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    names = [name for name in found if any((folder / name).glob("*.npz"))]
    if not names:
        raise RecordingError(
            f"{folder}: holds no recorded scores; name a folder that `emberwatch record` wrote"
        )
    for name in cameras or names:
        if name not in names:
            raise RecordingError(
                f"{folder}: holds no scores of camera '{name}'; there are {', '.join(names)}"
            )
    for name in cameras or names:
        # By time, and not by name: the second archive of an hour is named after the first.
        parts = [_read(path, name) for path in sorted((folder / name).glob("*.npz"))]
        yield from sorted(parts, key=lambda part: float(part.captured_at[0]))


def _read(path: Path, camera: str) -> Part:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in _NAMES if name not in archive.files]
            if missing:
                raise RecordingError(f"{path}: is no archive of scores, {missing[0]} is missing")
            if int(archive["format"]) != FORMAT:
                raise RecordingError(
                    f"{path}: is of format {int(archive['format'])}, and this version reads "
                    f"{FORMAT}; use the version that wrote it"
                )
            offsets = archive["offset_ms"] / 1000.0
            wall_offsets = archive["wall_offset_ms"] / 1000.0
            part = Part(
                camera=camera,
                source=Source(
                    tuple(archive["labels"].tolist()),
                    tuple(archive["regions"].tolist()),
                    str(archive["bundle"]),
                    float(archive["fps"]),
                ),
                monotonic=float(archive["began_monotonic"]) + offsets,
                captured_at=float(archive["began_at"]) + wall_offsets,
                scores=archive["scores"].astype(np.float32),
            )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RecordingError(
            f"{path}: cannot be read ({error}); move it away, the other hours are unharmed"
        ) from error
    count = len(part.monotonic)
    shape = (count, len(part.source.regions), len(part.source.labels))
    if not count or part.captured_at.shape != (count,) or part.scores.shape != shape:
        raise RecordingError(f"{path}: its arrays do not fit one another; move it away")
    if not np.isfinite(part.scores).all() or part.scores.min() < 0 or part.scores.max() > 1:
        raise RecordingError(f"{path}: holds scores that are no probabilities; move it away")
    return part


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(
            f"{folder}: cannot be made ({error.strerror}); name a folder that can be written"
        ) from error
