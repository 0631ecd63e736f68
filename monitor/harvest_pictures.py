"""What can be learned from one event: its untouched pictures, and some of its clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av import error as ffmpeg
from numpy.typing import NDArray

from monitor.alerts.events import Event, Evidence
from monitor.alerts.evidence_picture import jpeg
from monitor.errors import ImageError, SourceError
from monitor.image import decode_image
from monitor.ingest.container import open_file
from monitor.ingest.status import SourceSettings

_QUALITY = 95
_THUMBNAIL = 32
_ALIKE_LEVELS = 2.5
"""Pictures whose thumbnails differ by less on average, of 255 levels, are one picture twice: the
noise of a still camera and its JPEG make about 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture for training."""

    data: bytes
    """A JPEG file."""
    at: float
    """Unix time, seconds."""
    thumbnail: NDArray[np.int16]


def pictures_of(
    event: Event, evidence: list[Evidence], folder: Path, *, frames: int
) -> Iterator[Picture]:
    """The pictures of a judged event, without those that look like one before.

    Args:
        event: with its verdict. Of a confirmed one nothing is taken from before it fired but what
            raised it: the clip begins with pictures of nothing.
        evidence: its files.
        folder: of evidence.
        frames: most pictures of each clip.
    """
    taken: list[Picture] = []
    for one in evidence:
        if one.kind not in ("original", "clip"):
            continue
        path = folder / one.file
        found = _original(path, one) if one.kind == "original" else _film(event, one, path, frames)
        for picture in found:
            if not any(_alike(picture, other) for other in taken):
                taken.append(picture)
                yield picture


def label_at(event: Event, at: float) -> str:
    """What the event was about at a Unix time: smoke may become fire."""
    open_steps = [step for step in event.steps if step.event in ("pending", "firing")]
    before = [step.label for step in open_steps if step.at <= at + 0.001]
    return before[-1] if before else event.label


def _original(path: Path, one: Evidence) -> Iterator[Picture]:
    try:
        data = path.read_bytes()
        pixels = decode_image(data, str(path))
    except (OSError, ImageError):
        return  # gone, or damaged: the others are worth having
    yield Picture(data, one.captured_at, _thumbnail(pixels))


def _film(event: Event, one: Evidence, path: Path, frames: int) -> Iterator[Picture]:
    """Key frames of a clip, evenly over the time that counts."""
    begin = 0.0
    if event.verdict == "confirmed":
        begin = max(0.0, (event.fired_at or event.began_at) - one.captured_at)
    if frames < 1:
        return
    try:
        opened = open_file(SourceSettings(event.camera, f"file:{path.absolute()}"))
    except SourceError:
        return
    try:
        times = [
            packet.pts * float(packet.time_base)
            for packet in opened.container.demux(opened.stream)
            if packet.is_keyframe and packet.pts is not None and packet.time_base is not None
        ]
        late = [time for time in times if time >= begin]
        step = max(1, -(-len(late) // frames))
        wanted = set(late[::step])
        opened.container.seek(0)
        opened.stream.codec_context.skip_frame = "NONKEY"
        for frame in opened.container.decode(opened.stream):
            if frame.time in wanted:
                pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                at = one.captured_at + frame.time
                yield Picture(jpeg(pixels, _QUALITY), at, _thumbnail(pixels))
    except (ffmpeg.FFmpegError, av.FFmpegError):
        return
    finally:
        opened.container.close()


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.int16]:
    small = cv2.resize(pixels, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    return small.astype(np.int16)


def _alike(one: Picture, other: Picture) -> bool:
    return float(np.abs(one.thumbnail - other.thumbnail).mean()) < _ALIKE_LEVELS
