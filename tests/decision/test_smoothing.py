"""The kinds of smoothing."""

from statistics import median_low

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decision.settings import SmoothingSettings
from monitor.decision.smoothing import Exponential, Sequential, make_smoother

scores = st.floats(0, 1)


def test_old_value_weighs_half_after_the_half_life() -> None:
    smoother = Exponential(4.0)
    smoother.update([1.0], 0.0)
    assert smoother.update([0.0], 4.0) == [0.5]


def test_exponential_goes_by_time_and_not_by_count() -> None:
    often, seldom = Exponential(2.0), Exponential(2.0)
    often.update([0.0], 0.0)
    seldom.update([0.0], 0.0)
    for _ in range(8):
        often.update([1.0], 0.25)
    assert often.update([1.0], 0.0) == pytest.approx(seldom.update([1.0], 2.0))


def test_half_life_of_nothing_smooths_nothing() -> None:
    smoother = make_smoother(SmoothingSettings(half_life=0.0))
    smoother.update([1.0, 0.0], 0.0)
    assert smoother.update([0.25, 0.75], 1.0) == [0.25, 0.75]


@given(st.lists(st.tuples(scores, scores, st.floats(0, 10)), min_size=1))
def test_larger_values_never_give_a_smaller_exponential_mean(
    rows: list[tuple[float, float, float]],
) -> None:
    low, high = Exponential(1.0), Exponential(1.0)
    for one, other, step in rows:
        below = low.update([min(one, other)], step)
        above = high.update([max(one, other)], step)
    assert below <= above


@given(st.lists(scores, min_size=9, max_size=30))
def test_median_is_that_of_the_last_n(values: list[float]) -> None:
    smoother = make_smoother(SmoothingSettings(kind="median", n=9))
    for value in values:
        found = smoother.update([value], 1.0)
    assert found == [median_low(values[-9:])]


@given(st.lists(scores, min_size=1, max_size=30), st.integers(1, 5), scores)
def test_k_of_n_is_above_a_threshold_when_k_of_the_last_n_are(
    values: list[float], k: int, threshold: float
) -> None:
    smoother = make_smoother(SmoothingSettings(kind="k_of_n", k=k, n=5))
    for value in values:
        found = smoother.update([value], 1.0)
    above = sum(value > threshold for value in values[-5:])
    assert (found[0] > threshold) == (above >= k)


@pytest.mark.parametrize("kind", ["exponential", "median", "k_of_n", "sequential"])
def test_smoother_goes_on_from_its_dump(kind: str) -> None:
    settings = SmoothingSettings(kind=kind, n=3, k=2)
    first, second = make_smoother(settings), make_smoother(settings)
    for value in (0.1, 0.9, 0.4, 0.6):
        first.update([value, 1 - value], 1.0)
    second.load(first.dump())
    assert second.update([0.5, 0.5], 1.0) == first.update([0.5, 0.5], 1.0)


@pytest.mark.parametrize(("score", "seconds"), [(0.94, 1), (0.75, 3), (0.6, 7), (0.5, None)])
def test_sequential_test_confirms_strong_evidence_sooner(score: float, seconds: int | None) -> None:
    smoother = Sequential(0.5)
    smoother.update([score], 0.0)
    passed = [t for t in range(1, 60) if smoother.update([score], 1.0)[0] >= 0.65]
    assert (passed[0] if passed else None) == seconds


def test_sequential_test_goes_by_time_and_not_by_count() -> None:
    often, seldom = Sequential(0.5), Sequential(0.5)
    for smoother in (often, seldom):
        smoother.update([0.7], 0.0)
    for _ in range(8):
        fine = often.update([0.7], 0.25)
    assert fine == pytest.approx(seldom.update([0.7], 2.0))


def test_hours_of_nothing_do_not_delay_the_sequential_test() -> None:
    early, late = Sequential(0.5), Sequential(0.5)
    early.update([0.0], 0.0)
    for _ in range(3600):
        late.update([0.0], 1.0)
    assert early.update([0.8], 1.0) == late.update([0.8], 1.0)


@given(st.lists(st.tuples(scores, scores, st.floats(0, 10)), min_size=1), st.floats(0.1, 0.9))
def test_larger_values_never_give_a_smaller_sum(
    rows: list[tuple[float, float, float]], reference: float
) -> None:
    low, high = Sequential(reference), Sequential(reference)
    for one, other, step in rows:
        below = low.update([min(one, other)], step)
        above = high.update([max(one, other)], step)
    assert below <= above
    assert 0.0 < below[0] <= above[0] < 1.0
