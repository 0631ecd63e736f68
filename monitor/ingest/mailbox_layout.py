"""Where what stands in a mailbox, and what of it can be true."""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SourceError
from monitor.ingest.frame import Glimpse, Health
from monitor.ingest.gist import GIST_COLUMNS, GIST_ROWS
from monitor.layout import Layout

MAGIC = int.from_bytes(b"embermbx", "little")
VERSION = 3
HEADER_BYTES = 8192
MAGIC_WORD, VERSION_WORD, CAPACITY_WORD = 0, 1, 2
SEQUENCE, HEARTBEAT, PHASE, THREAD, STILL_SINCE, BAD_PACKETS = 8, 9, 10, 11, 12, 13
FROM_LIVELY, RING_BYTES, DELAY = 14, 15, 48
DESCRIPTION = 16
BEGIN, CAPTURED_AT, CAPTURED_MONOTONIC, MEDIA, WIDTH, HEIGHT, HEALTH, END = range(8)
GIST_HEIGHT, GIST_WIDTH, LAYOUT = 8, 9, 10
"""Of a description, as the eight before."""
DESCRIPTION_WORDS = 11
GIST = 512
"""Offset of the gist, bytes."""

_FUTURE_SECONDS = 1.0
"""How far ahead of the reader's monotonic clock a capture time may lie: they share one clock."""
_WALL_LIMIT = 1e11
_MEDIA_LIMIT = 1e9


class Phase(enum.IntEnum):
    """What a camera's thread is doing; tells who may have crashed a worker."""

    IDLE = 0
    """Waiting: for its turn to open, or in back-off."""
    OPENING = 1
    READING = 2
    """In the demuxer or decoder."""


@dataclass(frozen=True, slots=True)
class FrameMark:
    """The newest frame without its pixels."""

    sequence: int
    captured_at: float
    captured_monotonic: float
    media_seconds: float
    width: int
    height: int
    layout: Layout
    health: Health
    gist: NDArray[np.uint8] = field(repr=False)
    """uint8 (rows, columns): see :func:`monitor.ingest.gist.gist`; empty where there is none."""

    def glimpse(self, camera: str) -> Glimpse:
        """The same, for those who decide whether the picture is needed."""
        return Glimpse(
            camera,
            self.sequence,
            self.captured_at,
            self.captured_monotonic,
            self.health,
            self.gist,
        )


def checked(
    sequence: int,
    words: Sequence[int],
    floats: Sequence[float],
    capacity: int,
    now_monotonic: float,
    gists: NDArray[np.uint8],
) -> FrameMark:
    """A description whose every value is possible; refuses all others with the value found."""
    width, height, health = words[WIDTH], words[HEIGHT], words[HEALTH]
    if words[LAYOUT] >= len(Layout):
        raise SourceError(f"the worker handed on a picture of the unknown layout {words[LAYOUT]}")
    layout = Layout(words[LAYOUT])
    possible = 1 <= width <= capacity and 1 <= height <= capacity and layout.fits(width, height)
    if not possible or math.prod(layout.shape(width, height)) > capacity:
        raise SourceError(f"the worker handed on a picture of {width}x{height} pixels")
    rows, columns = words[GIST_HEIGHT], words[GIST_WIDTH]
    if rows > GIST_ROWS or columns > GIST_COLUMNS:
        raise SourceError(f"the worker handed on a frame with a gist of {columns}x{rows}")
    if health >= len(Health):
        raise SourceError(f"the worker handed on a frame with the unknown health {health}")
    captured_at, captured_monotonic, media = floats[1:4]
    for name, value, low, high in (
        ("wall", captured_at, 0.0, _WALL_LIMIT),
        ("monotonic", captured_monotonic, 0.0, now_monotonic + _FUTURE_SECONDS),
        ("media", media, -_MEDIA_LIMIT, _MEDIA_LIMIT),
    ):
        if not (math.isfinite(value) and low <= value <= high):
            raise SourceError(f"the worker handed on a frame with the {name} time {value}")
    return FrameMark(
        sequence,
        captured_at,
        captured_monotonic,
        media,
        width,
        height,
        layout,
        Health(health),
        gists[: rows * columns].reshape(rows, columns),
    )
