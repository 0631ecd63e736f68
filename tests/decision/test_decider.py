"""The decision of one camera, by examples."""

import time

import numpy as np
import pytest

from monitor.config import Config
from monitor.decision.decider import Decider
from monitor.decision.settings import (
    DecisionSettings,
    RuleSettings,
    decision_settings,
    rule_settings,
)
from monitor.decision.state import AlertState
from monitor.decision.strongest import EVIDENCE_SAMPLES
from monitor.errors import ConfigError
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from tests.support.decisions import LABELS, decider, feed, fired, frame, rules, steps


def test_fire_is_pending_then_firing_then_resolved() -> None:
    camera = decider(hold=2, keep=3)
    frames = [frame(t, fire=0.9) for t in range(4)] + [frame(t) for t in range(4, 9)]
    assert steps(feed(camera, frames)) == [
        ("fire", "pending", 0),
        ("fire", "firing", 2),
        ("fire", "resolved", 7),
    ]


def test_pending_that_ends_is_inactive_and_not_resolved() -> None:
    assert steps(feed(decider(hold=2), [frame(0, fire=0.9), frame(1)])) == [
        ("fire", "pending", 0),
        ("fire", "inactive", 1),
    ]


def test_rule_without_for_passes_through_pending_in_one_frame() -> None:
    assert steps(feed(decider(hold=0), [frame(0, smoke=0.7)])) == [
        ("smoke", "pending", 0),
        ("smoke", "firing", 0),
    ]


def test_scene_split_between_fire_and_smoke_raises_fire_at_once() -> None:
    frames = [frame(t, fire=0.45, smoke=0.45) for t in range(3)]
    assert fired(feed(decider(hold=2), frames)) == {"fire": 2}


def test_split_scene_that_smoke_leads_raises_smoke() -> None:
    frames = [frame(t, fire=0.4, smoke=0.5) for t in range(3)]
    assert fired(feed(decider(hold=2), frames)) == {"smoke": 2}


def test_leading_label_that_changes_does_not_delay_the_alert() -> None:
    shares = [(0.4, 0.5), (0.5, 0.4), (0.4, 0.5), (0.5, 0.4)]
    frames = [frame(t, fire, smoke) for t, (fire, smoke) in enumerate(shares)]
    assert min(fired(feed(decider(hold=2), frames)).values()) == 2


def test_smoke_becomes_fire_within_one_incident_and_does_not_flap() -> None:
    frames = [frame(t, smoke=0.9) for t in range(5)]
    frames += [frame(t, fire=0.8, smoke=0.1) for t in range(5, 10)]
    frames += [frame(t, fire=0.1, smoke=0.8) for t in range(10, 20)]
    frames += [frame(t) for t in range(20, 30)]
    transitions = feed(decider(hold=2, keep=3), frames)
    assert steps(transitions) == [
        ("smoke", "pending", 0),
        ("smoke", "firing", 2),
        ("fire", "pending", 5),
        ("fire", "firing", 7),
        ("fire", "resolved", 23),
        ("smoke", "resolved", 23),
    ]
    assert {t.incident for t in transitions} == {"hazard"}


def test_smoke_after_fire_stays_the_same_fire_alert() -> None:
    frames = [frame(t, fire=0.9) for t in range(5)] + [frame(t, smoke=0.9) for t in range(5, 60)]
    assert fired(feed(decider(hold=2, keep=3), frames)) == {"fire": 2}


def test_smoke_alone_never_raises_fire() -> None:
    frames = [frame(t, fire=0.05, smoke=0.95) for t in range(30)]
    assert fired(feed(decider(hold=2), frames)) == {"smoke": 2}


def test_two_frames_a_minute_apart_do_not_confirm() -> None:
    transitions = feed(decider(hold=2), [frame(0, fire=1.0), frame(60, fire=1.0)])
    assert steps(transitions) == [("fire", "pending", 0)]


def test_camera_that_is_slower_than_wanted_still_confirms() -> None:
    frames = [frame(t * 10, fire=0.9) for t in range(5)]
    assert fired(feed(decider(hold=2), frames)) == {"fire": 20}


def test_gap_does_not_clear() -> None:
    frames = [frame(t, fire=0.9) for t in range(3)] + [frame(3), frame(3000), frame(3001)]
    camera = decider(hold=2, keep=5)
    feed(camera, frames)
    assert camera.states()["fire"] is AlertState.FIRING


def test_clock_that_jumps_back_does_not_blind_the_camera() -> None:
    frames = [frame(10_000 + t, fire=0.0) for t in range(3)]
    frames += [frame(t, fire=0.9) for t in range(4)]
    assert fired(feed(decider(hold=2), frames)) == {"fire": 2}


def test_frame_that_comes_twice_or_late_changes_nothing() -> None:
    camera = decider(hold=2)
    feed(camera, [frame(10, fire=0.9), frame(11, fire=0.9)])
    before = camera.snapshot()
    assert feed(camera, [frame(11, fire=0.0), frame(10.5, fire=0.0)]) == []
    assert camera.snapshot() == before


def test_evidence_between_clearing_level_and_threshold_holds_an_alert() -> None:
    frames = [frame(t, fire=0.9) for t in range(3)] + [frame(t, fire=0.5) for t in range(3, 60)]
    camera = decider(hold=2, keep=5)
    feed(camera, frames)
    assert camera.states()["fire"] is AlertState.FIRING


def test_dip_below_threshold_stops_the_clock_of_for_and_does_not_reset_it() -> None:
    frames = [frame(t, fire=f) for t, f in enumerate([0.7, 0.7, 0.55, 0.7])]
    assert fired(feed(decider(hold=2), frames)) == {"fire": 3}


def test_one_certain_frame_does_not_make_an_alert_with_a_for() -> None:
    frames = [frame(0), frame(1, fire=1.0), frame(2), frame(3)]
    assert fired(feed(decider(hold=1, half_life=1.0), frames)) == {}


def test_alert_names_the_region_with_the_strongest_evidence() -> None:
    parts = [("full", 0.1, 0.0), ("tile-0-1", 0.9, 0.0), ("tile-1-1", 0.3, 0.0)]
    (pending,) = feed(decider(), [frame(0, regions=parts)])
    assert pending.why.region == "tile-0-1"
    assert pending.score == pytest.approx(0.9)


def test_scores_are_those_of_the_strongest_region() -> None:
    camera = decider(half_life=1.0)
    feed(camera, [frame(t, regions=[("full", 0, 0), ("tile-0-0", 0.25, 0.5)]) for t in range(2)])
    assert camera.region == "tile-0-0"
    assert camera.scores == {"fire": 0.25, "misc": 0.25, "smoke": 0.5}


def test_smoothing_of_a_region_that_is_gone_is_forgotten() -> None:
    camera = decider(half_life=1.0)
    feed(camera, [frame(0, regions=[("full", 0, 0), ("tile-0-0", 0, 0)]), frame(1)])
    assert [region.name for region in camera.snapshot().regions] == ["full"]


def test_explanation_says_why_in_numbers() -> None:
    _, firing = feed(decider(hold=2), [frame(t, fire=0.75) for t in range(3)])
    assert firing.why.threshold == 0.6
    assert firing.why.score == firing.why.smoothed == 0.75
    assert (firing.why.region, firing.why.frames, firing.why.seconds) == ("full", 2, 2)


def test_label_outside_the_hazards_counts_for_itself_alone() -> None:
    camera = Decider(
        "dock",
        [RuleSettings("steam", "steam", 0.6, 0), RuleSettings("smoke", "smoke", 0.6, 0)],
        ("fire", "misc", "smoke", "steam"),
    )
    region = ScoredRegion(Region("full"), np.array([0.0, 0.1, 0.45, 0.45], dtype=np.float32))
    assert camera.update(ScoredFrame("dock", 0, 0.0, 0.0, (region,))) == []
    region = ScoredRegion(Region("full"), np.array([0.0, 0.1, 0.0, 0.9], dtype=np.float32))
    transitions = camera.update(ScoredFrame("dock", 1, 1.0, 1.0, (region,)))
    assert fired(transitions) == {"steam": 1.0}
    assert transitions[0].incident == "steam"


def test_rule_for_an_unknown_label_is_refused_with_the_labels_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'sparks'.*fire, misc, smoke"):
        Decider("dock", [RuleSettings("sparks", "sparks", 0.5)], LABELS)


def test_scores_that_are_no_probabilities_are_refused_and_change_nothing() -> None:
    camera = decider()
    feed(camera, [frame(0, fire=0.5)])
    before = camera.snapshot()
    for bad in ([float("nan"), 0.5, 0.5], [0.5, 0.5], [9.0, 0.0, 0.0]):
        region = ScoredRegion(Region("full"), np.array(bad, dtype=np.float32))
        with pytest.raises(ValueError, match=r"scores"):
            camera.update(ScoredFrame("dock", 1, 1.0, 1.0, (region,)))
    assert camera.snapshot() == before


def test_frame_of_another_camera_is_refused() -> None:
    with pytest.raises(ValueError, match="'dock'"):
        decider().update(ScoredFrame("gate", 0, 0.0, 0.0, ()))


def test_changed_rule_begins_anew_after_a_restart() -> None:
    before = decider(hold=0)
    feed(before, [frame(0, fire=0.9)])
    after = decider(rule_set=(RuleSettings("fire", "smoke", 0.6), rules()[1]))
    after.restore(before.snapshot())
    assert set(after.states().values()) == {AlertState.INACTIVE}


def test_decision_costs_less_than_fifty_microseconds_a_frame() -> None:
    camera = decider(half_life=1.0)
    frames = [frame(t, fire=0.3 + 0.4 * (t % 2), smoke=0.1) for t in range(2000)]
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for scored in frames:
            camera.update(scored)
        best = min(best, (time.process_time() - began) / len(frames))
    assert best < 50e-6


def test_defaults_are_those_of_the_configuration() -> None:
    config = Config.model_validate({"cameras": [{"name": "dock", "url": "clip.mp4"}]})
    camera = config.cameras[0]
    assert decision_settings(config, camera) == DecisionSettings()
    assert [r.name for r in rule_settings(config, camera)] == ["fire", "smoke"]
    assert rule_settings(config, camera)[0].hold_seconds == RuleSettings("f", "f", 0.5).hold_seconds


def test_camera_that_names_rules_has_those_alone() -> None:
    camera = {"name": "dock", "url": "clip.mp4", "rules": ["smoke"], "fps": 4}
    config = Config.model_validate({"cameras": [camera]})
    assert [r.name for r in rule_settings(config, config.cameras[0])] == ["smoke"]
    assert decision_settings(config, config.cameras[0]).sample_seconds == 0.25


def test_frames_that_come_a_little_early_do_not_delay_an_alert() -> None:
    frames = [frame(t * 0.97, fire=0.9) for t in range(3)]
    assert list(fired(feed(decider(hold=2), frames)).values()) == [1.94]
    frames = [frame(t * 0.9, fire=0.9) for t in range(3)]
    assert fired(feed(decider(hold=2), frames)) == {}


def test_levels_say_what_each_rule_stands_at() -> None:
    camera = decider(rule_set=rules(fire=0.6, smoke=0.5))
    assert camera.levels() == ()
    feed(camera, [frame(0.0, 0.7), frame(1.0, 0.7), frame(2.0, 0.7), frame(3.0, 0.1, 0.45)])
    fire, smoke = camera.levels()
    assert (fire.alert, fire.state, fire.region) == ("fire", AlertState.FIRING, "full")
    # What holds a firing alert is the hazard, whatever label leads.
    assert fire.score == fire.smoothed == pytest.approx(0.55)
    assert (fire.threshold, fire.clear_level) == pytest.approx((0.6, 0.48))
    assert (smoke.state, smoke.threshold) == (AlertState.INACTIVE, 0.5)


def test_levels_are_those_of_a_region_with_a_threshold_of_its_own() -> None:
    camera = Decider("dock", rules(), LABELS, DecisionSettings(region_thresholds=(("gate", 0.3),)))
    feed(camera, [frame(0.0, regions=[("full", 0.1, 0.0), ("gate", 0.28, 0.0)])])
    fire, _ = camera.levels()
    assert (fire.region, fire.threshold) == ("gate", 0.3)
    assert fire.smoothed == pytest.approx(0.28)
    assert 0.1 < fire.clear_level < 0.28


def test_an_explanation_holds_the_evidence_over_time() -> None:
    frames = [frame(float(at), 0.1 if at < 40 else 0.7) for at in range(60)]
    firing = next(t for t in feed(decider(), frames) if t.state is AlertState.FIRING)
    assert len(firing.why.evidence) == EVIDENCE_SAMPLES
    ages, values = zip(*firing.why.evidence, strict=True)
    assert ages == tuple(float(age) for age in range(1 - EVIDENCE_SAMPLES, 1))
    assert values == (0.1,) * (EVIDENCE_SAMPLES - 3) + (0.7,) * 3
