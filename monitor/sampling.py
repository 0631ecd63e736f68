"""Wires how often each camera is sampled: as configured, in a burst, or in an overload."""

import statistics
from collections.abc import Mapping

import structlog

from monitor.burst import Bursts, BurstSettings
from monitor.clock import Clock
from monitor.config import Config
from monitor.ingest.status import CameraStatus
from monitor.ingest.supervisor import Supervisor
from monitor.metrics import Metrics
from monitor.overload import Governor, Load, Wanted, rates
from monitor.processors import are_busy, read_counts
from monitor.sampling_ratio import SamplingRatio
from monitor.watch import Watch

STEP_SECONDS = 1.0
"""How often the load is looked at."""

OPENING_SECONDS = 5.0
"""So long after a camera came up its worker, and those beside it, may still be behind."""

_TOLD_SHARE = 0.9
"""A machine that carries more than this of what is asked is not called overloaded in the log."""

log = structlog.get_logger(__name__)


class Sampling:
    """Tells the supervisor the rates of all cameras. For the daemon's thread."""

    def __init__(
        self,
        config: Config,
        supervisor: Supervisor,
        watch: Watch,
        *,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._supervisor = supervisor
        self._watch = watch
        self._metrics = metrics
        self._clock = clock
        self._governor = Governor()
        self._ratios: dict[str, SamplingRatio] = {}
        self._in_burst: set[str] = set()
        self._ordered: dict[str, float] = {}
        self._wanted = _wanted(config)
        self._bursts = Bursts(_burst_settings(config))
        self._last = clock.monotonic()
        self._counts = read_counts()
        self._told = False
        self._up: frozenset[str] = frozenset()
        self._opened_at: float | None = None

    @property
    def fault(self) -> str:
        """Why cameras are sampled less often than they should be; empty if they are not."""
        share = self._governor.share
        if share >= 1.0:
            return ""
        return (
            "more is asked of this machine than it carries, so all cameras are sampled at "
            f"{share:.0%} of their rates; lower fps, choose smaller streams, leave out tiles, or "
            "watch fewer cameras here"
        )

    def apply(self, config: Config) -> None:
        """Take another configuration; bursts end."""
        self._wanted = _wanted(config)
        self._bursts.settings = _burst_settings(config)
        self._in_burst = set()
        self._watch.in_burst = frozenset()
        self._ratios = {name: r for name, r in self._ratios.items() if name in self._wanted}
        self._metrics.set_bursts(())
        self._order()

    def tend(self) -> None:
        """To be called each time that the daemon's loop comes round."""
        self._burst()
        now = self._clock.monotonic()
        if now - self._last < STEP_SECONDS:
            return
        seconds, self._last = now - self._last, now
        statuses = self._supervisor.statuses()
        self._note_opened(statuses, now)
        share = self._governor.update(self._load(statuses, seconds), now)
        self._metrics.pipeline.set_sampling_share(share)
        self._tell(share)
        self._order()
        self._note(statuses, seconds)

    def _note_opened(self, statuses: Mapping[str, CameraStatus], now: float) -> None:
        up = frozenset(name for name, status in statuses.items() if status.up)
        if up - self._up:
            self._opened_at = now
        self._up = up

    def _load(self, statuses: Mapping[str, CameraStatus], seconds: float) -> Load:
        before, self._counts = self._counts, read_counts()
        # Where processors idle, it is the network that holds pictures up.
        busy = are_busy(before, self._counts, seconds)
        lost = sum(status.dropped.get("overwritten", 0) for status in statuses.values())
        now = self._clock.monotonic()
        delays = [status.delay_seconds for status in statuses.values() if status.up]
        return Load(
            sampled=sum(status.frames for status in statuses.values()),
            lost=lost + sum(work.lost for work in self._watch.work().values()),
            delay_seconds=statistics.median(delays) if busy and delays else 0.0,
            opening=self._opened_at is not None and now - self._opened_at < OPENING_SECONDS,
        )

    def _burst(self) -> None:
        """Sample cameras faster while an alert of them is pending."""
        if not self._watch.pending and self._bursts.idle:
            return
        usual = {name: wanted.fps for name, wanted in self._wanted.items()}
        now_in = self._bursts.update(self._watch.pending, usual, self._clock.monotonic())
        if now_in != self._in_burst:
            self._in_burst = now_in
            self._watch.in_burst = frozenset(now_in)
            self._metrics.set_bursts(now_in)
            self._order()

    def _order(self) -> None:
        fps = self._bursts.settings.fps
        ordered = rates(self._wanted, self._governor.share, self._in_burst, fps)
        if ordered != self._ordered:
            self._ordered = ordered
            self._supervisor.sample(ordered)

    def _note(self, statuses: Mapping[str, CameraStatus], seconds: float) -> None:
        known: dict[str, float] = {}
        for name, work in self._watch.work().items():
            status, wanted = statuses.get(name), self._wanted.get(name)
            if status is not None and wanted is not None:
                ratio = self._ratios.setdefault(name, SamplingRatio())
                ratio.note(work.attended, wanted.fps, seconds, up=status.up)
                known[name] = ratio.value
        self._watch.show_sampling(known)

    def _tell(self, share: float) -> None:
        if share < _TOLD_SHARE and not self._told:
            self._told = True
            log.warning("overloaded", share=round(share, 2), cause=self.fault)
        elif share >= 1.0 and self._told:
            self._told = False
            log.info("overload_over")


def _wanted(config: Config) -> dict[str, Wanted]:
    return {
        camera.name: Wanted(camera.fps, camera.stale_after)
        for camera in config.cameras
        if camera.enabled
    }


def _burst_settings(config: Config) -> BurstSettings:
    burst = config.decision.burst
    return BurstSettings(fps=burst.fps, cameras=burst.cameras, max_seconds=burst.max_time)
