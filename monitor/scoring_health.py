"""Whether the frames that arrive are scored, and what is wrong if they are not."""

import structlog

from monitor.clock import Clock
from monitor.errors import EngineError
from monitor.logs import Throttle

UNSCORED_SECONDS = 20.0
"""Frames that arrive and are not scored for this long are a fault: the largest batch of a slow
engine takes a few seconds."""

log = structlog.get_logger(__name__)


class ScoringHealth:
    """Follows what goes into the engine and what comes out. For the watch's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._throttle = Throttle()
        self._unscored_since: float | None = None
        self.engine_fault = ""
        """Why the last batch could not be scored; empty if it was."""

    @property
    def fault(self) -> str:
        """Why frames that arrive are not scored; empty if they are."""
        since = self._unscored_since
        if self.engine_fault or since is None:
            return self.engine_fault
        seconds = self._clock.monotonic() - since
        if seconds < UNSCORED_SECONDS:
            return ""
        return f"frames arrive and none was scored for {seconds:.0f} s; the machine is overloaded"

    def came(self) -> None:
        """A frame that should be scored arrived."""
        if self._unscored_since is None:
            self._unscored_since = self._clock.monotonic()

    def scored(self) -> None:
        """A batch was scored."""
        self.engine_fault = ""
        self._unscored_since = None

    def failed(self, error: EngineError) -> None:
        """A batch could not be scored."""
        self.engine_fault = str(error)
        kept_back = self._throttle.admit("engine", self._clock.monotonic())
        if kept_back is not None:
            log.error("engine_failing", error=str(error), kept_back=kept_back)

    def second_look_failed(self, reason: str) -> None:
        """Doubtful pictures of a batch kept their first scores: no fault, and to be looked at."""
        kept_back = self._throttle.admit("second look", self._clock.monotonic())
        if kept_back is not None:
            log.warning("second_look_failing", error=reason, kept_back=kept_back)
