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


def reconnects(stamp_at: Callable[[float], float], hours: float, fps: float = 1.0) -> list[float]:
    """When a lag was told, connecting anew each time with what is known from before."""
    lag, told = Lag(), []
    for index in range(round(3600 * hours * fps)):
        now = index / fps
        if lag.packet(stamp_at(now), 1000.0 + now) is not None:
            told.append(now)
            lag = Lag(lag.creep)
    return told


@pytest.mark.parametrize("rate", [24.9, 24.95, 24.7])
def test_a_camera_that_makes_fewer_pictures_than_it_says_is_given_up_once_at_most(
    rate: float,
) -> None:
    jitter = [0.0, 0.2, 0.05, 0.3, 0.1]
    told = reconnects(lambda now: now * rate / 25 - jitter[round(now) % 5], hours=48)
    assert len(told) <= 1


def test_a_lag_that_comes_in_steps_is_no_creep_and_is_told_each_time() -> None:
    """Every 10 minutes 6 s more are held back."""

    def stamp(now: float) -> float:
        holds = now // 600
        return max(600 * holds - 6 * (holds - 1), now - 6 * holds)

    assert len(reconnects(stamp, hours=3)) >= 15


def test_a_creep_that_is_known_hides_no_lag_beyond_it() -> None:
    lag = Lag(0.004)

    def stamp(now: float) -> float:
        return 0.996 * (now if now < 1800 else max(1800.0, now - 8))

    told = [now for now in range(3600) if lag.packet(stamp(now), 1000.0 + now) is not None]
    assert told
    assert told[0] == pytest.approx(1800 + LASTING_SECONDS, abs=8)


@given(st.lists(st.tuples(st.none() | st.floats(-1e9, 1e9), st.floats(0, 1e6)), max_size=50))
def test_any_stamps_and_times_are_survived(packets: list[tuple[float | None, float]]) -> None:
    lag = Lag()
    for stamp, at in packets:
        told = lag.packet(stamp, at)
        assert told is None or told > LIMIT_SECONDS
