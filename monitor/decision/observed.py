"""Observed time: the only clock of the decision. It runs while frames come, and stands in gaps.

A camera that was not seen for a minute says nothing about that minute: it may neither confirm an
alert nor clear one. So smoothing, ``for`` and ``keep_firing_for`` all count observed time, to
which a frame adds

- the time since the frame before, where that is at most ``max_step`` seconds;
- one sample period after a longer step, which is a gap: the frame speaks for itself alone;
- nothing, if it is not newer than the one before: it came late or twice, and is left out.

A frame older by more than ``max_step`` is no late frame: the clock was set back. It counts as a
frame after a gap, or a clock that jumps would blind the camera until it caught up.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class ObservedTime:
    """The observed time of one camera."""

    period: float
    """Wanted seconds between frames."""
    max_step: float
    """Seconds; a longer step is a gap."""
    last: float | None = None
    """Monotonic time of the newest frame; None before the first, and after a restart."""
    last_wall: float | None = None
    """Unix time of the newest frame."""

    def advance(self, monotonic: float, wall: float) -> tuple[float, float] | None:
        """Take the times of a frame, and give the observed and the elapsed seconds that it adds.

        After a restart the monotonic clock may have started anew; the step to the first frame is
        then taken from the wall clock. None says that the frame must be left out.
        """
        if self.last is not None:
            elapsed = monotonic - self.last
            if -self.max_step <= elapsed <= 0:
                return None
        elif self.last_wall is not None:
            elapsed = wall - self.last_wall
        else:
            elapsed = 0.0
        first = self.last is None and self.last_wall is None
        self.last = monotonic
        self.last_wall = wall
        if first:
            return 0.0, 0.0
        if 0 < elapsed <= self.max_step:
            return elapsed, elapsed
        return self.period, max(elapsed, 0.0)
