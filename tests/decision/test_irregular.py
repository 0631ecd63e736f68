"""Frames that come much faster than usual for a while, as in a burst."""

import pytest

from monitor.decision.decider import Decider
from monitor.decision.settings import DecisionSettings
from monitor.decision.state import AlertState
from tests.support.decisions import LABELS, frame, rules


def seldom(hold: float = 1.0) -> Decider:
    """A camera that is usually sampled every five seconds."""
    return Decider("dock", rules(hold), LABELS, DecisionSettings(sample_seconds=5.0))


def fired_at(times: list[float], fire: float = 0.9, hold: float = 1.0) -> float:
    decided = seldom(hold)
    for at in times:
        decided.update(frame(at, fire=fire))
        if decided.states()["fire"] is AlertState.FIRING:
            return at
    raise AssertionError("it did not fire")


@pytest.mark.parametrize("hold", [1.0, 3.0])
def test_for_is_as_long_in_a_burst_as_the_rule_says(hold: float) -> None:
    burst = [100.0 + index / 5 for index in range(30)]
    assert fired_at(burst, hold=hold) == pytest.approx(100.0 + hold, abs=0.21)


def test_a_burst_confirms_in_seconds_what_would_take_a_sample_period() -> None:
    assert fired_at([100.0, 105.0, 110.0]) == 105.0
    assert fired_at([100.0, 100.4, 100.6, 100.8, 101.0, 101.2]) <= 101.2


def test_a_short_flash_that_a_burst_sees_end_does_not_fire() -> None:
    decided = seldom(hold=2.0)
    for index in range(40):
        decided.update(frame(100 + index / 5, fire=0.9 if index < 3 else 0.0))
    assert decided.states()["fire"] is AlertState.INACTIVE


def test_the_usual_pace_after_a_burst_goes_on_counting() -> None:
    decided = seldom(hold=8.0)
    for at in [100.0, 100.2, 100.4, 105.4]:
        decided.update(frame(at, fire=0.9))
        assert decided.states()["fire"] is AlertState.PENDING
    decided.update(frame(110.4, fire=0.9))
    assert decided.states()["fire"] is AlertState.FIRING
