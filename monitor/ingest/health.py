"""Judges what a picture shows of the camera's state: frozen, dark, blown out, covered, moved. Pure.

**Frozen.** A camera's sensor is never silent: even of a still wall at night, and through a strong
encoder, its pictures differ. Measured on H.264 at 200 kbit/s and 640x360, with sensor noise of a
standard deviation of 0.7 grey levels: in two pictures a second apart, 60 to 100 % of the blocks
hold a pixel that differs by more than 2 levels; of a source without noise it is 0 to 5 % once the
encoder has settled. So a block moves when one of its pixels changes by more than that, and the
picture is frozen when nearly no block has moved for the whole window. Nearly: the clock that a
camera writes into its picture goes on when the sensor has died. Blocks that are clipped to black or
white do not count, because there the noise is cut off. A test pattern, or one still image shown as
video, counts as frozen, and is. The first picture in which the scene moves again is not frozen.

A camera that suppresses all noise shows a still scene as a frozen picture. There a small flame
moves few blocks, and it must be scored: so a block that changes by more than encoders pulse keeps
the picture from being frozen, wherever it is, but for the clock. The clock is what moves at the
upper or lower edge when all else was still for the first time; its place is kept from then on.

**Covered.** No detail is left where there was some: the mean step between neighbours, on a picture
averaged down so far that noise does not count, has fallen far below the level learned before. Dense
smoke does that as well, so this never keeps a frame from being scored.

**Moved.** The edges of what stands in the scene are not where they were
(:mod:`monitor.ingest.scenery`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.frame import Health
from monitor.ingest.scenery import SceneryWatch

_ROWS, _COLUMNS = 144, 256
"""Pixels looked at, evenly spread; fewer where the picture has fewer."""
_BLOCK_ROWS, _BLOCK_COLUMNS = 12, 16
"""Blocks in which movement is looked for."""
_EDGE = 6
"""A clock stands in the upper or lower one of so many parts of the picture."""
_CLOCK_REACH = 2
"""How far from its seconds a clock's other digits may stand, in blocks."""
_AVERAGED = 4
"""Side of the squares, in looked-at pixels, that are averaged before detail is measured."""


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """What counts as what; grey levels are 0 to 255."""

    frozen_after_seconds: float = 30.0
    frozen_samples: int = 6
    """Pictures that must be the same, however long that takes."""
    frozen_step: int = 2
    """A pixel must change by more than this to have changed; encoders pulse by less."""
    frozen_moving_share: float = 0.08
    """Share of blocks that may move in a frozen picture: a clock takes 3 to 6 %."""
    frozen_scene_step: int = 6
    """Outside the clock no pixel of a frozen picture changes by more than this. Settled encoders
    pulse by 2 at 200 kbit/s and 640x360; a flame flickers by tens."""
    clipped_low: int = 6
    clipped_high: int = 250
    dark_level: int = 20
    """Dark when 95 % of the pixels are below."""
    bright_level: int = 246
    """Blown out when 95 % of the pixels are this or above."""
    covered_share: float = 0.25
    """Covered when the detail is below this share of the level learned."""
    covered_least_level: float = 1.5
    """A scene with less detail than this never had any to lose; grey levels."""
    covered_after_seconds: float = 10.0
    learn_seconds: float = 60.0
    """How long a scene must be known before it can be called covered."""
    learn_half_life_seconds: float = 600.0
    forget_half_life_seconds: float = 86_400.0
    """How fast the learned level follows while covered: a camera turned to a wall is no news."""


class HealthJudge:
    """Judges the pictures of one camera, in order; takes about a millisecond each."""

    def __init__(self, limits: HealthLimits | None = None) -> None:
        self._limits = limits or HealthLimits()
        self._freeze = _FreezeWatch(self._limits)
        self._detail = _DetailWatch(self._limits)
        self._scenery = SceneryWatch()
        self._size: tuple[int, ...] | None = None

    @property
    def still_since(self) -> float:
        """Since when the picture has not moved, monotonic seconds; as of the last picture."""
        return self._freeze.still_since

    def resume(self, pixels: NDArray[np.uint8], still_since: float) -> None:
        """Go on where another judge of the same camera was lost: a picture that was frozen is
        frozen still, unless the next one differs.

        Args:
            pixels: the last picture that it judged.
            still_since: what it said then.
        """
        self._size = pixels.shape
        self._freeze.resume(thumbnail(pixels), still_since)

    def update(self, pixels: NDArray[np.uint8], monotonic: float) -> Health:
        """The state that this picture, after those before it, shows.

        Args:
            pixels: uint8 (height, width, 3), RGB. Another size than before starts anew.
            monotonic: when it was captured, seconds.
        """
        if pixels.shape != self._size:
            self._size = pixels.shape
            self._freeze = _FreezeWatch(self._limits)
            self._detail = _DetailWatch(self._limits)
            self._scenery = SceneryWatch()
        grey = thumbnail(pixels)
        frozen = self._freeze.update(grey, monotonic)
        levels = np.bincount(grey.ravel(), minlength=256)
        tail = 0.05 * grey.size
        dark = int(levels[self._limits.dark_level :].sum()) <= tail
        bright = int(levels[: self._limits.bright_level].sum()) <= tail
        covered = not (dark or bright) and self._detail.update(grey, monotonic)
        sees = not (frozen or dark or bright or covered)
        moved = sees and self._scenery.update(grey, monotonic)
        if frozen:
            return Health.FROZEN
        if dark:
            return Health.DARK
        if bright:
            return Health.BRIGHT
        if covered:
            return Health.COVERED
        return Health.MOVED if moved else Health.OK


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Evenly spread pixels of the picture, in grey, not averaged: noise stays as it is.

    Args:
        pixels: uint8 (height, width, 3), RGB.

    Returns:
        uint8 (rows, columns), at most 144 x 256.
    """
    height, width = pixels.shape[:2]
    picked = pixels[:: -(-height // _ROWS), :: -(-width // _COLUMNS)].astype(np.uint16)
    grey = (picked[..., 0] + 2 * picked[..., 1] + picked[..., 2]) >> 2
    return grey.astype(np.uint8)


class _Stillness:
    """Since when, and for how many pictures, has each block not changed by more than a step?"""

    def __init__(self, blocks: tuple[int, ...], since: float, samples: int) -> None:
        self.since = np.full(blocks, since)
        self._samples = np.full(blocks, samples, np.int64)

    def update(self, moved: NDArray[np.bool_], monotonic: float) -> None:
        self.since[moved] = monotonic
        self._samples = np.where(moved, 1, self._samples + 1)

    def holds(self, limits: HealthLimits, monotonic: float) -> NDArray[np.bool_]:
        """Which blocks were still for the whole window."""
        long = monotonic - self.since >= limits.frozen_after_seconds
        return long & (self._samples >= limits.frozen_samples)


class _FreezeWatch:
    """Has the picture stood still for the whole window, but for its clock?"""

    def __init__(self, limits: HealthLimits) -> None:
        self._limits = limits
        self._last: NDArray[np.uint8] | None = None
        self.still_since = 0.0
        """Since when nothing has moved that may not."""

    def resume(self, grey: NDArray[np.uint8], still_since: float) -> None:
        """As if this picture had been the last, and all blocks still since then."""
        self._begin(grey, still_since, self._limits.frozen_samples - 1)

    def _begin(self, grey: NDArray[np.uint8], since: float, samples: int) -> None:
        blocks = _over_blocks(np.maximum, grey).shape
        self._last = grey
        self._noise = _Stillness(blocks, since, samples)
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
        # max - min, because unsigned numbers have no difference below zero.
        change = _over_blocks(np.maximum, np.maximum(grey, last) - np.minimum(grey, last))
        self._noise.update(change > limits.frozen_step, monotonic)
        self._scene.update(change > limits.frozen_scene_step, monotonic)
        counts = (_over_blocks(np.maximum, grey) > limits.clipped_low) & (
            _over_blocks(np.minimum, grey) < limits.clipped_high
        )
        total = int(counts.sum())
        if total == 0:
            self.still_since = monotonic
            return False
        latest_first = np.sort(self._noise.since[counts])[::-1]
        allowed = min(int(limits.frozen_moving_share * total), total - 1)
        scene = self._scene.since[~self._clock]
        self.still_since = float(max(latest_first[allowed], scene.max(initial=-np.inf)))
        moving = total - int((self._noise.holds(limits, monotonic) & counts).sum())
        still = self._scene.holds(limits, monotonic)
        frozen = moving <= limits.frozen_moving_share * total and bool(still[~self._clock].all())
        if frozen and not self._clock_known:
            self._find_clock(still, monotonic)
        return frozen

    def _find_clock(self, still: NDArray[np.bool_], monotonic: float) -> None:
        """All else is still, so what moves at the edge is the clock; once found, it is no other.

        A flame that begins later at the edge of the picture is not taken for it.
        """
        if self._clock_since is None:
            return
        if monotonic - self._clock_since < self._limits.frozen_after_seconds:
            return
        runs = self._clock & ~still
        found = runs.copy()
        # A line of text: minutes and hours stand beside the seconds, and move less often.
        for step in range(1, _CLOCK_REACH + 1):
            found[:, step:] |= runs[:, :-step]
            found[:, :-step] |= runs[:, step:]
        self._clock &= found
        self._clock_known = True


class _DetailWatch:
    """How much detail does this scene usually have, and how much now?"""

    def __init__(self, limits: HealthLimits) -> None:
        self._limits = limits
        self._level: float | None = None
        self._began = self._last = 0.0
        self._low_since: float | None = None

    def update(self, grey: NDArray[np.uint8], monotonic: float) -> bool:
        limits = self._limits
        detail = _detail(grey)
        if self._level is None:
            self._level, self._began, self._last = detail, monotonic, monotonic
            return False
        elapsed, self._last = max(0.0, monotonic - self._last), monotonic
        known = monotonic - self._began >= limits.learn_seconds
        low = (
            known
            and self._level >= limits.covered_least_level
            and detail < limits.covered_share * self._level
        )
        if not low:
            self._low_since = None
        elif self._low_since is None:
            self._low_since = monotonic
        half_life = limits.forget_half_life_seconds if low else limits.learn_half_life_seconds
        self._level += (detail - self._level) * (1.0 - 0.5 ** (elapsed / half_life))
        return (
            self._low_since is not None
            and monotonic - self._low_since >= limits.covered_after_seconds
        )


def _over_blocks(function: np.ufunc, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
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


def _detail(grey: NDArray[np.uint8]) -> float:
    """Mean step between neighbours after averaging, grey levels; 0 for a picture too small."""
    rows, columns = (side // _AVERAGED for side in grey.shape)
    if rows < 2 or columns < 2:
        return 0.0
    cut = grey[: rows * _AVERAGED, : columns * _AVERAGED].reshape(rows, _AVERAGED, -1)
    summed = cut.sum(axis=1, dtype=np.int32).reshape(rows, columns, _AVERAGED).sum(axis=2)
    mean = summed / _AVERAGED**2
    steps = np.abs(np.diff(mean, axis=0)).mean() + np.abs(np.diff(mean, axis=1)).mean()
    return float(steps) / 2
