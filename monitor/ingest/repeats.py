"""Finds that a camera shows the same pictures again and again. Pure.

A recorder that lost its camera, or somebody in the line, may show a few seconds over and over: each
picture moves, and none is new. With a living sensor no picture ever comes again: of tens of
thousands of pixels the noise of one picture would have to be that of another. So a fingerprint of
each picture is kept, and what has been nothing but old pictures for minutes, of which not all stood
still, is a loop. A still scene without noise is none: there nothing moves between two pictures, and
what does, a flame above all, makes a picture that was not there before.

A loop whose pictures are encoded anew each time it comes round is found only where the encoder
gives the same each time.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RepeatLimits:
    """What counts as a loop."""

    after_seconds: float = 300.0
    """For so long there must have been no new picture. Clips that are shown in a loop to try a
    camera out are seldom watched for longer."""
    samples: int = 30
    """And so many pictures."""
    moved: int = 10
    """Of which so many differed from the one before."""
    least_moving_share: float = 0.08
    """A picture differs where more than this share of its blocks moved: a lamp that blinks in a
    picture without noise is no loop."""
    kept: int = 2048
    """Fingerprints: a minute at 25 pictures a second, wherever in it the samples fall."""


class RepeatWatch:
    """Follows one camera's pictures, in order."""

    def __init__(self, limits: RepeatLimits | None = None) -> None:
        self._limits = limits or RepeatLimits()
        self._known: dict[int, None] = {}
        self._since: float | None = None
        self._samples = self._moved = 0

    def update(self, grey: NDArray[np.uint8], moving_share: float, monotonic: float) -> bool:
        """Whether nothing new has been shown for long enough.

        Args:
            grey: uint8 (rows, columns), always of one size.
            moving_share: of the blocks that count, how many moved since the picture before, 0 to 1.
            monotonic: when it was captured, seconds.
        """
        limits = self._limits
        data = grey.tobytes()
        mark = zlib.crc32(data) << 32 | zlib.adler32(data)
        if mark not in self._known:
            if len(self._known) >= limits.kept:
                del self._known[next(iter(self._known))]
            self._known[mark] = None
            self._since = None
            return False
        if self._since is None:
            self._since, self._samples, self._moved = monotonic, 0, 0
        self._samples += 1
        self._moved += moving_share > limits.least_moving_share
        return (
            monotonic - self._since >= limits.after_seconds
            and self._samples >= limits.samples
            and self._moved >= limits.moved
        )
