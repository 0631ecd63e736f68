"""Every metric of Emberwatch; ``docs/metrics.md`` explains them to people.

What is counted is declared here. What ingest counts (:mod:`monitor.metrics_cameras`) is read when
Prometheus asks, from the statuses that the supervisor keeps, and never mirrored by hand: a number
that nobody updates cannot look alive. All label sets that a camera
can have exist from the moment it is watched, and vanish when it is watched no more.

A score is shown only while it tells of a picture that was just seen: it is withdrawn by the daemon,
and shown no longer here as well once its frame is older than the camera's ``stale_after`` or the
picture is frozen.
"""

import platform
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from monitor.clock import Clock
from monitor.decision.state import AlertState, Transition
from monitor.freshness import is_current
from monitor.ingest.status import CameraStatus
from monitor.metrics_cameras import CameraFamilies, Watched
from monitor.metrics_shadow import ShadowMetrics

RESTART_REASONS: tuple[str, ...] = ("hang", "worker_lost", "error")
"""Why a worker process was replaced."""

STORE_OPERATIONS: tuple[str, ...] = ("read", "write")

STAGE_BUCKETS: Mapping[str, tuple[float, ...]] = {
    "cut": (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
    "engine": (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    "decide": (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05),
    "capture_to_decision": (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
}
"""Upper bounds in seconds for each stage. They differ by three orders of magnitude, so each stage
has its own: ``histogram_quantile`` by ``stage`` and ``le`` works as ever."""

BATCH_BUCKETS: tuple[float, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_Kept = TypeVar("_Kept", bound=Collector)

Statuses = Callable[[], Mapping[str, CameraStatus]]


@dataclass(frozen=True, slots=True)
class _Score:
    values: Mapping[str, float]
    captured_monotonic: float


class _AtScrape(Collector):
    """Gives the registry what a function yields, without the ``_created`` series of the client:
    in the text format these would double the count of series and tell nothing new."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


class Metrics:
    """Counts and shows; all methods may be called from any thread.

    Args:
        registry: where everything is registered; nothing is shared between two of them.
        cameras: the cameras that are watched from the start.
        labels: the model's labels.
        statuses: gives the state of all cameras; called at each scrape, must not block.
        clock: for ages at the time of the scrape.
        version: the version of this program.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        cameras: Iterable[Watched],
        labels: Sequence[str],
        statuses: Statuses,
        clock: Clock,
        version: str,
    ) -> None:
        self._lock = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._scores: dict[str, _Score] = {}
        self._usual: dict[str, Mapping[str, float]] = {}
        self._unscored: dict[str, dict[str, int]] = {}
        self._labels = tuple(labels)
        self._statuses = statuses
        self._clock = clock

        self.shadow = ShadowMetrics()
        """Those of a candidate model."""
        self._counted: list[Collector] = []
        self._scored = self._counter(
            "emberwatch_frames_scored", "Frames that were scored.", ["camera"]
        )
        self._alert_state = self._gauge(
            "emberwatch_alert_state",
            "State of an alert: 0 inactive, 1 pending, 2 firing.",
            ["camera", "alert"],
        )
        self._alerts = self._counter(
            "emberwatch_alerts", "Times that an alert fired.", ["camera", "alert"]
        )
        self._burst_active = self._gauge(
            "emberwatch_burst_active",
            "1 while a camera is sampled faster because an alert of it is pending.",
            ["camera"],
        )
        self._batches = self._counter(
            "emberwatch_batches", "Batches handed to the engine, failed ones too."
        )
        self._engine_failures = self._counter(
            "emberwatch_engine_failures",
            "Tries that the engine failed on; a batch is tried at most twice.",
        )
        self._batch_size = self._kept(
            Histogram(
                "emberwatch_batch_size",
                "Pictures in a batch, before padding.",
                buckets=BATCH_BUCKETS,
                registry=None,
            )
        )
        self._stages = {
            stage: Histogram(
                "emberwatch_stage_duration_seconds",
                "Time that a stage took; capture_to_decision is from receipt of a frame to the "
                "verdict on it.",
                ["stage"],
                buckets=buckets,
                registry=None,
            )
            for stage, buckets in STAGE_BUCKETS.items()
        }
        self._store_operations = self._counter(
            "emberwatch_store_operations",
            "Operations on the event store, failed ones too.",
            ["operation"],
        )
        self._store_failures = self._counter(
            "emberwatch_store_failures", "Operations on the event store that failed.", ["operation"]
        )
        self._store_up = self._gauge(
            "emberwatch_store_up",
            "Whether events reach the disk: 0 while the store cannot be opened or written.",
        )
        self._store_waiting = self._gauge(
            "emberwatch_store_waiting_transitions",
            "Changes of state that are in memory alone, because they could not be written yet.",
        )
        self._lost = 0
        self._store_lost = self._counter(
            "emberwatch_store_lost_transitions",
            "Changes of state that were given up, because too many could not be written.",
        )
        self._reloads = self._counter(
            "emberwatch_config_reloads", "Reloads asked for, failed ones too."
        )
        self._reload_failures = self._counter(
            "emberwatch_config_reload_failures",
            "Reloads refused; the configuration before stays in force.",
        )
        self._reload_successful = self._gauge(
            "emberwatch_config_last_reload_successful",
            "Whether the last load or reload of the configuration succeeded.",
        )
        self._reload_at = self._gauge(
            "emberwatch_config_last_reload_success_timestamp_seconds",
            "Unix time of the last load or reload that succeeded.",
        )
        self._workers = self._gauge("emberwatch_workers", "Worker processes that read cameras now.")
        self._worker_restarts = self._counter(
            "emberwatch_worker_restarts", "Worker processes that were replaced.", ["reason"]
        )
        self._model = self._kept(Info("emberwatch_model", "The model that scores.", registry=None))
        build = self._kept(Info("emberwatch_build", "The program that runs.", registry=None))
        build.info({"version": version, "python": platform.python_version()})
        started = self._gauge("emberwatch_start_timestamp_seconds", "Unix time of the start.")
        started.set(clock.wall())
        self._reload_successful.set(1)
        self._reload_at.set(clock.wall())
        for stage, histogram in self._stages.items():
            histogram.labels(stage)
        for operation in STORE_OPERATIONS:
            self._store_operations.labels(operation)
            self._store_failures.labels(operation)
        for reason in RESTART_REASONS:
            self._worker_restarts.labels(reason)
        for camera in cameras:
            self.add_camera(camera)
        registry.register(_AtScrape(self._families))
        ProcessCollector(registry=registry)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return self._kept(Counter(name, text, labels, registry=None))

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return self._kept(Gauge(name, text, labels, registry=None))

    def _kept(self, metric: _Kept) -> _Kept:
        """Remember a metric for the scrape; registered is what gathers all of them."""
        self._counted.append(metric)
        return metric

    # Cameras

    def add_camera(self, camera: Watched) -> None:
        """Begin to show a camera. One of the same name is replaced and keeps its counters."""
        with self._lock:
            before = self._watched.get(camera.name)
            self._watched[camera.name] = camera
            for alert in set(before.alerts if before else ()) - set(camera.alerts):
                self._alert_state.remove(camera.name, alert)
                self._alerts.remove(camera.name, alert)
            self._scored.labels(camera.name)
            self._burst_active.labels(camera.name)
            for alert in camera.alerts:
                self._alert_state.labels(camera.name, alert)
                self._alerts.labels(camera.name, alert)

    def remove_camera(self, name: str) -> None:
        """Show a camera no longer: all its series end with the next scrape."""
        with self._lock:
            camera = self._watched.pop(name, None)
            self._scores.pop(name, None)
            self._usual.pop(name, None)
            self._unscored.pop(name, None)
            if camera is None:
                return
            self._scored.remove(name)
            self._burst_active.remove(name)
            for alert in camera.alerts:
                self._alert_state.remove(name, alert)
                self._alerts.remove(name, alert)

    # Scores and alerts

    def set_scores(
        self, camera: str, scores: Mapping[str, float], captured_monotonic: float
    ) -> None:
        """The scores of a camera's newest frame, one for each label; counts it as scored."""
        with self._lock:
            if camera not in self._watched:
                return
            self._scores[camera] = _Score(dict(scores), captured_monotonic)
            self._scored.labels(camera).inc()

    def set_usual(self, camera: str, usual: Mapping[str, float]) -> None:
        """What a camera's view usually scores about now, by label; it must not change later."""
        with self._lock:
            if camera in self._watched:
                self._usual[camera] = usual

    def set_bursts(self, cameras: Collection[str]) -> None:
        """The cameras that are sampled faster now."""
        with self._lock:
            for name in self._watched:
                self._burst_active.labels(name).set(name in cameras)

    def count_dropped(self, camera: str, reason: str) -> None:
        """A frame that ingest handed on is not scored; ``reason`` is one of DROP_REASONS."""
        with self._lock:
            if camera in self._watched:
                counts = self._unscored.setdefault(camera, {})
                counts[reason] = counts.get(reason, 0) + 1

    def withdraw_scores(self, camera: str) -> None:
        """End the score series of a camera that is stale or frozen."""
        with self._lock:
            self._scores.pop(camera, None)

    def set_alert_state(self, camera: str, alert: str, state: AlertState) -> None:
        """Show a state without counting it: for what is known again after a restart."""
        with self._lock:
            watched = self._watched.get(camera)
            if watched is not None and alert in watched.alerts:
                self._alert_state.labels(camera, alert).set(int(state))

    def record_transition(self, transition: Transition) -> None:
        """Show the new state of an alert, and count it where it fires."""
        self.set_alert_state(transition.camera, transition.alert, transition.state)
        with self._lock:
            watched = self._watched.get(transition.camera)
            known = watched is not None and transition.alert in watched.alerts
            if known and transition.event == "firing":
                self._alerts.labels(transition.camera, transition.alert).inc()

    # The pipeline

    def observe_stage(self, stage: str, seconds: float) -> None:
        """Time that one pass of a stage took; ``stage`` is a key of STAGE_BUCKETS."""
        self._stages[stage].labels(stage).observe(seconds)

    def count_batch(self, size: int) -> None:
        """A batch goes to the engine; call it before the outcome is known."""
        self._batches.inc()
        self._batch_size.observe(size)

    def count_engine_failure(self) -> None:
        """The engine failed on a batch, or on its repetition."""
        self._engine_failures.inc()

    def set_labels(self, labels: Sequence[str]) -> None:
        """The labels of another model; scores of labels that it lacks are shown no more."""
        with self._lock:
            self._labels = tuple(labels)

    def set_model(
        self, *, sha256: str, engine: str, device: str, labels: Sequence[str], geometry: str
    ) -> None:
        """Which model scores, and on what. The hash is shown by its first twelve digits."""
        self._model.info(
            {
                "bundle": sha256[:12],
                "engine": engine,
                "device": device,
                "labels": ",".join(labels),
                "geometry": geometry,
            }
        )

    # The daemon

    def count_store(self, operation: str, *, failed: bool = False) -> None:
        """An operation on the event store: ``read`` or ``write``."""
        self._store_operations.labels(operation).inc()
        if failed:
            self._store_failures.labels(operation).inc()

    def set_store(self, *, on_disk: bool, waiting: int, lost: int) -> None:
        """Whether events reach the disk, how many changes of state wait for it, and how many were
        given up since the start."""
        self._store_lost.inc(max(0, lost - self._lost))
        self._lost = lost
        self._store_up.set(1 if on_disk else 0)
        self._store_waiting.set(waiting)

    def count_reload(self, *, failed: bool = False) -> None:
        """The configuration was reloaded, or refused."""
        self._reloads.inc()
        self._reload_successful.set(0 if failed else 1)
        if failed:
            self._reload_failures.inc()
        else:
            self._reload_at.set(self._clock.wall())

    def set_workers(self, count: int) -> None:
        """Worker processes that run now."""
        self._workers.set(count)

    def count_worker_restart(self, reason: str) -> None:
        """A worker was replaced; ``reason`` is one of RESTART_REASONS."""
        self._worker_restarts.labels(reason).inc()

    # The scrape

    def _families(self) -> Iterator[Metric]:
        yield from self._camera_families()
        with self._lock:
            cameras = list(self._watched)
        yield from self.shadow.families(cameras)
        for collector in self._counted:
            yield from collector.collect()
        stages, *others = (family for h in self._stages.values() for family in h.collect())
        stages.samples.extend(sample for family in others for sample in family.samples)
        yield stages

    def _camera_families(self) -> list[Metric]:
        with self._lock:
            watched = list(self._watched.values())
            scores = dict(self._scores)
            usual = dict(self._usual)
            unscored = {name: dict(counts) for name, counts in self._unscored.items()}
        statuses = self._statuses()
        now = self._clock.monotonic()
        shown = CameraFamilies()
        for camera in watched:
            status = statuses.get(camera.name)
            shown.add_status(camera, status, now, unscored.get(camera.name))
            shown.add_usual(camera.name, usual.get(camera.name, {}), self._labels)
            score = scores.get(camera.name)
            if score is not None and is_current(
                score.captured_monotonic,
                now=now,
                stale_after_seconds=camera.stale_after_seconds,
                status=status,
            ):
                shown.add_scores(camera.name, score.values, self._labels)
        return shown.all()
