"""Regions with thresholds of their own: what reaches theirs reaches the rule's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import Config
from monitor.decision.decider import Decider
from monitor.decision.settings import DecisionSettings, SmoothingSettings, decision_settings
from monitor.decision.thresholds import RegionThresholds, log_odds
from tests.support.decisions import LABELS, feed, fired, frame, rules

levels = st.floats(0, 1)
thresholds = st.floats(0.01, 0.99)


def decider(**own: float) -> Decider:
    settings = DecisionSettings(
        smoothing=SmoothingSettings(half_life=0.0), region_thresholds=tuple(own.items())
    )
    return Decider("dock", rules(2.0, 5.0, fire=0.6, smoke=0.7), LABELS, settings)


def seen(target: Decider, region: str, fire: float, smoke: float = 0.0) -> dict[str, float]:
    parts = [("full", 0.0, 0.0), (region, fire, smoke)]
    return fired(feed(target, [frame(float(at), regions=parts) for at in range(5)]))


@settings(max_examples=30)
@given(levels, thresholds, thresholds)
def test_what_reaches_the_regions_threshold_reaches_the_rules_and_nothing_else_does(
    evidence: float, own: float, rule: float
) -> None:
    lifted = RegionThresholds({"gate": own}).lift("gate", evidence, rule)
    assert 0 <= lifted <= 1
    assert (lifted >= rule) == (evidence >= own)


@settings(max_examples=30)
@given(levels, levels, thresholds, thresholds)
def test_more_evidence_counts_for_no_less(a: float, b: float, own: float, rule: float) -> None:
    lift = RegionThresholds({"gate": own}).lift
    assert lift("gate", min(a, b), rule) <= lift("gate", max(a, b), rule)


@settings(max_examples=30)
@given(levels, thresholds)
def test_regions_without_a_threshold_count_as_they_are(evidence: float, rule: float) -> None:
    assert RegionThresholds({"gate": 0.3}).lift("full", evidence, rule) == evidence
    assert RegionThresholds({"gate": rule}).lift("gate", evidence, rule) == evidence


def test_a_zone_with_a_lower_threshold_fires_where_the_full_view_would_not() -> None:
    assert seen(decider(gate=0.3), "gate", 0.35) == {"fire": 2.0}
    assert seen(decider(gate=0.3), "yard", 0.35) == {}
    assert seen(decider(gate=0.3), "gate", 0.25) == {}


def test_a_zone_with_a_higher_threshold_keeps_still_where_the_full_view_would_fire() -> None:
    assert seen(decider(gate=0.9), "gate", 0.8) == {}
    assert seen(decider(gate=0.9), "yard", 0.8) == {"fire": 2.0}
    assert seen(decider(gate=0.9), "gate", 0.92) == {"fire": 2.0}


def test_a_zones_threshold_holds_for_the_shared_evidence_of_a_new_event() -> None:
    assert seen(decider(gate=0.5), "gate", 0.3, 0.25) == {"fire": 2.0}
    assert seen(decider(gate=0.5), "gate", 0.2, 0.25) == {}


def test_the_explanation_shows_the_threshold_of_the_region() -> None:
    target = decider(gate=0.3)
    parts = [("full", 0.1, 0.0), ("gate", 0.35, 0.0)]
    pending, *_ = feed(target, [frame(float(at), regions=parts) for at in range(5)])
    assert (pending.why.region, pending.why.threshold) == ("gate", 0.3)
    assert abs(pending.score - 0.35) < 1e-6


def test_zones_and_tiles_bring_their_thresholds_from_the_configuration() -> None:
    square = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
    camera = {
        "name": "a",
        "url": "x",
        "tiles": {"rows": 1, "columns": 2, "threshold": 0.8},
        "zones": [
            {"name": "gate", "polygon": square, "threshold": 0.4},
            {"name": "yard", "polygon": square},
        ],
    }
    config = Config.model_validate({"cameras": [camera]})
    found = decision_settings(config, config.cameras[0]).region_thresholds
    assert found == (("gate", 0.4), ("tile-0-0", 0.8), ("tile-0-1", 0.8))


def test_log_odds_of_certainty_are_finite() -> None:
    assert log_odds(0.5) == 0.0
    assert log_odds(1.0) == pytest.approx(-log_odds(0.0)) == pytest.approx(13.8, abs=0.1)
