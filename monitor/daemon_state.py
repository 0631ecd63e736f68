"""The daemon's state as the web shows it: one object that is written by one thread, read by all."""

import threading

from monitor.clock import Clock
from monitor.ingest.supervisor import Supervisor
from monitor.watch import Watch
from monitor.web.view import LOOP, CameraView, Fault, ModelView, Snapshot

LOOP_TIMEOUT_SECONDS = 15.0
"""A loop that did not come round for this long hangs: it comes round several times a second, and
the largest batch on a slow machine takes a few seconds."""


class DaemonState:
    """Implements :class:`monitor.web.view.StateView`."""

    def __init__(self, supervisor: Supervisor, *, clock: Clock, version: str) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._version = version
        self._started_at = clock.wall()
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._model: ModelView | None = None
        self._faults: tuple[Fault, ...] = ()
        self._came_round = clock.monotonic()

    def loaded(self, watch: Watch, model: ModelView) -> None:
        """The model is loaded, and the watch begins."""
        with self._lock:
            self._watch = watch
            self._model = model

    def came_round(self, faults: tuple[Fault, ...]) -> None:
        """The loop came round; what is wrong now."""
        with self._lock:
            self._faults = faults
            self._came_round = self._clock.monotonic()

    def snapshot(self) -> Snapshot:
        """The state now."""
        statuses = self._supervisor.statuses()
        now = self._clock.monotonic()
        with self._lock:
            watch, model, faults = self._watch, self._model, self._faults
            idle = now - self._came_round
        cameras: tuple[CameraView, ...] = watch.views(statuses) if watch is not None else ()
        if model is not None and idle > LOOP_TIMEOUT_SECONDS:
            stuck = Fault(LOOP, f"nothing was scored or decided for {idle:.0f} s; restart")
            faults = (*faults, stuck)
        return Snapshot(
            at=self._clock.wall(),
            monotonic=now,
            version=self._version,
            started_at=self._started_at,
            cameras=cameras,
            model=model,
            faults=faults,
        )
