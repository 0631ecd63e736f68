"""Time stamps of clips, whatever the stream says."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.clip_times import ClipTimes
from monitor.ingest.packet_ring import TICKS_PER_SECOND as SECOND
from monitor.ingest.packet_ring import KeptPacket

STEP = SECOND // 10


def group(
    stamps: Sequence[tuple[int | None, int | None]], *, at: float = 0.0, pace: float = 0.1
) -> list[KeptPacket]:
    """Packets of these ``pts`` and ``dts``, received at an even pace."""
    return [
        KeptPacket(b"", n == 0, pts, dts, at + n * pace, 0.0) for n, (pts, dts) in enumerate(stamps)
    ]


def steady(count: int, begin: int = 0) -> list[tuple[int | None, int | None]]:
    return [(begin + n * STEP, begin + n * STEP) for n in range(count)]


def test_good_stamps_keep_their_distances_and_begin_at_zero() -> None:
    times = ClipTimes()
    first = times.group(group(steady(5, begin=777)))
    assert first == [(n * STEP, n * STEP) for n in range(5)]
    second = times.group(group(steady(5, begin=777 + 5 * STEP), at=0.5))
    assert [dts for _, dts in second] == [n * STEP for n in range(5, 10)]
    assert times.seconds == pytest.approx(0.9)


def test_pictures_out_of_order_without_decoding_times_get_some() -> None:
    shown = [0, 4, 2, 1, 3]
    stamps = ClipTimes().group(group([(n * STEP, None) for n in shown]))
    assert [dts for _, dts in stamps] == [n * STEP for n in range(5)]
    order = sorted(range(5), key=lambda n: stamps[n][0])
    assert [shown[n] for n in order] == [0, 1, 2, 3, 4]
    distances = [stamps[b][0] - stamps[a][0] for a, b in pairwise(order)]
    assert distances == [STEP] * 4


def test_a_jump_of_the_stamps_between_groups_becomes_the_time_by_the_clock() -> None:
    times = ClipTimes()
    times.group(group(steady(5)))
    jumped = times.group(group(steady(5, begin=3600 * SECOND), at=0.5))
    assert jumped[0][1] == pytest.approx(5 * STEP, abs=2)
    back = times.group(group(steady(5, begin=3 * SECOND), at=1.0))
    assert back[0][1] == pytest.approx(10 * STEP, abs=4)


@pytest.mark.parametrize(
    "stamps",
    [
        [(None, None)] * 5,
        [(5, 5), (5, 5), (4, 4), (3, 3), (2, 2)],
        [(0, 0), (STEP, STEP), (3600 * SECOND, 3600 * SECOND), (3600 * SECOND + STEP, None)],
    ],
    ids=["none", "backwards", "a jump within"],
)
def test_stamps_without_sense_give_way_to_the_clock(
    stamps: list[tuple[int | None, int | None]],
) -> None:
    given_stamps = ClipTimes().group(group(stamps, pace=0.2))
    if stamps[0][0] == 5:  # sorted, they make an order, of a few ticks
        assert [dts for _, dts in given_stamps] == sorted({dts for _, dts in given_stamps})
        return
    assert [dts for _, dts in given_stamps] == [n * SECOND // 5 for n in range(len(stamps))]


def test_a_live_stream_with_a_wrong_clock_runs_at_the_right_speed() -> None:
    slow = [(n * SECOND, n * SECOND) for n in range(20)]
    last = ClipTimes(live=True).group(group(slow))[-1]
    assert last[1] == pytest.approx(1.9 * SECOND, abs=20)
    read_ahead = ClipTimes(live=False).group(group(slow))[-1]
    assert read_ahead[1] == 19 * SECOND


stamp = st.none() | st.integers(-(2**40), 2**40) | st.integers(0, 40).map(lambda n: n * STEP)


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(stamp, stamp), min_size=1, max_size=12),
            st.floats(0.0, 5.0),
            st.floats(0.0, 1.0),
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_whatever_the_stream_says_a_file_can_hold_it(
    groups: list[tuple[list[tuple[int | None, int | None]], float, float]], live: bool
) -> None:
    times = ClipTimes(live=live)
    at = 0.0
    decoded: list[int] = []
    for stamps, pause, pace in groups:
        packets = group(stamps, at=at, pace=pace)
        at = packets[-1].at + pause
        given_stamps = times.group(packets)
        assert len(given_stamps) == len(packets)
        assert all(pts >= dts for pts, dts in given_stamps)
        decoded += [dts for _, dts in given_stamps]
    assert decoded[0] == 0
    assert all(before < after for before, after in pairwise(decoded))
