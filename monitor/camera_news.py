"""What ingest tells of cameras and workers, as log lines and counts."""

from collections.abc import Collection

import structlog

from monitor.clock import Clock
from monitor.ingest.status import REASONS, CameraEvent
from monitor.logs import Throttle
from monitor.metrics import Metrics
from monitor.metrics_daemon import RESTART_REASONS

HEALTHY_SECONDS = 60.0
"""A camera that was up for this long and goes down has a new outage, which is told at once."""

REMIND_SECONDS = 20.0
"""A camera that is still down this long after its line was kept back is told of all the same."""

_WARNINGS = frozenset({"down", "worker_lost", "worker_failed", "quarantined", "note"})
"""Kinds of events that somebody should look at tomorrow; the others are the story of a day."""

log = structlog.get_logger(__name__)


class CameraNews:
    """Tells events, and a fault that repeats ever less often.

    A line that is kept back is told later if the camera is still down then: the last line about a
    camera never says that it is up while it is not.
    """

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._throttle = Throttle()
        self._up_since: dict[str, float] = {}
        self._kept: dict[str, tuple[float, CameraEvent]] = {}

    def tell(self, event: CameraEvent) -> None:
        """Log and count one event."""
        now = self._clock.monotonic()
        if event.kind == "worker_lost" and event.reason in RESTART_REASONS:
            self._metrics.daemon.count_worker_restart(event.reason)
        if event.kind == "up":
            self._up_since[event.camera] = now
            self._kept.pop(event.camera, None)
        kept_back = 0
        if event.kind == "down":
            since = self._up_since.pop(event.camera, None)
            if since is not None and now - since >= HEALTHY_SECONDS:
                for reason in REASONS:  # a new outage, and no flapping
                    self._throttle.clear(f"{event.camera}:{reason}")
            admitted = self._throttle.admit(f"{event.camera}:{event.reason}", now)
            if admitted is None:
                self._kept[event.camera] = now, event
                return
            kept_back = admitted
            self._kept.pop(event.camera, None)
        _write(event, kept_back)

    def remind(self) -> None:
        """Tell what was kept back of cameras that are still down; to be called now and then."""
        now = self._clock.monotonic()
        for camera, (since, event) in list(self._kept.items()):
            if now - since >= REMIND_SECONDS:
                del self._kept[camera]
                _write(event, 0)

    def forget(self, cameras: Collection[str]) -> None:
        """These cameras are watched no more."""
        for camera in cameras:
            self._up_since.pop(camera, None)
            self._kept.pop(camera, None)


def _write(event: CameraEvent, kept_back: int) -> None:
    fields: dict[str, str | int] = {
        name: value
        for name, value in (
            ("camera", event.camera),
            ("reason", event.reason),
            ("detail", event.detail),
            ("kept_back", kept_back),
        )
        if value
    }
    name = event.kind if event.kind.startswith("worker") else f"camera_{event.kind}"
    say = log.warning if event.kind in _WARNINGS else log.info
    say(name, **fields)
