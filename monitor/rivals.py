"""Rules that others use to turn scores into alarms, to be measured against. Pure.

Each is a statistic of the last samples, an alarm where it reaches a threshold, and the end of the
alarm where it falls below the threshold times ``clear_ratio``. They count samples, and not time.

- *raw*: each score by itself;
- *median of 10*: of the last ten scores, over 0.7 where it is used;
- *3 in a row*: the lowest of the last three;
- *mean of 8, x0.8*: the mean of the last eight, with hysteresis, as in tools for smoke in
  landscapes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
Statistic = Callable[[Series], Series]
"""One row of samples for each moment, to one value for each."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One rule, without its threshold."""

    name: str
    window: int
    statistic: Statistic
    clear_ratio: float

    def values(self, scores: Series) -> Series:
        """What stands against the threshold, for each sample; samples before the first are 0."""
        padded = np.concatenate([np.zeros(self.window - 1), scores])
        return self.statistic(np.lib.stride_tricks.sliding_window_view(padded, self.window))

    def alarms(self, values: Series, threshold: float, keep: int = 0) -> list[int]:
        """Positions at which an alarm begins.

        Args:
            values: what :meth:`values` gave.
            keep: how many samples in a row may be below and the alarm goes on all the same.
        """
        begun: list[int] = []
        last = -keep - 2  # the newest sample that held the alarm
        for index in np.flatnonzero(values >= threshold * self.clear_ratio).tolist():
            up = index - last <= keep + 1
            if values[index] >= threshold and not up:
                begun.append(index)
            elif not up:
                continue
            last = index
        return begun


RIVALS: tuple[Rival, ...] = (
    Rival("raw", 1, lambda rows: rows[:, 0], 1.0),
    Rival("median of 10", 10, lambda rows: np.median(rows, axis=1), 1.0),
    Rival("3 in a row", 3, lambda rows: rows.min(axis=1), 1.0),
    Rival("mean of 8, x0.8", 8, lambda rows: rows.mean(axis=1), 0.8),
)
