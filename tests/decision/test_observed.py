"""Observed time: it runs while frames come, and stands in gaps."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.decision.observed import ObservedTime


def test_step_up_to_the_longest_counts_in_full_and_a_gap_one_period() -> None:
    time = ObservedTime(period=1.0, max_step=3.0)
    assert time.advance(100.0, 0.0) == (0.0, 0.0)
    assert time.advance(103.0, 3.0) == (3.0, 3.0)
    assert time.advance(200.0, 100.0) == (1.0, 97.0)


def test_late_or_repeated_frame_is_left_out() -> None:
    time = ObservedTime(period=1.0, max_step=3.0)
    time.advance(100.0, 0.0)
    assert time.advance(100.0, 0.0) is None
    assert time.advance(97.5, 0.0) is None
    assert time.advance(101.0, 1.0) == (1.0, 1.0)


def test_clock_that_is_set_back_counts_as_a_gap() -> None:
    time = ObservedTime(period=1.0, max_step=3.0)
    time.advance(100.0, 0.0)
    assert time.advance(5.0, 1.0) == (1.0, 0.0)
    assert time.advance(6.0, 2.0) == (1.0, 1.0)


def test_step_over_a_restart_is_taken_from_the_wall_clock() -> None:
    time = ObservedTime(period=1.0, max_step=3.0, last_wall=1000.0)
    assert time.advance(7.0, 1002.0) == (2.0, 2.0)


def test_wall_clock_that_was_set_back_over_a_restart_counts_as_a_gap() -> None:
    time = ObservedTime(period=1.0, max_step=3.0, last_wall=1000.0)
    assert time.advance(7.0, 500.0) == (1.0, 0.0)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 4e9))))
def test_a_frame_never_adds_more_than_the_longest_step(times: list[tuple[float, float]]) -> None:
    time = ObservedTime(period=1.0, max_step=3.0)
    for monotonic, wall in times:
        step = time.advance(monotonic, wall)
        if step is not None:
            assert 0 <= step[0] <= 3.0
            assert step[1] >= 0
