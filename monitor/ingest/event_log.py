"""What happened to cameras and workers, until the daemon asks for it."""

from collections import deque
from collections.abc import Iterable

from monitor.clock import Clock
from monitor.ingest.placement import GroupKind, Move
from monitor.ingest.status import CameraEvent

_LONGEST = 10_000
"""Where nobody asks, the oldest are given up."""
_MOVED = {
    GroupKind.QUARANTINE: ("quarantined", "its worker failed twice; it has one of its own now"),
    GroupKind.TRIAL: ("moved", "it may have made its worker fail; it is read by another now"),
    GroupKind.SHARED: ("released", "no fault for a while; it shares a worker again"),
}


class EventLog:
    """Events in their order. For one thread, or under its owner's lock."""

    def __init__(self, clock: Clock) -> None:
        """
        Args:
            clock: the machine's; its wall time stands in the events.
        """
        self._clock = clock
        self._events: deque[CameraEvent] = deque(maxlen=_LONGEST)

    def say(self, camera: str, kind: str, reason: str, detail: str) -> None:
        """Add one that happens now; ``camera`` is empty where it is about a worker."""
        self._events.append(CameraEvent(camera, kind, reason, detail, self._clock.wall()))

    def moved(self, moves: Iterable[Move], reason: str) -> None:
        """Add that cameras are read by another worker, and why."""
        for move in moves:
            kind, detail = _MOVED[move.kind]
            self.say(move.camera, kind, reason, detail)

    def add(self, events: Iterable[CameraEvent]) -> None:
        """Add some that carry their own time."""
        self._events.extend(events)

    def take(self) -> list[CameraEvent]:
        """All since the last call."""
        events = list(self._events)
        self._events.clear()
        return events
