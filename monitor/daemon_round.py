"""What the daemon does beside scoring, some times a second: news, faults, proof of life."""

from collections.abc import Callable, Iterator, Sequence

import structlog

from monitor.alerts.keeper import Keeper
from monitor.camera_news import CameraNews
from monitor.clock import Clock
from monitor.daemon_state import DaemonState
from monitor.delivery import Delivery
from monitor.evidence import Evidence
from monitor.ingest.supervisor import Supervisor
from monitor.logs import Throttle
from monitor.metrics import Metrics
from monitor.notices import condition_faults
from monitor.sampling import Sampling
from monitor.shadow import Shadow
from monitor.signal_poller import SignalState
from monitor.systemd_notify import Notifier
from monitor.watch import Watch
from monitor.web.server import WebServer
from monitor.web.view import Fault

ROUND_SECONDS = 0.25
"""How often it is done: asking for the state of hundreds of cameras takes milliseconds, and the
loop comes round with each batch."""

STATUS_SECONDS = 5.0
"""How often ``systemctl status`` gets a new line."""

_LEAST_FEEDINGS = 4.0
"""The watchdog's time should hold so many rounds at the least, the slowest batch included."""
_SLOW_ROUND_SECONDS = 3.0
"""The largest batch on a slow machine."""

_NO_MEMORY = (
    "there is no memory for the pictures of the cameras; give the machine (or MemoryMax= of the "
    "unit) more, or lower ingest.max_side"
)

log = structlog.get_logger(__name__)


class Round:
    """Tells what ingest has to tell, shows what is wrong, and feeds the watchdog."""

    def __init__(
        self,
        supervisor: Supervisor,
        watch: Watch,
        keeper: Keeper,
        *,
        news: CameraNews,
        metrics: Metrics,
        state: DaemonState,
        web: WebServer,
        notifier: Notifier,
        signals: Callable[[], Sequence[SignalState]],
        clock: Clock,
        shadow: Shadow,
        sampling: Sampling,
        delivery: Delivery,
        evidence: Evidence,
    ) -> None:
        self._supervisor = supervisor
        self._watch = watch
        self._keeper = keeper
        self._news = news
        self._metrics = metrics
        self._state = state
        self._web = web
        self._notifier = notifier
        self._signals = signals
        self._clock = clock
        self._shadow = shadow
        self._sampling = sampling
        self._delivery = delivery
        self._evidence = evidence
        self._throttle = Throttle()
        self._next = clock.monotonic()
        self._next_status = self._next + STATUS_SECONDS
        self._counted = watch.frames_scored
        self.reload_fault = ""
        """Why the last reload was refused; empty if it was not."""
        self.restart_fault = ""
        """What of the configuration is not in force before a restart; empty: all of it is."""
        interval = notifier.watchdog_interval_seconds
        needed = _LEAST_FEEDINGS * (ROUND_SECONDS + _SLOW_ROUND_SECONDS)
        if interval is not None and interval < needed:
            log.warning(
                "watchdog_short",
                seconds=interval,
                cause=f"a slow batch alone may take {_SLOW_ROUND_SECONDS:g} s; give the unit "
                f"WatchdogSec={needed:g} or more",
            )

    def come(self) -> None:
        """To be called each time that the loop comes round; does its work when it is time."""
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + ROUND_SECONDS
        statuses = self._supervisor.statuses()
        for event in self._supervisor.events():
            self._news.tell(event)
        self._news.remind()
        self._metrics.daemon.set_workers(len(self._supervisor.worker_pids()))
        self._watch.tend(statuses)
        self._shadow.tend()
        self._evidence.tend()
        self._metrics.daemon.set_store(
            on_disk=not self._keeper.fault, waiting=self._keeper.waiting, lost=self._keeper.lost
        )
        starved = self._supervisor.starved
        if starved:
            kept_back = self._throttle.admit("memory", now)
            if kept_back is not None:
                log.error("memory_short", error=_NO_MEMORY, kept_back=kept_back)
        self._state.came_round(tuple(self._faults(starved)))
        # Proof of progress: the loop came round, nothing that was due went unscored, and somebody
        # can read about it. Anything else starves the watchdog, and systemd restarts the daemon.
        if not self._watch.fault and not starved and self._web.alive:
            self._notifier.watchdog()
        if now >= self._next_status:
            self._tell_status(now)

    def summary(self) -> str:
        """One line for ``systemctl status``."""
        statuses = self._supervisor.statuses()
        up = sum(status.up for status in statuses.values())
        firing = self._watch.firing()
        alerts = ", ".join(f"{alert} at {camera}" for camera, alert in firing[:3])
        more = f" and {len(firing) - 3} more" if len(firing) > 3 else ""
        return f"{up}/{len(statuses)} cameras up" + (f"; FIRING: {alerts}{more}" if firing else "")

    def _tell_status(self, now: float) -> None:
        seconds = STATUS_SECONDS + now - self._next_status
        rate = (self._watch.frames_scored - self._counted) / seconds
        self._counted = self._watch.frames_scored
        self._next_status = now + STATUS_SECONDS
        self._notifier.status(f"{self.summary()}; {rate:.1f} frames/s")

    def _faults(self, starved: bool) -> Iterator[Fault]:
        if fault := self._watch.fault:
            yield Fault("engine", fault)
        if starved:
            yield Fault("memory", _NO_MEMORY)
        if self._keeper.fault:
            # Watching goes on and alerts are raised: this is no reason to call it not ready.
            yield Fault("store", self._keeper.fault, critical=False)
        if overload := self._sampling.fault:
            # Slowly is not blindly: every camera is still watched.
            yield Fault("overload", overload, critical=False)
        if self._evidence.fault:
            yield Fault("evidence", self._evidence.fault, critical=False)
        if self._shadow.fault:
            yield Fault("shadow", self._shadow.fault, critical=False)
        yield from self._delivery.faults()
        yield from condition_faults(self._signals(), self._watch.silences())
        if self.reload_fault:
            yield Fault("config", self.reload_fault, critical=False)
        if self.restart_fault:
            yield Fault("config", self.restart_fault, critical=False)
