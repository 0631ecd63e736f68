"""When rules hold, with which threshold, and what the decision makes of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Config
from monitor.decision.conditions import AS_USUAL, CameraConditions, Standing, conditions
from monitor.decision.decider import Decider
from monitor.decision.settings import (
    BaselineSettings,
    DecisionSettings,
    RuleSettings,
    SmoothingSettings,
    rule_settings,
)
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState, Transition
from monitor.inference.scored import ScoredFrame
from tests.decision.test_decider_properties import assert_edges, half_lives, holds, scenes
from tests.support.decisions import LABELS, decider, feed, frame, rules, steps

NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC, a Friday
OFF = Standing(holds=False, cause="muted in welding")

INTERVALS = [
    {
        "name": "noon",
        "time_intervals": [
            {"times": [{"start_time": "12:00", "end_time": "13:00"}], "location": "UTC"}
        ],
    },
    {"name": "fridays", "time_intervals": [{"weekdays": ["friday"], "location": "UTC"}]},
]


def standing(
    at: float, *signals: str, camera: dict[str, Any] | None = None, **rule: Any
) -> Standing:
    """How one rule stands at a Unix time."""
    config = Config.model_validate(
        {
            "cameras": [{"name": "dock", "url": "rtsp://h/s", **(camera or {})}],
            "rules": [{"name": "fire", "label": "fire", "threshold": 0.6, **rule}],
            "time_intervals": INTERVALS,
        }
    )
    (made,) = conditions(config, config.cameras[0])
    return made.standing(at, frozenset(signals))


def test_without_conditions_a_rule_stands_as_usual() -> None:
    assert standing(NOON) is AS_USUAL


def test_a_rule_holds_only_in_its_active_intervals() -> None:
    assert standing(NOON, active_time_intervals=["noon"]).holds
    late = standing(NOON + 3600, active_time_intervals=["noon"])
    assert late == Standing(holds=False, cause="outside noon")
    assert standing(NOON + 3600, active_time_intervals=["noon", "fridays"]).holds


def test_rule_and_camera_must_both_be_in_their_active_intervals() -> None:
    camera = {"active_time_intervals": ["fridays"]}
    assert standing(NOON, camera=camera, active_time_intervals=["noon"]).holds
    saturday = NOON + 86400
    assert not standing(saturday, camera=camera, active_time_intervals=["noon"]).holds


def test_a_muted_or_inhibited_rule_does_not_hold() -> None:
    assert standing(NOON, mute_time_intervals=["noon"]).cause == "muted in noon"
    assert standing(NOON, "key", inhibited_by=["key"]).cause == "inhibited by key"
    assert standing(NOON, "key", camera={"inhibited_by": ["key"]}).cause == "inhibited by key"
    assert standing(NOON, "other", inhibited_by=["key"]).holds


def test_the_first_other_threshold_that_fits_counts() -> None:
    others = [
        {"threshold": 0.9, "signal": "key"},
        {"threshold": 0.8, "during": "noon"},
        {"threshold": 0.7, "during": "fridays"},
    ]
    assert standing(NOON, "key", thresholds=others).threshold == 0.9
    assert standing(NOON, thresholds=others).threshold == 0.8
    assert standing(NOON + 3600, thresholds=others).threshold == 0.7
    assert standing(NOON + 86400 + 3600, thresholds=others) is AS_USUAL


def test_a_change_is_seen_at_its_minute_and_at_its_signal() -> None:
    config = Config.model_validate(
        {
            "cameras": [{"name": "dock", "url": "rtsp://h/s", "inhibited_by": ["key"]}],
            "rules": [
                {"name": "fire", "label": "fire", "threshold": 0.6, "mute_time_intervals": ["noon"]}
            ],
            "time_intervals": INTERVALS,
        }
    )
    made = CameraConditions(conditions(config, config.cameras[0]))
    found = [
        made.standings(at, signals)[0].holds
        for at, signals in (
            (NOON - 0.5, frozenset[str]()),
            (NOON, frozenset[str]()),
            (NOON + 3600, frozenset[str]()),
            (NOON + 3601, frozenset({"key"})),
            (NOON + 3602, frozenset[str]()),
        )
    ]
    assert found == [True, False, True, False, True]


def test_rules_carry_their_other_thresholds() -> None:
    config = Config.model_validate(
        {
            "cameras": [{"name": "dock", "url": "rtsp://h/s"}],
            "rules": [
                {
                    "name": "fire",
                    "label": "fire",
                    "threshold": 0.6,
                    "thresholds": [{"threshold": 0.4, "during": "noon"}],
                }
            ],
            "time_intervals": INTERVALS,
        }
    )
    assert rule_settings(config, config.cameras[0])[0].other_thresholds == (0.4,)


def run(scene: list[tuple[ScoredFrame, Standing]], rule: RuleSettings) -> list[Transition]:
    camera = decider(rule_set=[rule])
    return [t for scored, how in scene for t in camera.update(scored, [how])]


FIRE = RuleSettings("fire", "fire", 0.6, 2.0, 5.0)


def test_evidence_is_not_collected_while_a_rule_does_not_hold() -> None:
    scene = [(frame(t, fire=0.9), OFF if t < 10 else AS_USUAL) for t in range(14)]
    assert steps(run(scene, FIRE)) == [("fire", "pending", 10), ("fire", "firing", 12)]


def test_a_pending_alert_ends_when_its_rule_stops_to_hold() -> None:
    scene = [(frame(t, fire=0.9), OFF if t else AS_USUAL) for t in range(5)]
    assert steps(run(scene, FIRE)) == [("fire", "pending", 0), ("fire", "inactive", 1)]


def test_a_firing_alert_goes_on_past_its_hours_until_its_pictures_resolve_it() -> None:
    scene = [
        (frame(t, fire=0.9 if t < 100 else 0.0), OFF if t > 5 else AS_USUAL) for t in range(120)
    ]
    assert steps(run(scene, FIRE)) == [
        ("fire", "pending", 0),
        ("fire", "firing", 2),
        ("fire", "resolved", 105),
    ]


def test_another_threshold_counts_while_it_is_in_force() -> None:
    higher = Standing(threshold=0.95)
    scene = [(frame(t, fire=0.9), higher if t < 10 else AS_USUAL) for t in range(14)]
    found = run(scene, FIRE)
    assert steps(found) == [("fire", "pending", 10), ("fire", "firing", 12)]
    lower = Standing(threshold=0.3)
    found = run([(frame(t, fire=0.4), lower) for t in range(4)], FIRE)
    assert steps(found) == [("fire", "pending", 0), ("fire", "firing", 2)]
    assert found[0].why.threshold == 0.3


def test_an_alert_does_not_end_because_the_hours_of_its_lower_threshold_do() -> None:
    rule = RuleSettings("fire", "fire", 0.6, 2.0, 5.0, other_thresholds=(0.3,))
    lower = Standing(threshold=0.3)
    scene = [(frame(t, fire=0.4), lower if t < 5 else AS_USUAL) for t in range(60)]
    assert steps(run(scene, rule)) == [("fire", "pending", 0), ("fire", "firing", 2)]


def test_fire_counts_for_smoke_while_the_rule_for_fire_does_not_hold() -> None:
    camera = decider()
    found = [t for at in range(4) for t in camera.update(frame(at, fire=0.9), [OFF, AS_USUAL])]
    assert steps(found) == [("smoke", "pending", 0), ("smoke", "firing", 2)]


standings = st.sampled_from([AS_USUAL, OFF, Standing(threshold=0.3), Standing(threshold=0.9)])


@given(scenes(), st.lists(st.tuples(standings, standings), min_size=40, max_size=40), half_lives)
def test_nothing_begins_to_fire_while_its_rule_does_not_hold(
    scene: list[ScoredFrame], plan: list[tuple[Standing, Standing]], half_life: float
) -> None:
    camera = decider(half_life=half_life)
    found = []
    for scored, pair in zip(scene, plan, strict=False):
        new = camera.update(scored, pair)
        for transition in new:
            assert (
                transition.state is AlertState.INACTIVE or pair[transition.alert == "smoke"].holds
            )
        found += new
    assert_edges(found)


@given(
    scenes(),
    st.lists(st.tuples(standings, standings), min_size=40, max_size=40),
    st.lists(st.integers(0, 40), max_size=4),
    holds,
    half_lives,
)
def test_restart_at_any_point_gives_the_same_alerts_under_any_conditions(
    scene: list[ScoredFrame],
    plan: list[tuple[Standing, Standing]],
    restarts: list[int],
    hold: float,
    half_life: float,
) -> None:
    whole, parts = decider(hold, half_life=half_life), decider(hold, half_life=half_life)
    for index, (scored, pair) in enumerate(zip(scene, plan, strict=False)):
        if index in restarts:
            text = parts.snapshot().to_json()
            parts = decider(hold, half_life=half_life)
            parts.restore(DeciderSnapshot.from_json(text))
        one, other = whole.update(scored, pair), parts.update(scored, pair)
        assert [(t.alert, t.event) for t in one] == [(t.alert, t.event) for t in other]


@given(scenes(), holds, half_lives)
def test_conditions_that_are_as_usual_change_nothing(
    scene: list[ScoredFrame], hold: float, half_life: float
) -> None:
    plain = feed(decider(hold, half_life=half_life), scene)
    camera = decider(hold, half_life=half_life)
    assert [t for s in scene for t in camera.update(s, [AS_USUAL, AS_USUAL])] == plain


def test_what_is_seen_while_a_rule_does_not_hold_does_not_become_usual() -> None:
    settings = DecisionSettings(
        smoothing=SmoothingSettings(half_life=0.0),
        baseline=BaselineSettings(),
        sample_seconds=300.0,
    )
    judged, muted = (Decider("dock", rules(), LABELS, settings) for _ in range(2))
    for tick in range(3 * 288):
        scored = frame(tick * 300.0, fire=0.5)
        judged.update(scored)
        muted.update(scored, [OFF, AS_USUAL])
    assert judged.usual["fire"] > 0.1
    assert muted.usual.get("fire", 0.0) < 0.1
