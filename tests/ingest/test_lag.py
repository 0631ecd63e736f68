"""Streams that fall behind, from stamps and times of reading."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.lag import LASTING_SECONDS, LIMIT_SECONDS, Lag


def first_told(
    stamp_at: Callable[[float], float | None], seconds: float = 600.0, fps: float = 10.0
) -> float | None:
    """When a lag is told, reading packets with these stamps at an even rate."""
    lag = Lag()
    for index in range(round(seconds * fps)):
        now = index / fps
        if lag.packet(stamp_at(now), 1000.0 + now) is not None:
            return now
    return None


@pytest.mark.parametrize("speed", [0.9, 0.5, 0.1])
def test_a_stream_that_is_read_too_slowly_is_found_within_bounds(speed: float) -> None:
    told = first_told(lambda now: now * speed)
    assert told is not None
    assert told == pytest.approx(LIMIT_SECONDS / (1 - speed) + LASTING_SECONDS, rel=0.1)


def test_a_lag_that_comes_at_once_and_stays_is_found() -> None:
    told = first_told(lambda now: now if now < 60 else max(60.0, now - 8))
    assert told == pytest.approx(60 + LIMIT_SECONDS + LASTING_SECONDS, abs=0.5)


@pytest.mark.parametrize("speed", [0.9995, 1.0, 1.0005, 1.04, 2.0])
def test_clocks_that_run_a_little_wrong_or_fast_do_not_matter(speed: float) -> None:
    assert first_told(lambda now: now * speed, seconds=20_000, fps=1.0) is None


def test_who_was_held_up_may_catch_up() -> None:
    """Nothing is read for 20 s; then all that waited, within 2 s."""
    assert first_told(lambda now: now if now < 60 else min(now, 60 + (now - 80) * 11)) is None


@pytest.mark.parametrize("stamp", [0.0, None])
def test_stamps_that_stand_still_or_are_missing_say_nothing(stamp: float | None) -> None:
    assert first_told(lambda _: stamp) is None


@pytest.mark.parametrize("jump", [-40_000.0, -3.0, 5.0, 3600.0])
def test_stamps_that_jump_are_not_believed(jump: float) -> None:
    assert first_told(lambda now: now + jump * (now // 100)) is None


def test_pictures_out_of_order_do_not_matter() -> None:
    order = [0.0, 0.3, -0.1, -0.1, 0.0]
    assert first_told(lambda now: now + order[round(now * 10) % 5]) is None


@given(st.lists(st.tuples(st.none() | st.floats(-1e9, 1e9), st.floats(0, 1e6)), max_size=50))
def test_any_stamps_and_times_are_survived(packets: list[tuple[float | None, float]]) -> None:
    lag = Lag()
    for stamp, at in packets:
        told = lag.packet(stamp, at)
        assert told is None or told > LIMIT_SECONDS
