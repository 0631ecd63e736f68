"""What a view usually scores: learned over days, by the hour, and never against a real fire."""

import math
from collections.abc import Callable, Iterable

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitor.decision.conditions import AS_USUAL, Standing
from monitor.decision.decider import Decider
from monitor.decision.rule_set import OLD_NEWS_SECONDS
from monitor.decision.settings import (
    BaselineSettings,
    DecisionSettings,
    RuleSettings,
    SmoothingSettings,
)
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState, Transition
from monitor.inference.scored import ScoredFrame
from tests.support.decisions import LABELS, feed, fired, frame, rules

PERIOD = 300.0
"""Seconds between two frames: days pass quickly in these tests."""

HOUR = 3600.0
DAY = 86400.0

simulated = settings(
    max_examples=6, phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None
)
"""Each example is days long: few of them, and none is made smaller."""

Scene = Callable[[float], tuple[float, float]]
"""Fire and smoke at a time of the day, seconds."""


def watcher(*, threshold: float = 0.65, **baseline: float | bool | str) -> Decider:
    """A decider with two rules, at a frame every five minutes."""
    return Decider(
        "dock",
        [RuleSettings(name, name, threshold, PERIOD, 300.0) for name in ("fire", "smoke")],
        LABELS,
        DecisionSettings(
            smoothing=SmoothingSettings(half_life=0.0),
            baseline=BaselineSettings(**baseline),  # type: ignore[arg-type]  # keys of one class
            sample_seconds=PERIOD,
        ),
    )


def watch(
    target: Decider, scene: Scene, *, days: float, start: float = 0.0, region: str = "full"
) -> list[Transition]:
    """All changes of state while the scene is watched for ``days``, ``start`` seconds after
    midnight."""

    def frames() -> Iterable[ScoredFrame]:
        for index in range(int(days * DAY / PERIOD)):
            at = start + index * PERIOD
            yield frame(at, wall=at, regions=[(region, *scene(at))])

    return feed(target, frames())


def steady(fire: float = 0.02, smoke: float = 0.02) -> Scene:
    return lambda _: (fire, smoke)


def wall(at: float) -> tuple[float, float]:
    """A grey wall: 0.49 smoke, and 0.7 for ten minutes of each hour."""
    return (0.02, 0.7) if at % HOUR < 2 * PERIOD else (0.02, 0.49)


def lamp(at: float) -> tuple[float, float]:
    """A lamp that scores 0.8 as fire from 18 to 23 o'clock."""
    return (0.8, 0.02) if 18 * HOUR <= at % DAY < 23 * HOUR else (0.02, 0.02)


def firings(transitions: Iterable[Transition]) -> list[float]:
    return [t.captured_at for t in transitions if t.state is AlertState.FIRING]


def test_a_wall_that_wavers_about_the_threshold_raises_no_alarm_once_it_is_known() -> None:
    days = [int(at // DAY) for at in firings(watch(watcher(), wall, days=8))]
    without = [int(at // DAY) for at in firings(watch(watcher(enabled=False), wall, days=8))]
    assert without.count(7) == 24
    assert days.count(0) == 24
    assert max(days) < 3


def test_a_lamp_that_is_switched_on_each_evening_is_known_after_two_weeks() -> None:
    alarms = firings(watch(watcher(), lamp, days=16))
    assert alarms
    assert max(alarms) < 14 * DAY
    assert len(firings(watch(watcher(enabled=False), lamp, days=16))) == 16


def test_the_lamp_of_the_evening_hides_nothing_at_noon() -> None:
    camera = watcher()
    watch(camera, lamp, days=16)
    assert firings(watch(camera, steady(fire=0.7), days=0.02, start=16 * DAY + 12 * HOUR))


def test_what_is_usual_in_one_label_hides_no_other() -> None:
    camera = watcher()
    watch(camera, steady(fire=0.6), days=8)
    assert firings(watch(camera, steady(fire=0.1, smoke=0.7), days=0.02, start=8 * DAY))


def test_what_is_usual_in_one_region_hides_nothing_in_another() -> None:
    camera = watcher()
    watch(camera, wall, days=8)
    both = [
        frame(t, wall=t, regions=[("full", 0.02, 0.55), ("tile-0-0", 0.02, 0.7)])
        for t in (8 * DAY, 8 * DAY + PERIOD)
    ]
    transitions = feed(camera, both)
    assert firings(transitions)
    assert transitions[-1].why.region == "tile-0-0"


def test_the_first_day_is_as_without_a_baseline() -> None:
    learned, plain = (watch(watcher(enabled=on), wall, days=1) for on in (True, False))
    assert [(t.event, t.captured_at, t.score) for t in learned] == [
        (t.event, t.captured_at, t.score) for t in plain
    ]


@given(
    st.lists(st.floats(0.0, 1.0), min_size=48, max_size=48),
    st.sampled_from([0.3, 0.65, 0.9]),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.floats(0, DAY),
)
@simulated
def test_no_first_day_whatever_it_shows_has_an_effect(
    scores: list[float], threshold: float, rise: float, start: float
) -> None:
    def scene(at: float) -> tuple[float, float]:
        return 0.0, scores[int((at - start) / DAY * 48) % 48]

    learned = watch(watcher(threshold=threshold, rise_per_day=rise), scene, days=1, start=start)
    plain = watch(watcher(threshold=threshold, enabled=False), scene, days=1, start=start)
    assert [(t.event, t.captured_at, t.score) for t in learned] == [
        (t.event, t.captured_at, t.score) for t in plain
    ]


@pytest.mark.parametrize("hours", [1.0, 6.0, 12.0, 23.0])
def test_a_fire_that_grows_over_hours_is_not_learned_away(hours: float) -> None:
    """On a quiet camera it is raised at the very frame at which it would be without a baseline."""
    times = []
    for enabled in (True, False):
        camera = watcher(enabled=enabled)
        watch(camera, steady(), days=3)
        begin = 3 * DAY + 10 * HOUR

        def creeping(at: float, begin: float = begin) -> tuple[float, float]:
            level = -3.0 + 6.0 * (at - begin) / (hours * HOUR)
            return 0.0, 1.0 / (1.0 + math.exp(-level))

        times.append(firings(watch(camera, creeping, days=hours / 24, start=begin)))
    assert times[0] == times[1]
    assert times[0]


@pytest.mark.parametrize("days", [2, 5, 10])
def test_a_fire_that_grows_over_days_fires_before_it_is_certain(days: int) -> None:
    """The slowest that can be: the baseline follows it, up to its limit and no further."""
    camera = watcher()
    watch(camera, steady(), days=2)

    def creeping(at: float) -> tuple[float, float]:
        return 0.0, 1.0 / (1.0 + math.exp(3.0 - 6.0 * (at - 2 * DAY) / (days * DAY)))

    transitions = watch(camera, creeping, days=days, start=2 * DAY)
    (first, *_) = [t for t in transitions if t.state is AlertState.FIRING]
    assert first.why.score < 0.91


@given(st.floats(0.0, 1.0), st.floats(0.95, 1.0), st.integers(0, 23), st.booleans())
@simulated
def test_a_certain_fire_fires_within_for_whatever_is_usual(
    usual: float, certain: float, hour: int, as_fire: bool
) -> None:
    camera = watcher(limit=5.0, rise_per_day=24.0)
    watch(camera, steady(usual, 0.0), days=1.5)
    begin = 2 * DAY + hour * HOUR
    already = AlertState.FIRING in camera.states().values()
    scene = steady(certain, 0.0) if as_fire else steady(certain / 2, certain / 2)
    alarms = firings(watch(camera, scene, days=4 * PERIOD / DAY, start=begin))
    assert already or min(alarms) <= begin + PERIOD


@given(st.floats(0.0, 0.88), st.floats(0.0, 1.0))
@simulated
def test_a_constant_scene_never_fires_after_its_baseline_is_known(
    hazard: float, fire_share: float
) -> None:
    camera = watcher(rise_per_day=24.0)
    scene = steady(hazard * fire_share, hazard * (1 - fire_share))
    watch(camera, scene, days=3)
    assert firings(watch(camera, scene, days=0.5, start=3 * DAY)) == []


@given(st.floats(0.02, 0.9), st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=5))
@simulated
def test_more_evidence_never_means_later_at_any_baseline(
    usual: float, scene: list[tuple[float, float]]
) -> None:
    camera = watcher(rise_per_day=6.0)
    watch(camera, steady(usual / 2, usual / 2), days=2)
    if AlertState.FIRING in camera.states().values():
        return
    kept = camera.snapshot().to_json()

    def first(gain: float) -> float:
        again = watcher(rise_per_day=6.0)
        again.restore(DeciderSnapshot.from_json(kept))
        times = [2 * DAY + PERIOD * index for index in range(1, len(scene) + 1)]
        alarms = fired(
            feed(
                again,
                (
                    frame(t, fire * gain, smoke * gain, wall=t)
                    for t, (fire, smoke) in zip(times, scene, strict=True)
                ),
            )
        )
        return min(alarms.values(), default=math.inf)

    assert first(1.0) <= first(0.9)


@given(st.lists(st.integers(0, 3 * 24), max_size=4), st.sampled_from([wall, lamp]))
@simulated
def test_restart_at_any_hour_gives_the_same_alerts(restarts: list[int], scene: Scene) -> None:
    whole = watch(watcher(rise_per_day=3.0), scene, days=3)
    camera = watcher(rise_per_day=3.0)
    parts = []
    for hour in range(3 * 24):
        if hour in restarts:
            text = camera.snapshot().to_json()
            camera = watcher(rise_per_day=3.0)
            camera.restore(DeciderSnapshot.from_json(text))
        parts += watch(camera, scene, days=1 / 24, start=hour * HOUR)
    assert parts == whole


def test_an_alert_is_not_ended_by_what_is_learned_while_it_is_up() -> None:
    camera = watcher(rise_per_day=24.0)
    watch(camera, steady(), days=1)
    transitions = watch(camera, steady(fire=0.8), days=0.9, start=DAY)
    assert [t.event for t in transitions] == ["pending", "firing"]


def test_an_alert_that_has_been_up_for_days_is_held_to_what_is_usual() -> None:
    transitions = watch(watcher(rise_per_day=4.0), steady(fire=0.8), days=6)
    assert [t.event for t in transitions] == ["pending", "firing", "resolved"]
    assert transitions[-1].captured_at > OLD_NEWS_SECONDS


def test_a_fire_that_burns_for_two_days_teaches_nothing_that_counts() -> None:
    camera = watcher()
    watch(camera, steady(fire=0.9), days=2)
    watch(camera, steady(), days=0.1, start=2 * DAY)
    assert camera.states()["fire"] is AlertState.INACTIVE
    assert firings(watch(camera, steady(fire=0.7), days=0.02, start=2.1 * DAY))


def test_what_is_gone_is_unlearned_and_a_quiet_camera_keeps_nothing() -> None:
    camera = watcher()
    watch(camera, wall, days=4)
    assert camera.usual["smoke"] == pytest.approx(0.49, abs=0.01)
    watch(camera, steady(), days=12, start=4 * DAY)
    assert camera.usual["smoke"] == 0.0
    kept = camera.snapshot().baseline
    assert kept is not None
    assert kept.regions == ()


def test_the_explanation_says_what_is_usual() -> None:
    camera = watcher()
    watch(camera, wall, days=6)
    (pending, *_) = watch(camera, steady(smoke=0.85), days=0.02, start=6 * DAY + 0.5 * HOUR)
    assert pending.why.baseline == pytest.approx(0.51, abs=0.01)
    assert pending.why.score == pytest.approx(0.87)
    assert pending.score < pending.why.score


def test_what_another_model_taught_is_dropped() -> None:
    camera = watcher(model="one")
    watch(camera, wall, days=4)
    same, other = watcher(model="one"), watcher(model="two")
    for target in (same, other):
        target.restore(DeciderSnapshot.from_json(camera.snapshot().to_json()))
    assert same.usual == camera.usual
    assert set(other.usual.values()) == {0.0}


def test_a_lower_threshold_does_not_make_the_unknown_known() -> None:
    camera = watcher(threshold=0.8)
    watch(camera, lamp, days=2)
    low = watcher(threshold=0.3)
    low.restore(camera.snapshot())
    scene = steady(fire=0.35)
    assert firings(watch(low, scene, days=0.02, start=2 * DAY + 9 * HOUR))


def test_a_region_that_is_gone_is_forgotten() -> None:
    camera = watcher()
    for index in range(12):
        at = index * PERIOD
        feed(camera, [frame(at, wall=at, regions=[("full", 0, 0.5), ("tile-0-0", 0, 0.5)])])
    feed(camera, [frame(HOUR, 0.0, 0.5, wall=HOUR)])
    kept = camera.snapshot().baseline
    assert kept is not None
    assert [region.name for region in kept.regions] == ["full"]


def test_the_snapshot_of_five_regions_is_below_ten_kilobytes() -> None:
    camera = watcher()
    names = ["full", "tile-0-0", "tile-0-1", "tile-1-0", "tile-1-1"]
    for index in range(int(3 * DAY / PERIOD)):
        at = index * PERIOD
        camera.update(frame(at, wall=at, regions=[(name, 0.3, 0.3) for name in names]))
    assert len(camera.snapshot().to_json()) < 10_000


def test_a_wall_clock_that_stands_still_teaches_nothing() -> None:
    camera = watcher()
    feed(camera, (frame(t * PERIOD, 0.0, 0.6, wall=5.0) for t in range(3 * 24 * 60)))
    assert camera.usual["smoke"] == 0.0


def test_the_time_in_which_rules_are_muted_counts_for_nothing_afterwards() -> None:
    """The first look after it is worth its own time, as if the camera had not been seen before."""
    camera = Decider("dock", rules(), LABELS)
    muted = [Standing(holds=False)] * 2
    for at in range(600):
        camera.update(frame(float(at), wall=float(at)), muted)
    camera.update(frame(600.0, smoke=0.5, wall=600.0), [AS_USUAL] * 2)
    kept = camera.snapshot().baseline
    assert kept is not None
    moved = max(max(row) for region in kept.regions for row in region.levels) - kept.floor
    assert moved == pytest.approx(60 / 3600, abs=1e-4)
