"""Judges what a picture shows of the camera's own state: frozen, dark, blown out, covered. Pure.

**Frozen.** A camera's sensor is never silent: even of a still wall at night, and through a strong
encoder, its pictures differ. Measured on H.264 at 200 kbit/s and 640x360, with sensor noise of a
standard deviation of 0.7 grey levels: in two pictures a second apart, 60 to 100 % of the blocks
hold a pixel that differs by more than 2 levels; of a source without noise it is 0 to 5 % once the
encoder has settled. So a block moves when one of its pixels changes by more than that, and the
picture is frozen when nearly no block has moved for the whole window. Nearly: the clock that a
camera writes into its picture goes on when the sensor has died. Blocks that are clipped to black or
white do not count, because there the noise is cut off. A test pattern, or one still image shown as
video, counts as frozen, and is. The first picture in which the scene moves again is not frozen.

**Covered.** No detail is left where there was some: the mean step between neighbours, on a picture
averaged down so far that noise does not count, has fallen far below the level learned before. Dense
smoke does that as well, so this never keeps a frame from being scored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.frame import Health

_ROWS, _COLUMNS = 144, 256
"""Pixels looked at, evenly spread; fewer where the picture has fewer."""
_BLOCK_ROWS, _BLOCK_COLUMNS = 12, 16
"""Blocks in which movement is looked for."""
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
    """Judges the pictures of one camera, in order; takes about half a millisecond each."""

    def __init__(self, limits: HealthLimits | None = None) -> None:
        self._limits = limits or HealthLimits()
        self._freeze = _FreezeWatch(self._limits)
        self._detail = _DetailWatch(self._limits)
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
        grey = thumbnail(pixels)
        frozen = self._freeze.update(grey, monotonic)
        levels = np.bincount(grey.ravel(), minlength=256)
        tail = 0.05 * grey.size
        dark = int(levels[self._limits.dark_level :].sum()) <= tail
        bright = int(levels[: self._limits.bright_level].sum()) <= tail
        covered = not (dark or bright) and self._detail.update(grey, monotonic)
        if frozen:
            return Health.FROZEN
        if dark:
            return Health.DARK
        if bright:
            return Health.BRIGHT
        return Health.COVERED if covered else Health.OK


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


class _FreezeWatch:
    """Since when has each block of the picture not moved?"""

    def __init__(self, limits: HealthLimits) -> None:
        self._limits = limits
        self._last: NDArray[np.uint8] | None = None
        self._still_since: NDArray[np.float64] | None = None
        self._still_samples: NDArray[np.int64] | None = None
        self.still_since = 0.0
        """Since when no more blocks than allowed have moved."""

    def resume(self, grey: NDArray[np.uint8], still_since: float) -> None:
        """As if this picture had been the last, and all blocks still since then."""
        blocks = _over_blocks(np.maximum, grey).shape
        self._last = grey
        self._still_since = np.full(blocks, still_since)
        self._still_samples = np.full(blocks, self._limits.frozen_samples - 1, np.int64)
        self.still_since = still_since

    def update(self, grey: NDArray[np.uint8], monotonic: float) -> bool:
        limits, last, self._last = self._limits, self._last, grey
        if last is None or self._still_since is None or self._still_samples is None:
            blocks = _over_blocks(np.maximum, grey).shape
            self._still_since = np.full(blocks, monotonic)
            self._still_samples = np.ones(blocks, np.int64)
            self.still_since = monotonic
            return False
        # max - min, because unsigned numbers have no difference below zero.
        change = np.maximum(grey, last) - np.minimum(grey, last)
        moved = _over_blocks(np.maximum, change) > limits.frozen_step
        self._still_since[moved] = monotonic
        self._still_samples = np.where(moved, 1, self._still_samples + 1)
        counts = (_over_blocks(np.maximum, grey) > limits.clipped_low) & (
            _over_blocks(np.minimum, grey) < limits.clipped_high
        )
        total = int(counts.sum())
        if total == 0:
            self.still_since = monotonic
            return False
        latest_first = np.sort(self._still_since[counts])[::-1]
        allowed = min(int(limits.frozen_moving_share * total), total - 1)
        self.still_since = float(latest_first[allowed])
        still = (monotonic - self._still_since >= limits.frozen_after_seconds) & (
            self._still_samples >= limits.frozen_samples
        )
        moving = total - int((still & counts).sum())
        return moving <= limits.frozen_moving_share * total


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
