"""Recorded scores decided without their quiet frames, against all of them."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decision.settings import (
    BaselineSettings,
    DecisionSettings,
    RuleSettings,
    SmoothingSettings,
)
from monitor.decision.state import Transition
from monitor.recording import Part, Source
from trainer.recorded import Replay

LABELS = ("fire", "misc", "smoke")
RULES = (
    RuleSettings("fire", "fire", 0.65, 2.0, 5.0),
    RuleSettings("smoke", "smoke", 0.6, 2.0, 5.0),
)
NO_BASELINE = BaselineSettings(enabled=False)
PLAIN = DecisionSettings(baseline=NO_BASELINE)
SMOOTHINGS = (
    SmoothingSettings("exponential", half_life=1.0),
    SmoothingSettings("exponential", half_life=0.0),
    SmoothingSettings("median", n=5),
    SmoothingSettings("k_of_n", n=4, k=2),
)


def part(fires: Sequence[float], steps: Sequence[float], began: float = 100.0) -> Part:
    fire = np.array(fires, np.float32)
    rows = np.stack([fire, 1 - fire, np.zeros_like(fire)], axis=1)[:, None, :]
    times = began + np.cumsum(steps)
    return Part("dock", Source(LABELS, ("full",), "abc", 1.0), times, 1.7e9 + times, rows)


def cut(whole: Part, places: Sequence[int]) -> list[Part]:
    edges = [0, *sorted(set(places)), len(whole.monotonic)]
    return [
        Part(whole.camera, whole.source, whole.monotonic[a:b], whole.captured_at[a:b],
             whole.scores[a:b])
        for a, b in itertools.pairwise(edges) if b > a
    ]  # fmt: skip


def told(transitions: Sequence[Transition]) -> list[tuple[str, str, float]]:
    return [(t.alert, t.event, t.captured_monotonic) for t in transitions]


# Long quiet stretches with bursts of anything: what a camera gives.
STRETCH = st.one_of(
    st.tuples(st.just("quiet"), st.integers(1, 120)),
    st.tuples(st.just("any"), st.integers(1, 25)),
)


@settings(max_examples=60, deadline=None)
@given(
    stretches=st.lists(STRETCH, min_size=1, max_size=8),
    seed=st.integers(0, 2**32 - 1),
    smoothing=st.sampled_from(SMOOTHINGS),
    places=st.lists(st.integers(1, 400), max_size=4),
)
def test_leaving_out_quiet_frames_and_hours_changes_nothing(
    stretches: list[tuple[str, int]], seed: int, smoothing: SmoothingSettings, places: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    fires = np.concatenate(
        [rng.uniform(0, 0.3 if kind == "quiet" else 1, count) for kind, count in stretches]
    )
    steps = rng.choice([0.5, 1.0, 1.1, 30.0], len(fires), p=[0.1, 0.6, 0.28, 0.02])
    whole = part(fires.tolist(), steps.tolist())
    chosen = DecisionSettings(smoothing=smoothing, baseline=NO_BASELINE)
    expected = told(list(Replay(RULES, chosen, skip=False).run([whole])))
    pieces = cut(whole, [place for place in places if place < len(fires)])
    assert told(list(Replay(RULES, chosen).run(pieces))) == expected


def test_a_quiet_day_is_decided_without_looking_at_its_frames() -> None:
    day = part([0.1] * 86_400, [1.0] * 86_400)
    replay = Replay(RULES, PLAIN)
    assert list(replay.run([day])) == []
    assert replay.decided == 0


def test_an_alert_that_straddles_two_parts_is_one() -> None:
    whole = part([0.9] * 40 + [0.0] * 60, [1.0] * 100)
    found = told(list(Replay(RULES, PLAIN).run(cut(whole, [2, 20, 50]))))
    assert [event for _, event, _ in found] == ["pending", "firing", "resolved"]


@pytest.mark.parametrize("began", [0.0, 50.0])
def test_a_machine_that_was_started_anew_begins_anew(began: float) -> None:
    first = part([0.9] * 10, [1.0] * 10)
    second = part([0.9] * 10, [1.0] * 10, began=began)
    found = told(list(Replay(RULES, PLAIN).run([first, second])))
    assert [event for _, event, _ in found] == ["pending", "firing"] * 2


def test_with_a_baseline_nothing_is_left_out() -> None:
    replay = Replay(RULES, DecisionSettings())
    assert list(replay.run([part([0.1] * 50, [1.0] * 50)])) == []
    assert replay.decided == 50


def test_a_region_with_a_low_threshold_of_its_own_is_listened_to() -> None:
    whole = part([0.45] * 20 + [0.0] * 60, [1.0] * 80)
    low = replace(PLAIN, region_thresholds=(("full", 0.3),))
    expected = told(list(Replay(RULES, low, skip=False).run([whole])))
    assert [event for _, event, _ in expected] == ["pending", "firing", "resolved"]
    assert told(list(Replay(RULES, low).run([whole]))) == expected
