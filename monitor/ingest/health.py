"""Judges what a picture shows of the camera's state: frozen, looped, dark, covered, moved. Pure.

**Frozen.** Nearly nothing moves, sensor noise included (:mod:`monitor.ingest.freeze`).

**Looped.** The same pictures come again and again (:mod:`monitor.ingest.repeats`).

**Covered.** No detail is left where there was some: the mean step between neighbours, on a picture
averaged down so far that noise does not count, has fallen far below the level learned before. Dense
smoke does that as well, so this never keeps a frame from being scored.

**Moved.** The edges of what stands in the scene are not where they were
(:mod:`monitor.ingest.scenery`).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.frame import Health
from monitor.ingest.freeze import FreezeLimits, FreezeWatch
from monitor.ingest.gist import AVERAGED, NO_GIST, gist, is_blank, square_sums
from monitor.ingest.repeats import RepeatLimits, RepeatWatch
from monitor.ingest.scenery import SceneryWatch
from monitor.layout import Image, Layout

_ROWS, _COLUMNS = 144, 256
"""Pixels looked at, evenly spread; fewer where the picture has fewer."""


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """What counts as what; grey levels are 0 to 255."""

    freeze: FreezeLimits = field(default_factory=FreezeLimits)
    repeats: RepeatLimits = field(default_factory=RepeatLimits)
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
    """Judges the pictures of one camera, in order; takes half a millisecond each."""

    def __init__(self, limits: HealthLimits | None = None, *, may_loop: bool = False) -> None:
        """
        Args:
            limits: what counts as what.
            may_loop: the source is a recording that is meant to come again and again.
        """
        self._limits = limits or HealthLimits()
        self._may_loop = may_loop
        self._form: tuple[tuple[int, int], Layout] | None = None
        self.gist = NO_GIST
        """Of the last picture."""
        self._begin()

    def _begin(self) -> None:
        self._freeze = FreezeWatch(self._limits.freeze)
        self._repeats = RepeatWatch(self._limits.repeats)
        self._detail = _DetailWatch(self._limits)
        self._scenery = SceneryWatch()

    @property
    def still_since(self) -> float:
        """Since when the picture has not moved, monotonic seconds; as of the last picture."""
        return self._freeze.still_since

    @property
    def still_from_lively(self) -> bool:
        """Whether the pictures tingled until then: then less time makes a freeze."""
        return self._freeze.still_from_lively

    def resume(
        self,
        image: Image,
        still_since: float,
        still_from_lively: bool = False,
    ) -> None:
        """Go on where another judge of the same camera was lost: a picture that was frozen is
        frozen still, unless the next one differs.

        Args:
            image: the last picture that it judged.
            still_since: what it said then.
            still_from_lively: likewise.
        """
        self._form = image.size, image.layout
        self._freeze.resume(thumbnail(image), still_since, still_from_lively)

    def update(self, image: Image, monotonic: float) -> Health:
        """The state that this picture, after those before it, shows.

        Args:
            image: one of another size or layout than before starts anew.
            monotonic: when it was captured, seconds.
        """
        if (image.size, image.layout) != self._form:
            self._form = image.size, image.layout
            self._begin()
        grey = thumbnail(image)
        self.gist = gist(grey)
        frozen = self._freeze.update(grey, monotonic)
        looped = not self._may_loop and self._repeats.update(
            grey, self._freeze.moving_share, monotonic
        )
        tail = 0.05 * grey.size
        dark = np.count_nonzero(grey >= self._limits.dark_level) <= tail
        bright = np.count_nonzero(grey < self._limits.bright_level) <= tail
        blank = not dark and is_blank(self.gist)
        covered = not (dark or bright) and (self._detail.update(grey, monotonic) or blank)
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
        if looped:
            return Health.LOOPED
        return Health.MOVED if moved else Health.OK


def thumbnail(image: Image) -> NDArray[np.uint8]:
    """What is looked at of a picture: see :meth:`monitor.layout.Image.grey`.

    Returns:
        uint8 (rows, columns), at most 144 x 256.
    """
    return image.grey(_ROWS, _COLUMNS)


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


def _detail(grey: NDArray[np.uint8]) -> float:
    """Mean step between neighbours after averaging, grey levels; 0 for a picture too small."""
    sums = square_sums(grey)
    if min(sums.shape) < 2:
        return 0.0
    mean = sums / AVERAGED**2
    steps = np.abs(np.diff(mean, axis=0)).mean() + np.abs(np.diff(mean, axis=1)).mean()
    return float(steps) / 2
