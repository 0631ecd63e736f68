"""Which settings of the decision suit recorded scores, for a stated budget of false alarms. Pure.

A *case* is a stretch of recorded scores with what it shows: from when to when there was fire or
smoke, if ever. Every candidate decides on every case; what fired is compared with what was there.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeVar

from monitor.clip_measures import EARLY_SECONDS
from monitor.decision.settings import DecisionSettings, RuleSettings, SmoothingSettings
from monitor.decision.state import AlertState, Transition
from monitor.recording import Part
from trainer.recorded import Replay

WEEK_SECONDS = 7 * 86400.0

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
HOLDS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)
SMOOTHINGS = (
    *(SmoothingSettings("exponential", half_life=s) for s in (0.0, 0.5, 1.0, 2.0, 4.0)),
    *(SmoothingSettings("median", n=n) for n in (3, 5, 10)),
    *(SmoothingSettings("k_of_n", n=n, k=k) for n, k in ((3, 2), (5, 3), (5, 4))),
)

_Value = TypeVar("_Value")

_REACH = 2
"""How many steps away, on each axis of the grid, the settings beside some are looked at."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """Fire or smoke that was there; times are monotonic, as those of the case's parts."""

    began: float
    ended: float
    label: str
    """``fire`` or ``smoke``."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Recorded scores of one camera, and what they show."""

    name: str
    parts: tuple[Part, ...]
    hazards: tuple[Hazard, ...] = ()

    @property
    def quiet_seconds(self) -> float:
        """How long there was nothing to be found."""
        seconds = sum(float(part.monotonic[-1] - part.monotonic[0]) for part in self.parts)
        return max(0.0, seconds - sum(hazard.ended - hazard.began for hazard in self.hazards))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One set of constants, the same for all rules."""

    threshold: float
    hold_seconds: float
    smoothing: SmoothingSettings

    def rules(self, rules: Sequence[RuleSettings]) -> tuple[RuleSettings, ...]:
        """The rules with these constants."""
        return tuple(
            replace(rule, threshold=self.threshold, hold_seconds=self.hold_seconds)
            for rule in rules
        )


@dataclass(frozen=True, slots=True)
class Score:
    """How a candidate did on all cases."""

    candidate: Candidate
    hazards: int
    found: int
    """Hazards that were raised in time."""
    called: int
    """Of the fires among those found: how many were called fire."""
    fires: int
    """Fires among those found."""
    delays: tuple[float, ...]
    """Seconds from the beginning to the alert, of those that were found."""
    false_alarms: int
    quiet_seconds: float

    @property
    def recall(self) -> float:
        return self.found / self.hazards if self.hazards else math.nan

    @property
    def per_week(self) -> float:
        """False alarms for each camera and week."""
        return self.false_alarms * WEEK_SECONDS / self.quiet_seconds if self.quiet_seconds else 0.0

    @property
    def most_per_week(self) -> float:
        """Upper end of the 95 % interval of :attr:`per_week`; infinite without quiet time."""
        if not self.quiet_seconds:
            return math.inf
        return poisson_interval(self.false_alarms)[1] * WEEK_SECONDS / self.quiet_seconds

    @property
    def median_delay(self) -> float:
        return median(self.delays) if self.delays else math.inf


def candidates() -> Iterator[Candidate]:
    """All that a sweep tries: thresholds, times and smoothings of the grid above."""
    for threshold, hold, smoothing in itertools.product(THRESHOLDS, HOLDS, SMOOTHINGS):
        yield Candidate(threshold, hold, smoothing)


def judge(
    candidate: Candidate,
    cases: Iterable[Case],
    rules: Sequence[RuleSettings],
    settings: DecisionSettings,
    within_seconds: float,
) -> Score:
    """Decide on all cases with a candidate, and compare.

    Args:
        candidate: the constants that are tried; the smoothing is taken from it.
        cases: recorded scores with what they show.
        rules: the rules to decide by: the candidate's, see :meth:`Candidate.rules`.
        settings: the other settings; the smoothing is the candidate's.
        within_seconds: a later alert does not count as found.

    Raises:
        ConfigError: a rule is for a label that a recording does not have.
    """
    chosen = replace(settings, smoothing=candidate.smoothing)
    hazards = found = called = fires = false_alarms = 0
    delays: list[float] = []
    quiet = 0.0
    for case in cases:
        quiet += case.quiet_seconds
        alerts = _alerts(Replay(rules, chosen).run(case.parts))
        for hazard in case.hazards:
            hazards += 1
            hits = [alert for alert in alerts if alert.overlaps(hazard)]
            # An alert that was firing already goes on: the hazard is not missed, it is at once.
            delay = max(0.0, hits[0].began - hazard.began) if hits else math.inf
            if delay > within_seconds:
                continue
            found += 1
            delays.append(delay)
            if hazard.label == "fire":
                fires += 1
                called += any(alert.label == "fire" for alert in hits)
        early = (
            alert.began
            for alert in alerts
            if not any(h.began - EARLY_SECONDS <= alert.began <= h.ended for h in case.hazards)
        )
        false_alarms += _incidents(early)
    return Score(candidate, hazards, found, called, fires, tuple(delays), false_alarms, quiet)


def pareto(scores: Iterable[Score]) -> list[Score]:
    """Those that no other beats in recall and in false alarms, fewest false alarms first."""
    best: list[Score] = []
    for score in sorted(scores, key=lambda s: (s.per_week, -s.recall, s.median_delay)):
        if not best or score.recall > best[-1].recall:
            best.append(score)
    return best


def choose(scores: Sequence[Score], budget_per_week: float) -> Score | None:
    """The settings to propose; None where none keeps to the budget.

    Of those within the budget that find most, the one whose neighbours on the grid do as well: the
    middle of a plateau holds on other cameras, its edge was luck. Of equals the fastest.
    """
    fitting = [score for score in scores if score.per_week <= budget_per_week]
    if not fitting:
        return None
    most = max(score.found for score in fitting)
    good = {score.candidate for score in fitting if score.found == most}

    def rank(score: Score) -> tuple[float, float]:
        return -_plateau(score.candidate, good), score.median_delay

    return min((score for score in fitting if score.candidate in good), key=rank)


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson mean, of which ``count`` was seen (Garwood, 1936)."""
    low = 0.0 if count == 0 else _solve(lambda mean: 1 - _at_most(count - 1, mean), 0.025, count)
    return low, _solve(lambda mean: 1 - _at_most(count, mean), 0.975, count)


def _solve(rising: Callable[[float], float], target: float, count: int) -> float:
    low, high = 0.0, 10.0 + 3.0 * count
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2


def _at_most(count: int, mean: float) -> float:
    """The chance that a Poisson variable is ``count`` or less."""
    if mean <= 0:
        return 1.0
    logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1)]
    return min(1.0, sum(map(math.exp, logs)))


@dataclass(frozen=True, slots=True)
class _Alert:
    """One alert that fired."""

    began: float
    ended: float
    label: str

    def overlaps(self, hazard: Hazard) -> bool:
        return self.began <= hazard.ended and self.ended >= hazard.began - EARLY_SECONDS


def _alerts(transitions: Iterable[Transition]) -> list[_Alert]:
    """All that fired, in the order they began; one that never ended goes on for ever."""
    began: dict[str, tuple[float, str]] = {}
    ended: list[_Alert] = []
    for transition in transitions:
        at = transition.captured_monotonic
        if transition.state is AlertState.FIRING:
            began[transition.alert] = at, transition.label
        elif transition.previous is AlertState.FIRING:
            ended.append(_Alert(began[transition.alert][0], at, began.pop(transition.alert)[1]))
    ended += [_Alert(at, math.inf, label) for at, label in began.values()]
    return sorted(ended, key=lambda alert: alert.began)


def _incidents(times: Iterable[float]) -> int:
    """Alerts less than a minute apart are one: smoke that is then called fire wakes once."""
    count = 0
    last = -math.inf
    for at in sorted(times):
        count += at - last > 60.0
        last = at
    return count


def _plateau(candidate: Candidate, good: Collection[Candidate]) -> float:
    """Which part of the places up to two steps away, on each axis of the grid, does as well.

    What lies beyond the grid counts as worse: an extreme is no middle.
    """
    same_kind = [s for s in SMOOTHINGS if s.kind == candidate.smoothing.kind]
    near = [
        *(replace(candidate, threshold=v) for v in _beside(THRESHOLDS, candidate.threshold)),
        *(replace(candidate, hold_seconds=v) for v in _beside(HOLDS, candidate.hold_seconds)),
        *(replace(candidate, smoothing=v) for v in _beside(same_kind, candidate.smoothing)),
    ]
    return sum(place in good for place in near) / (3 * 2 * _REACH)


def _beside(values: Sequence[_Value], own: _Value) -> list[_Value]:
    """The values up to two places below and above; fewer at the ends."""
    if own not in values:
        return []
    at = values.index(own)
    return [*values[max(0, at - _REACH) : at], *values[at + 1 : at + 1 + _REACH]]
