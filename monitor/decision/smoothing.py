"""Smoothing in time: scores jitter from frame to frame, a fire does not.

A smoother belongs to one region of one camera. It takes one list of values a frame (each label's
score, and the hazard) and gives the smoothed list. Time comes in as ``step``: the seconds that
this frame adds to what was observed, see :mod:`monitor.decision.observed`.
"""

from collections import deque
from collections.abc import Sequence
from math import exp, log
from typing import Protocol

from monitor.decision.settings import SmoothingSettings


class Smoother(Protocol):
    """What every kind of smoothing does."""

    def update(self, values: Sequence[float], step: float) -> list[float]:
        """Take the values of a frame, ``step`` seconds after the one before; give the smoothed."""
        ...

    def dump(self) -> list[list[float]]:
        """All that must survive a restart."""
        ...

    def load(self, rows: Sequence[Sequence[float]]) -> None:
        """Go on from what :meth:`dump` gave."""
        ...


class Exponential:
    """Exponential smoothing by time: after ``half_life`` seconds an old value weighs half.

    The first frame is taken as it is: with nothing before it there is nothing to smooth with, and
    the rule's ``for`` still stands between it and an alert.
    """

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._smoothed: list[float] = []

    def update(self, values: Sequence[float], step: float) -> list[float]:
        if not self._smoothed or self._half_life <= 0:
            self._smoothed = list(values)
        else:
            # A weighted mean, and not old + share * (new - old): the mean of two equal values is
            # that value to the last bit, and a larger value never gives a smaller mean.
            keep = 0.5 ** (step / self._half_life)
            take = 1.0 - keep
            self._smoothed = [
                keep * old + take * new for old, new in zip(self._smoothed, values, strict=True)
            ]
        return self._smoothed

    def dump(self) -> list[list[float]]:
        return [list(self._smoothed)] if self._smoothed else []

    def load(self, rows: Sequence[Sequence[float]]) -> None:
        self._smoothed = list(rows[-1]) if rows else []


class Rank:
    """The ``k``-th highest of the last ``n`` values; it is above a threshold when k of n are.

    With ``n // 2 + 1`` for k it is the (lower) median of n. Samples that do not exist yet count
    as 0: after a start, k frames must be above before the value is.
    """

    def __init__(self, k: int, n: int) -> None:
        self._k = k
        self._rows: deque[list[float]] = deque(maxlen=n)

    def update(self, values: Sequence[float], step: float) -> list[float]:
        del step  # it counts samples, not seconds
        self._rows.append(list(values))
        if len(self._rows) < self._k:
            return [0.0] * len(values)
        return [sorted(column)[-self._k] for column in zip(*self._rows, strict=True)]

    def dump(self) -> list[list[float]]:
        return [list(row) for row in self._rows]

    def load(self, rows: Sequence[Sequence[float]]) -> None:
        self._rows.clear()
        self._rows.extend(list(row) for row in rows)


class Sequential:
    """A sequential test: log-odds are summed over time, and the sum is turned back to 0 to 1.

    Wald's test (1945) in the form of a cumulative sum with two bounds (Page 1954). A calibrated
    score's log-odds less those of the ``reference`` are what a second of it says for a hazard;
    frames within a second look alike and say it once, so the sum grows with time and not with the
    count. It never leaves -BOUND to BOUND: hours without fire do not delay an alert, and a long
    fire does not delay its end. It begins at -BOUND. A score of 0.94 against a reference of 0.5
    passes a threshold of 0.65 within a second, one of 0.75 in 3 s, one of 0.6 in 7 s, and one of
    0.5 never does.
    """

    BOUND = 2.0
    """Log-odds: 0.12 and 0.88."""

    MOST = 4.0
    """Most that a second can say, in log-odds: a single frame never decides alone."""

    def __init__(self, reference: float) -> None:
        self._reference = log(reference / (1.0 - reference))
        self._sums: list[float] = []

    def update(self, values: Sequence[float], step: float) -> list[float]:
        if not self._sums:
            self._sums = [-self.BOUND] * len(values)
        bound, most = self.BOUND, self.MOST
        for index, value in enumerate(values):
            odds = value / (1.0 - value) if value < 1.0 else _LARGEST_ODDS
            says = log(odds) - self._reference if odds > 0.0 else -most
            total = self._sums[index] + step * min(max(says, -most), most)
            self._sums[index] = min(max(total, -bound), bound)
        return [1.0 / (1.0 + exp(-total)) for total in self._sums]

    def dump(self) -> list[list[float]]:
        return [list(self._sums)] if self._sums else []

    def load(self, rows: Sequence[Sequence[float]]) -> None:
        self._sums = list(rows[-1]) if rows else []


_LARGEST_ODDS = 1e9


def make_smoother(settings: SmoothingSettings) -> Smoother:
    """The smoother that the settings name."""
    if settings.kind == "median":
        return Rank(settings.n // 2 + 1, settings.n)
    if settings.kind == "k_of_n":
        return Rank(settings.k, settings.n)
    if settings.kind == "sequential":
        return Sequential(settings.reference)
    return Exponential(settings.half_life)
