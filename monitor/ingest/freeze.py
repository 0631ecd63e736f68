"""Has the picture stood still, but for its clock? Pure.

A camera's sensor is never silent: even of a still wall at night, and through a strong encoder, its
pictures differ. Measured on H.264 at 200 kbit/s and 640x360, with sensor noise of a standard
deviation of 0.7 grey levels: in two pictures a second apart, 60 to 100 % of the blocks hold a pixel
that differs by more than 2 levels; of a source without noise it is 0 to 5 % once the encoder has
settled. So a block moves when one of its pixels changes by more than that, and the picture is
frozen when nearly no block has moved for the whole window. Nearly: the clock that a camera writes
into its picture goes on when the sensor has died. Blocks that are clipped to black or white do not
count, because there the noise is cut off. A test pattern, or one still image shown as video, counts
as frozen, and is. The first picture in which the scene moves again is not frozen.

How long the window is depends on the camera. One whose pictures tingled all over until a moment ago
has died when they stand still: 15 s are enough. One that suppresses noise, or whose encoder leaves
out what hardly changes, stands still between two things that happen, and gets 30 s.

A camera that suppresses all noise shows a still scene as a frozen picture. There a small flame
moves few blocks, and it must be scored: so a block that changes by more than encoders pulse keeps
the picture from being frozen, wherever it is, but for the clock. The clock is what jumps at the
upper or lower edge when all else was still for the first time; its place is kept from then on.

Slow smoke changes such a picture by a level or two at a time, which is no step from one picture to
the next. So each picture is compared with the first of the still period as well, where an encoder
that pulses comes back to and smoke does not: what has added up is movement.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS, _BLOCK_COLUMNS = 12, 16
"""Blocks in which movement is looked for."""
_EDGE = 6
"""A clock stands in the upper or lower one of so many parts of the picture."""
_CLOCK_REACH = 2
"""How far from its seconds a clock's other digits may stand, in blocks."""


@dataclass(frozen=True, slots=True)
class FreezeLimits:
    """What counts as still; grey levels are 0 to 255."""

    after_seconds: float = 30.0
    lively_after_seconds: float = 15.0
    """The window of a camera whose pictures tingled until then."""
    samples: int = 6
    """Pictures that must be the same, however long that takes."""
    step: int = 2
    """A pixel must change by more than this to have changed; encoders pulse by less."""
    moving_share: float = 0.08
    """Share of blocks that may move in a frozen picture: a clock takes 3 to 6 %."""
    scene_step: int = 6
    """Outside the clock no pixel of a frozen picture changes by more than this, neither from one to
    the next nor since it stands still. Settled encoders pulse by 2 at 200 kbit/s and 640x360; a
    flame flickers by tens."""
    clipped_low: int = 6
    clipped_high: int = 250
    lively_share: float = 0.3
    """A picture tingles when this share of its blocks moves: sensor noise moves 60 % at least."""
    lively_time: float = 0.9
    """A camera is lively when its pictures tingle for this share of the time."""
    lively_half_life_seconds: float = 120.0
    lively_known_seconds: float = 20.0
    """How long it must have been watched before that is known."""


class Liveliness:
    """Do a camera's pictures tingle all over, nearly all the time?

    Time without any movement counts once it has ended: a picture that froze says nothing about what
    the camera was like before.
    """

    def __init__(self, limits: FreezeLimits) -> None:
        self._limits = limits
        self._share = 0.0
        self._known = 0.0
        self._quiet = 0.0
        self._last: float | None = None

    @property
    def lively(self) -> bool:
        """As of the last picture that moved."""
        limits = self._limits
        return self._known >= limits.lively_known_seconds and self._share >= limits.lively_time

    def update(self, moving_share: float, moved: bool, monotonic: float) -> None:
        """Take note of a picture.

        Args:
            moving_share: of its blocks, 0 to 1, since the picture before.
            moved: whether it was more than a frozen picture may.
            monotonic: when it was captured, seconds.
        """
        last, self._last = self._last, monotonic
        if last is None:
            return
        seconds = max(0.0, monotonic - last)
        if not moved:
            self._quiet += seconds
            return
        self._count(0.0, self._quiet)
        self._quiet = 0.0
        self._count(float(moving_share >= self._limits.lively_share), seconds)

    def _count(self, tingles: float, seconds: float) -> None:
        self._known += seconds
        # The first minutes count alike; later ones fade.
        fading = 1.0 - 0.5 ** (seconds / self._limits.lively_half_life_seconds)
        weight = max(fading, min(1.0, seconds / max(self._known, 1e-3)))
        self._share += (tingles - self._share) * weight


class _Stillness:
    """Since when, and for how many pictures, has each block not changed by more than a step?"""

    def __init__(self, blocks: tuple[int, ...], since: float, samples: int) -> None:
        self.since = np.full(blocks, since)
        self._samples = np.full(blocks, samples, np.int64)

    def update(self, moved: NDArray[np.bool_], monotonic: float) -> None:
        self.since[moved] = monotonic
        self._samples = np.where(moved, 1, self._samples + 1)

    def disturb(self, moved: NDArray[np.bool_], monotonic: float) -> None:
        """Begin anew with these blocks, of the picture that was just taken note of."""
        self.since[moved] = monotonic
        self._samples[moved] = 1

    def holds(self, samples: int, seconds: float, monotonic: float) -> NDArray[np.bool_]:
        """Which blocks were still for so long, and for so many pictures."""
        return (monotonic - self.since >= seconds) & (self._samples >= samples)


class FreezeWatch:
    """Has the picture stood still for the whole window, but for its clock?"""

    def __init__(self, limits: FreezeLimits) -> None:
        self._limits = limits
        self._last: NDArray[np.uint8] | None = None
        self._liveliness = Liveliness(limits)
        self.still_since = 0.0
        """Since when nothing has moved that may not."""
        self.moving_share = 0.0
        """Of the blocks that count, how many moved in the last picture, 0 to 1."""
        self.still_from_lively = False
        """The camera was lively when that began, so the shorter window holds."""

    def resume(self, grey: NDArray[np.uint8], still_since: float, from_lively: bool) -> None:
        """As if this picture had been the last, and all blocks still since then."""
        self.still_from_lively = from_lively
        self._begin(grey, still_since, self._limits.samples - 1)

    def _begin(self, grey: NDArray[np.uint8], since: float, samples: int) -> None:
        blocks = over_blocks(np.maximum, grey).shape
        self._last = grey
        self._anchor = grey
        """The first picture of the still period: what has added up since then is movement."""
        self._noise = _Stillness(blocks, since, samples)
        self._jumps = _Stillness(blocks, since, samples)
        self._scene = _Stillness(blocks, since, samples)
        self._clock = np.zeros(blocks, np.bool_)
        """Blocks in which a clock may run: any at the edge, until it is known where it is."""
        edge = blocks[0] // _EDGE
        self._clock[:edge] = self._clock[blocks[0] - edge :] = True
        self._clock_since: float | None = None
        """Since when it is looked for; None before the first picture, and once it is known."""
        self._clock_known = False
        self.still_since = since

    def update(self, grey: NDArray[np.uint8], monotonic: float) -> bool:
        limits, last = self._limits, self._last
        if last is None:
            self._begin(grey, monotonic, 1)
            self._clock_since = monotonic
            return False
        self._last = grey
        if self._clock_since is None:
            self._clock_since = monotonic
        change = _change(grey, last)
        moved = change > limits.step
        jumped = change > limits.scene_step
        drifted = _change(grey, self._anchor) > limits.scene_step
        self._noise.update(moved, monotonic)
        self._jumps.update(jumped, monotonic)
        self._scene.update(jumped | drifted, monotonic)
        counts = (over_blocks(np.maximum, grey) > limits.clipped_low) & (
            over_blocks(np.minimum, grey) < limits.clipped_high
        )
        total = int(counts.sum())
        if total == 0:
            self._anchor = grey
            self.still_since = monotonic
            self.still_from_lively = False
            self.moving_share = 0.0
            return False
        self.moving_share = int((moved & counts).sum()) / total
        latest_first = np.sort(self._noise.since[counts])[::-1]
        allowed = min(int(limits.moving_share * total), total - 1)
        scene = self._scene.since[~self._clock]
        self.still_since = float(max(latest_first[allowed], scene.max(initial=-np.inf)))
        moves = self.still_since >= monotonic
        self._liveliness.update(self.moving_share, moves, monotonic)
        if moves:
            # The anchor goes, so what adds up by less than a jump a picture counts here.
            self._scene.disturb(moved, monotonic)
            self._anchor = grey
            self.still_from_lively = self._liveliness.lively
        window = limits.lively_after_seconds if self.still_from_lively else limits.after_seconds
        moving = total - int((self._noise.holds(limits.samples, window, monotonic) & counts).sum())
        still = self._scene.holds(limits.samples, window, monotonic)
        frozen = moving <= limits.moving_share * total and bool(still[~self._clock].all())
        if frozen and not self._clock_known:
            self._find_clock(window, monotonic)
        return frozen

    def _find_clock(self, window: float, monotonic: float) -> None:
        """All else is still, so what jumps at the edge is the clock; once found, it is no other.

        A flame that begins later at the edge of the picture is not taken for it, nor is smoke that
        drifts there.
        """
        if self._clock_since is None:
            return
        if monotonic - self._clock_since < window:
            return
        runs = self._clock & ~self._jumps.holds(self._limits.samples, window, monotonic)
        found = runs.copy()
        # A line of text: minutes and hours stand beside the seconds, and move less often.
        for step in range(1, _CLOCK_REACH + 1):
            found[:, step:] |= runs[:, :-step]
            found[:, :-step] |= runs[:, step:]
        self._clock &= found
        self._clock_known = True


def _change(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how much the most changed pixel of each block differs, grey levels."""
    # max - min, because unsigned numbers have no difference below zero.
    return over_blocks(np.maximum, np.maximum(one, other) - np.minimum(one, other))


def over_blocks(function: np.ufunc, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The maximum or minimum of each block; what is over at the edges is left out."""
    rows, columns = grey.shape
    down, across = min(rows, _BLOCK_ROWS), min(columns, _BLOCK_COLUMNS)
    high, wide = rows // down, columns // across
    # One axis at a time, rows first: that is how numpy is fast.
    cut = grey[: down * high, : across * wide].reshape(down, high, across * wide)
    result: NDArray[np.uint8] = function.reduce(
        function.reduce(cut, axis=1).reshape(down, across, wide), axis=2
    )
    return result
