"""Positions from stamps that cannot be trusted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.timeline import Timeline

STAMPS = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=100)


def test_positions_begin_at_zero_wherever_the_stamps_begin() -> None:
    timeline = Timeline(0.04)
    assert [timeline.packet(1000 + step / 25) for step in range(3)] == pytest.approx(
        [0, 0.04, 0.08]
    )


def test_missing_stamps_are_counted() -> None:
    timeline = Timeline(0.5)
    assert [timeline.packet(None) for _ in range(3)] == [0.0, 0.5, 1.0]


def test_a_break_in_the_stamps_is_no_break_in_the_positions() -> None:
    timeline = Timeline(0.04)
    stamps = [0.0, 0.04, 95_000.0, 95_000.04, -3.0, -2.96]
    assert [timeline.packet(stamp) for stamp in stamps] == pytest.approx(
        [0.0, 0.04, 0.08, 0.12, 0.16, 0.20]
    )


def test_a_pause_in_a_recording_is_kept() -> None:
    timeline = Timeline(0.04)
    assert [timeline.packet(stamp) for stamp in (0.0, 30.0)] == [0.0, 30.0]


def test_positions_grow_over_a_loop() -> None:
    timeline = Timeline(0.5)
    for stamp in (0.0, 0.5, 1.0):
        timeline.packet(stamp)
    assert timeline.length == pytest.approx(1.5)
    timeline.restart()
    assert timeline.packet(0.0) == pytest.approx(1.5)
    assert timeline.length == pytest.approx(0.5)


def test_pictures_in_another_order_than_their_packets() -> None:
    timeline = Timeline(0.04)
    for stamp in (0.0, 0.12, 0.04, 0.08):
        timeline.packet(stamp)
    assert timeline.picture(0.04) == pytest.approx(0.04)
    assert timeline.picture(None) == pytest.approx(0.12)


@given(STAMPS)
def test_positions_never_run_away_nor_far_back(stamps: list[float | None]) -> None:
    timeline = Timeline(0.04)
    newest = 0.0
    for stamp in stamps:
        position = timeline.packet(stamp)
        assert position >= 0.0
        assert newest - 2.1 <= position <= newest + 60.1
        newest = max(newest, position)
