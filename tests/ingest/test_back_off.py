from random import Random

from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.back_off import BackOff


@given(st.integers(), st.floats(0.01, 5), st.floats(0.01, 600), st.integers(1, 60))
def test_pauses_grow_and_never_pass_the_cap(
    seed: int, base: float, cap: float, faults: int
) -> None:
    back_off = BackOff(base, cap, random=Random(seed))
    for n in range(1, faults + 1):
        pause = back_off.failed(float(n))
        assert min(base, cap) / 2 <= pause <= min(cap, base * 2**n) * (1 + 1e-9)


def test_pauses_of_cameras_behind_one_switch_differ() -> None:
    pauses = {BackOff(1.0, 60.0, random=Random(seed)).failed(0.0) for seed in range(100)}
    assert len(pauses) == 100


def test_pauses_at_the_cap_still_differ() -> None:
    back_off = BackOff(5.0, 5.0, random=Random(1))
    assert len({back_off.failed(float(n)) for n in range(20)}) == 20


def test_a_healthy_minute_starts_the_count_anew() -> None:
    back_off = BackOff(1.0, 60.0, random=Random(1))
    for n in range(10):
        back_off.failed(float(n))
    back_off.succeeded(100.0)
    back_off.succeeded(159.0)
    assert back_off.failed(160.0) <= 2.0


def test_a_short_success_does_not_start_the_count_anew() -> None:
    back_off = BackOff(1.0, 60.0, random=Random(1))
    for n in range(10):
        back_off.failed(float(n))
        back_off.succeeded(float(n))
    assert back_off.failures == 10


@given(st.integers())
def test_a_floor_keeps_logins_rare(seed: int) -> None:
    back_off = BackOff(1.0, 300.0, random=Random(seed))
    assert 30.0 <= back_off.failed(0.0, floor_seconds=30.0) <= 60.0


@given(st.integers())
def test_the_cap_holds_over_the_floor(seed: int) -> None:
    assert BackOff(1.0, 3.0, random=Random(seed)).failed(0.0, floor_seconds=30.0) <= 3.0
