"""Time as an argument, so that everything that waits or measures can be tested."""

import time
from typing import Protocol


class Clock(Protocol):
    """The two times of this project; both in seconds."""

    def wall(self) -> float:
        """Unix time, for people; may jump."""
        ...

    def monotonic(self) -> float:
        """Time for arithmetic; never goes back, the same for all processes of a machine."""
        ...


class SystemClock:
    """The clock of the machine."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved: for replay in media time, and for tests."""

    def __init__(self, wall: float = 0.0, monotonic: float = 0.0) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both times forward by ``seconds``."""
        self._wall += seconds
        self._monotonic += seconds

    def step_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as a time server or an operator does."""
        self._wall += seconds
