"""Recordings in their own time, or as fast as the machine goes."""

import threading

import numpy as np
import pytest

from monitor.clock import ManualClock, SystemClock
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.pace import Pace
from monitor.layout import Image


def frame_at(seconds: float) -> DecodedFrame:
    return DecodedFrame(Image.of(np.zeros((1, 1, 3), np.uint8)), 0.0, 0.0, seconds)


def test_unpaced_frames_carry_the_times_at_which_they_would_be_due() -> None:
    pace = Pace(False, ManualClock(wall=1000.0, monotonic=50.0), lambda: None, threading.Event())
    timed = pace.wait(frame_at(2.5))
    assert timed is not None
    assert (timed.captured_at, timed.captured_monotonic) == (1002.5, 52.5)


def test_paced_frames_wait_until_they_are_due() -> None:
    clock = SystemClock()
    signs: list[float] = []
    pace = Pace(True, clock, lambda: signs.append(clock.monotonic()), threading.Event())
    began = clock.monotonic()
    timed = pace.wait(frame_at(0.2))
    assert timed is not None
    assert timed.captured_monotonic - began == pytest.approx(0.2, abs=0.15)
    assert signs


def test_who_comes_late_is_told_when_it_was_due() -> None:
    clock = ManualClock()
    pace = Pace(True, clock, lambda: None, threading.Event())
    began = clock.monotonic(), clock.wall()
    clock.advance(1.5)
    due = pace.wait_until(1.0)
    assert due is not None
    assert (due.monotonic - began[0], due.wall - began[1]) == pytest.approx((1.0, 1.0))


def test_a_stop_ends_the_wait() -> None:
    stop = threading.Event()
    pace = Pace(True, SystemClock(), stop.set, stop)
    assert pace.wait(frame_at(3600.0)) is None


def test_a_recording_that_fell_behind_goes_on_from_there() -> None:
    clock = ManualClock()
    pace = Pace(True, clock, lambda: None, threading.Event())
    clock.advance(100.0)
    assert pace.wait(frame_at(1.0)) is not None
    stop = threading.Event()
    # Had it not been set anew, the next would be long overdue and not wait.
    late = Pace(True, clock, stop.set, stop)
    clock.advance(100.0)
    assert late.wait(frame_at(1.0)) is not None
    assert late.wait(frame_at(2.0)) is None
