"""Which cameras are sampled faster now, because an alert of theirs is pending. Pure.

A rule's ``for`` counts time, so an alert of a camera that is sampled every five seconds waits for
two or three more samples. While one is pending the camera is in a burst: all its pictures are
decoded and several a second are scored, so that the alert is confirmed, or given up, in seconds.

The budget is shared: so many cameras at once, first come, first served. A camera whose alert is
still pending after the longest time has had its burst; it gets another once none is pending.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

LINGER_SECONDS = 2.0
"""A burst goes on for so long after its alert: evidence that wavers makes it pending again."""


@dataclass(frozen=True, slots=True)
class BurstSettings:
    """What bursts may take."""

    fps: float = 5.0
    """Samples a second in a burst; 0: no bursts."""
    cameras: int = 4
    """Most cameras in a burst at once."""
    max_seconds: float = 30.0
    """Longest burst."""


@dataclass(slots=True)
class _Turn:
    """One camera that has asked for a burst."""

    began: float | None = None
    """When it got it; None while it waits."""
    pending_at: float = 0.0


class Bursts:
    """Hands out bursts to cameras with a pending alert."""

    def __init__(self, settings: BurstSettings) -> None:
        self.settings = settings
        self._turns: dict[str, _Turn] = {}
        """In the order in which they asked."""

    @property
    def idle(self) -> bool:
        """Whether no camera has or awaits a burst, or has had the one of its alert; until then
        :meth:`update` must go on being called, though nothing is pending."""
        return not self._turns

    def update(self, pending: Collection[str], usual: Mapping[str, float], now: float) -> set[str]:
        """The cameras that are in a burst from now on.

        Args:
            pending: cameras with a pending alert.
            usual: the usual samples a second of each camera; one that has as many as a burst would
                give needs none, and one that is not named has none.
            now: monotonic time, seconds.
        """
        settings = self.settings
        for name in pending:
            if usual.get(name, settings.fps) < settings.fps:
                self._turns.setdefault(name, _Turn()).pending_at = now
        active = set()
        for name, turn in list(self._turns.items()):
            if now - turn.pending_at > LINGER_SECONDS or name not in usual:
                del self._turns[name]
            elif turn.began is not None and now - turn.began < settings.max_seconds:
                active.add(name)
        for name, turn in self._turns.items():
            if turn.began is None and len(active) < settings.cameras:
                turn.began = now
                active.add(name)
        return active if settings.fps > 0 else set()
