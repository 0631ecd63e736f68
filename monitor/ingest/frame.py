"""What ingest hands on: one picture of one camera, with when and how healthy it is."""

import enum
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.gist import NO_GIST, is_blank
from monitor.layout import Image


class Health(enum.IntEnum):
    """What a frame shows of the camera's state. The value stands in shared memory."""

    OK = 0
    FROZEN = 1
    """The same picture again and again, beyond what a still scene with sensor noise gives."""
    DARK = 2
    """Black, or too dark to see anything."""
    BRIGHT = 3
    """Blown out: nearly all pixels are white."""
    COVERED = 4
    """Covered or out of focus: no detail left where there was some."""
    MOVED = 5
    """Another view than the camera had before: it was turned, or something large stands in it."""
    LOOPED = 6
    """The same moving pictures again and again: a recording, and not what is before the camera."""

    @property
    def label(self) -> str:
        """The word used in metrics, logs and the API."""
        return self.name.lower()

    @property
    def scorable(self) -> bool:
        """Whether a score of such a frame says anything about the scene as it is now."""
        return self is not Health.FROZEN

    @property
    def sees_place(self) -> bool:
        """Whether nothing would be found on such a frame only because there is nothing: it shows
        the place that the camera is there for, as it is now, and can be made out."""
        return self is Health.OK


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """A sampled frame, as a source yields it."""

    image: Image
    captured_at: float
    """Unix time at receipt, seconds."""
    captured_monotonic: float
    """Monotonic time at receipt, seconds."""
    media_seconds: float
    """Position in the clip for files; seconds since the source was opened for live ones."""
    lag_seconds: float = 0.0
    """By how much it was received later than those before it, as far as the source can tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The newest frame of a camera, as the mailbox gives it."""

    camera: str
    sequence: int
    """Counts the frames of this camera; a gap of n says that n frames were overwritten unread."""
    image: Image
    """A copy that belongs to the reader."""
    captured_at: float
    """Unix time at receipt, seconds."""
    captured_monotonic: float
    """Monotonic time at receipt, seconds."""
    media_seconds: float
    health: Health
    gist: NDArray[np.uint8] = field(default_factory=lambda: NO_GIST, repr=False)
    """uint8 (rows, columns): see :func:`monitor.ingest.gist.gist`; empty where there is none."""

    @property
    def unscorable(self) -> str:
        """Why a score of this frame would say nothing about the scene as it is now; empty where it
        says something."""
        if not self.health.scorable:
            return self.health.label
        return "blank" if is_blank(self.gist) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """A frame as it is known before anybody reads its picture."""

    camera: str
    sequence: int
    captured_at: float
    """Unix time at receipt, seconds."""
    captured_monotonic: float
    """Monotonic time at receipt, seconds."""
    health: Health
    gist: NDArray[np.uint8]
    """As of :class:`Frame`."""
