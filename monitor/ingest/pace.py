"""The pace of recordings: in their own time, as cameras are, or as fast as the machine goes."""

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.ingest.frame import DecodedFrame

_STEP_SECONDS = 0.5
"""Longest wait between two signs of life."""

_LATE_SECONDS = 2.0
"""A recording that falls behind by more, as after a suspend, goes on from where it is."""


@dataclass(frozen=True, slots=True)
class Due:
    """When a picture was captured, as far as a recording has such a time."""

    wall: float
    monotonic: float
    lag_seconds: float
    """By how much later than those before it, as far as a stream can tell; 0 of recordings."""


class Pace:
    """Gives the frames of one recording their times.

    Args:
        paced: wait until each frame is due; else frames get the times at which they would be due.
        clock: the time to go by.
        progress: called at each step of a wait.
        stop: ends a wait.
    """

    def __init__(
        self, paced: bool, clock: Clock, progress: Callable[[], None], stop: threading.Event
    ) -> None:
        self._paced, self._clock = paced, clock
        self._progress, self._stop = progress, stop
        self._began_wall = clock.wall()
        self._began = clock.monotonic()

    def wait(self, frame: DecodedFrame) -> DecodedFrame | None:
        """The frame with its time of capture, once it is due; None where stopped before."""
        due = self.wait_until(frame.media_seconds)
        if due is None:
            return None
        return dataclasses.replace(
            frame,
            captured_at=due.wall,
            captured_monotonic=due.monotonic,
            lag_seconds=due.lag_seconds,
        )

    def wait_until(self, media_seconds: float) -> Due | None:
        """The time of capture of what stands there in the recording, once it is due; None where
        stopped before. Who asks too late is told when it was due: a camera had not waited."""
        due = self._began + media_seconds
        if not self._paced:
            return Due(self._began_wall + media_seconds, due, 0.0)
        while (left := due - self._clock.monotonic()) > 0:
            self._progress()
            if self._stop.wait(min(left, _STEP_SECONDS)):
                return None
        if left < -_LATE_SECONDS:
            self._began -= left
            left = 0.0
        return Due(self._clock.wall() + left, self._clock.monotonic() + left, 0.0)
