"""Silences in the running daemon: looks for those that a command has set, says what they cover,
and tells of each that begins and ends."""

from collections.abc import Iterable

import structlog

from monitor.alerts.keeper import Keeper
from monitor.alerts.silences import ActiveSilences, Silence, covering
from monitor.clock import Clock

LOOK_SECONDS = 1.0
"""How often the store is asked. A question takes some 20 microseconds."""

log = structlog.get_logger(__name__)


class Quiet:
    """The silences of all cameras. For the watch's thread, apart from :meth:`now`."""

    def __init__(self, *, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._silences = ActiveSilences()
        self._told: frozenset[Silence] = frozenset()
        self._announced: frozenset[tuple[str, str]] = frozenset()
        self._muffled: frozenset[tuple[str, str]] = frozenset()
        self._next_look = clock.monotonic()

    def now(self) -> tuple[Silence, ...]:
        """Silences in force. For any thread."""
        return self._silences.now(wall=self._clock.wall(), monotonic=self._clock.monotonic())

    def covers(self, camera: str, label: str) -> bool:
        """Whether alerts for ``label`` of ``camera`` are silenced now."""
        return covering(self.now(), camera, label) is not None

    def announce_anew(self) -> None:
        """Tell sinks of all that fires with the next :meth:`tend`: some may be new. Those that have
        heard of it are not told twice."""
        self._announced = frozenset()

    def tend(self, firing: Iterable[tuple[str, str, str]]) -> None:
        """Look for new silences, if it is time, and tell of what changed.

        An alert that still fires when its silence ends is told as one that fires: whoever is to be
        woken has not heard of it.

        Args:
            firing: camera, alert and label of all that fire now.
        """
        monotonic = self._clock.monotonic()
        if monotonic < self._next_look:
            return
        self._next_look = monotonic + LOOK_SECONDS
        found = self._keeper.silences()
        if found is not None:
            self._silences.take(found, wall=self._clock.wall(), monotonic=monotonic)
        active = frozenset(self.now())
        self._tell(active)
        muffled, audible = set(), set()
        for camera, alert, label in firing:
            if covering(active, camera, label) is not None:
                muffled.add((camera, alert))
                continue
            audible.add((camera, alert))
            if (camera, alert) in self._muffled:
                log.error("alert_firing", camera=camera, alert=alert, label=label, after="silence")
        self._muffled = frozenset(muffled)
        self._keeper.announce(audible - self._announced)
        self._announced = frozenset(audible)

    def _tell(self, active: frozenset[Silence]) -> None:
        for silence in sorted(active - self._told, key=lambda s: s.id):
            log.warning("silence_begun", **_fields(silence))
        for silence in sorted(self._told - active, key=lambda s: s.id):
            if silence.id not in {other.id for other in active}:
                log.info("silence_ended", **_fields(silence))
        self._told = active


def _fields(silence: Silence) -> dict[str, object]:
    return {
        "id": silence.id,
        "camera": silence.camera,
        "label": silence.label or "all",
        "ends_at": silence.ends_at,
        "created_by": silence.created_by,
        "comment": silence.comment,
    }
