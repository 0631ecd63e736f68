"""Which packets are decoded and which pictures taken."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.sampler import Sampler


def run(
    sampler: Sampler, *, seconds: float, rate: float, gop: int, start: float = 0.0
) -> tuple[list[float], int]:
    """Feed a stream; returns the times of the pictures taken, and how many were decoded."""
    taken, decoded = [], 0
    for index in range(round(seconds * rate)):
        at = start + index / rate
        if sampler.packet(at, index % gop == 0):
            decoded += 1
            if sampler.picture(at):
                taken.append(at)
    return taken, decoded


@given(
    fps=st.floats(0.2, 5.0), rate=st.sampled_from([10.0, 12.5, 15.0, 25.0, 30.0]), gop=st.just(1000)
)
def test_the_wanted_rate_is_kept_within_a_picture(fps: float, rate: float, gop: int) -> None:
    taken, _ = run(Sampler(fps), seconds=60, rate=rate, gop=gop)
    assert abs(len(taken) - 60 * fps) <= 2


def test_pictures_of_a_steady_recording_are_taken_on_the_second() -> None:
    taken, _ = run(Sampler(1.0, "all"), seconds=10, rate=25, gop=250)
    assert taken == [float(second) for second in range(10)]


def test_no_picture_is_taken_twice_as_often_as_wanted() -> None:
    taken, _ = run(Sampler(2.0), seconds=60, rate=25, gop=12)
    assert min(b - a for a, b in pairwise(taken)) > 0.25


def test_frequent_key_frames_are_all_that_is_decoded() -> None:
    sampler = Sampler(1.0)
    taken, decoded = run(sampler, seconds=100, rate=25, gop=25)
    assert sampler.key_only
    assert len(taken) == 100
    # Three intervals are measured with all pictures decoded.
    assert decoded <= 76 + 97


def test_key_frames_slightly_faster_than_wanted_are_all_taken() -> None:
    taken, _ = run(Sampler(1.0), seconds=120, rate=25, gop=24)
    gaps = [b - a for a, b in pairwise(taken)]
    assert max(gaps) < 1.5


def test_rare_key_frames_leave_everything_decoded() -> None:
    sampler = Sampler(1.0)
    taken, decoded = run(sampler, seconds=60, rate=25, gop=100)
    assert not sampler.key_only
    assert decoded == 60 * 25
    assert len(taken) == 60


def test_a_stretched_key_interval_brings_all_pictures_back() -> None:
    sampler = Sampler(1.0)
    run(sampler, seconds=10, rate=25, gop=25)
    before = sampler.key_only
    taken, _ = run(sampler, seconds=20, rate=25, gop=250, start=10.0)
    assert (before, sampler.key_only) == (True, False)
    gaps = [b - a for a, b in pairwise(taken)]
    assert max(gaps) < 1.5


def test_key_only_stays_as_configured() -> None:
    sampler = Sampler(1.0, "key")
    taken, decoded = run(sampler, seconds=40, rate=25, gop=100)
    assert decoded == len(taken) == 10


def test_all_stays_as_configured() -> None:
    sampler = Sampler(1.0, "all")
    _, decoded = run(sampler, seconds=10, rate=25, gop=25)
    assert decoded == 250


def test_every_picture_of_a_stream_of_key_frames_need_not_be_decoded() -> None:
    taken, decoded = run(Sampler(1.0), seconds=60, rate=25, gop=1)
    assert len(taken) in (60, 61)
    assert decoded < 75


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    sampler = Sampler(1.0, "all")
    run(sampler, seconds=5, rate=25, gop=25)
    taken, _ = run(sampler, seconds=2, rate=25, gop=25, start=100.0)
    assert len(taken) == 2


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=200))
def test_any_times_are_survived(packets: list[tuple[float, bool]]) -> None:
    sampler = Sampler(1.0)
    for at, is_key in packets:
        if sampler.packet(at, is_key):
            sampler.picture(at)


def test_the_measured_interval_is_the_longest_of_the_last() -> None:
    sampler = Sampler(1.0)
    assert sampler.key_interval_seconds is None
    for at in (0.0, 1.0, 3.0, 4.0):
        sampler.packet(at, True)
    assert sampler.key_interval_seconds == pytest.approx(2.0)


def test_a_faster_rate_begins_at_once_and_a_slower_one_goes_back_to_key_frames() -> None:
    sampler = Sampler(0.25)
    taken: dict[int, list[float]] = {0: [], 1: [], 2: []}
    decoded = Counter[int]()
    phase = 0
    for index in range(860):
        at = index / 10
        if index in (420, 460):  # in the middle between two key frames
            assert sampler.key_only == (phase == 0)
            phase += 1
            sampler.set_fps(5.0 if phase == 1 else 0.25)
        if sampler.packet(at, index % 40 == 0):
            decoded[phase] += 1
            if sampler.picture(at):
                taken[phase].append(at)
    assert taken[1][0] == pytest.approx(42.0)
    assert len(taken[1]) == pytest.approx(20, abs=1)
    assert decoded[1] == 40
    assert taken[2] == [52.0 + 4 * number for number in range(9)]
    assert decoded[2] == 9


def test_a_change_of_rate_takes_no_picture_of_before() -> None:
    """What is decoded late, to catch up with the stream, is not taken late."""
    sampler = Sampler(0.2)
    run(sampler, seconds=31, rate=10, gop=50)
    sampler.set_fps(5.0)
    assert sampler.packet(33.0, is_key=False)
    assert not any(sampler.picture(30 + index / 10) for index in range(1, 29))
    assert sampler.picture(33.0)


def test_the_same_rate_again_changes_nothing() -> None:
    changed, plain = Sampler(1.0), Sampler(1.0)
    for index in range(300):
        changed.set_fps(1.0)
        at, is_key = index / 10, index % 30 == 0
        assert changed.packet(at, is_key) == plain.packet(at, is_key)
        assert changed.picture(at) == plain.picture(at)


def test_key_frames_alone_stay_alone_where_they_are_asked_for() -> None:
    sampler = Sampler(0.25, "key")
    run(sampler, seconds=40, rate=10, gop=20)
    sampler.set_fps(5.0)
    taken, decoded = run(sampler, seconds=20, rate=10, gop=20, start=40.0)
    assert sampler.key_only
    assert len(taken) == decoded == 10


def test_pictures_that_no_other_refers_to_are_left_out_where_the_rest_comes_often_enough() -> None:
    for fps, left_out in ((1.0, True), (3.0, True), (5.0, False)):
        sampler = Sampler(fps)
        run(sampler, seconds=10, rate=25, gop=250)
        assert sampler.references_only is left_out, fps
    everything = Sampler(1.0, "all")
    run(everything, seconds=10, rate=25, gop=250)
    assert not everything.references_only


def test_a_stream_with_too_few_references_is_decoded_whole_again() -> None:
    sampler = Sampler(1.0)
    for index in range(250):
        sampler.packet(index / 25, index == 0)
        if index % 100 == 0 or not sampler.references_only:
            sampler.picture(index / 25)
    assert not sampler.references_only


def test_a_burst_takes_all_pictures_again() -> None:
    sampler = Sampler(1.0)
    run(sampler, seconds=10, rate=25, gop=250)
    assert sampler.references_only
    sampler.set_fps(5.0)
    sampler.packet(10.0, False)
    assert not sampler.references_only
