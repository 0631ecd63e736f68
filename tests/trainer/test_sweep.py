"""The sweep over settings, on made scores whose best settings are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from monitor.decision.settings import (
    BaselineSettings,
    DecisionSettings,
    RuleSettings,
    SmoothingSettings,
)
from monitor.recording import Part, Source
from trainer.sweep import (
    HOLDS,
    SMOOTHINGS,
    THRESHOLDS,
    WEEK_SECONDS,
    Candidate,
    Case,
    Hazard,
    Score,
    candidates,
    choose,
    judge,
    pareto,
    poisson_interval,
)

LABELS = ("fire", "misc", "smoke")
RULES = (RuleSettings("fire", "fire", 0.65), RuleSettings("smoke", "smoke", 0.65))
SETTINGS = DecisionSettings(baseline=BaselineSettings(enabled=False))
PLAIN = SmoothingSettings("exponential", half_life=0.0)


def part(fires: Sequence[float], camera: str = "dock") -> Part:
    fire = np.array(fires, np.float32)
    rows = np.stack([fire, 1 - fire, np.zeros_like(fire)], axis=1)[:, None, :]
    times = 1.0 + np.arange(len(fire), dtype=np.float64)
    return Part(camera, Source(LABELS, ("full",), "abc", 1.0), times, times, rows)


FIRE = Case("fire", (part([0.1] * 20 + [0.8] * 20),), (Hazard(21.0, 40.0, "fire"),))
QUIET = Case("quiet", (part([0.1] * 600),))
LAMP = Case("lamp", (part(([0.1] * 100 + [0.7] * 2) * 3),))


def score(candidate: Candidate, *cases: Case) -> Score:
    return judge(candidate, cases, candidate.rules(RULES), SETTINGS, within_seconds=10)


def test_a_fire_is_found_after_the_time_asked_and_called_fire() -> None:
    found = score(Candidate(0.6, 3.0, PLAIN), FIRE, QUIET)
    assert (found.hazards, found.found, found.fires, found.called) == (1, 1, 1, 1)
    assert found.delays == (3.0,)
    assert (found.false_alarms, found.per_week) == (0, 0.0)


def test_what_comes_too_late_is_not_found() -> None:
    late = Case("late", (part([0.1] * 40 + [0.8] * 20),), (Hazard(21.0, 60.0, "fire"),))
    assert score(Candidate(0.6, 1.0, PLAIN), late).found == 0


def test_an_alert_that_fires_already_when_it_begins_has_found_it_and_was_false_before() -> None:
    early = Case("early", (part([0.8] * 40),), (Hazard(21.0, 40.0, "fire"),))
    found = score(Candidate(0.6, 1.0, PLAIN), early)
    assert (found.found, found.delays, found.false_alarms) == (1, (0.0,), 1)


def test_a_lamp_raises_false_alarms_only_where_it_is_believed_at_once() -> None:
    hasty = score(Candidate(0.6, 0.0, PLAIN), LAMP)
    assert hasty.false_alarms == 3
    assert hasty.per_week == pytest.approx(3 * WEEK_SECONDS / hasty.quiet_seconds)
    assert score(Candidate(0.6, 3.0, PLAIN), LAMP).false_alarms == 0


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    """All candidates on a fire and a lamp."""
    return [score(candidate, FIRE, LAMP, QUIET) for candidate in candidates()]


def test_the_proposal_finds_all_within_the_budget_and_stands_inside_its_plateau(
    scores: list[Score],
) -> None:
    proposed = choose(scores, budget_per_week=1.0)
    assert proposed is not None
    assert (proposed.found, proposed.false_alarms) == (1, 0)
    assert THRESHOLDS[0] < proposed.candidate.threshold < THRESHOLDS[-1]
    assert HOLDS[0] < proposed.candidate.hold_seconds < HOLDS[-1]


def test_no_proposal_where_nothing_keeps_to_the_budget() -> None:
    blaze = Case("wall", (part([0.99] * 15),))
    assert choose([score(c, blaze) for c in candidates()], budget_per_week=1.0) is None


def test_the_front_holds_what_no_other_beats(scores: list[Score]) -> None:
    front = pareto(scores)
    for one in front:
        assert not any(
            other.recall >= one.recall
            and other.per_week <= one.per_week
            and (other.recall > one.recall or other.per_week < one.per_week)
            for other in scores
        )
    assert [s.per_week for s in front] == sorted(s.per_week for s in front)


def test_the_grid_has_each_setting_once() -> None:
    grid = list(candidates())
    assert len(grid) == len(set(grid)) == len(THRESHOLDS) * len(HOLDS) * len(SMOOTHINGS)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]
)
def test_poisson_intervals_are_those_of_the_tables(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.005)
