"""What ingest tells of cameras and workers, as log lines and counts."""

import structlog

from monitor.clock import Clock
from monitor.ingest.status import CameraEvent
from monitor.logs import Throttle
from monitor.metrics import RESTART_REASONS, Metrics

_WARNINGS = frozenset({"down", "worker_lost", "quarantined"})
"""Kinds of events that somebody should look at tomorrow; the others are the story of a day."""

log = structlog.get_logger(__name__)


class CameraNews:
    """Tells events, and a fault that repeats ever less often."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._throttle = Throttle()

    def tell(self, event: CameraEvent) -> None:
        """Log and count one event."""
        if event.kind == "worker_lost" and event.reason in RESTART_REASONS:
            self._metrics.count_worker_restart(event.reason)
        fields: dict[str, str | int] = {
            name: value
            for name, value in (
                ("camera", event.camera),
                ("reason", event.reason),
                ("detail", event.detail),
            )
            if value
        }
        if event.kind == "down":
            key = f"{event.camera}:{event.reason}"
            kept_back = self._throttle.admit(key, self._clock.monotonic())
            if kept_back is None:
                return
            if kept_back:
                fields["kept_back"] = kept_back
        name = event.kind if event.kind.startswith("worker") else f"camera_{event.kind}"
        say = log.warning if event.kind in _WARNINGS else log.info
        say(name, **fields)
