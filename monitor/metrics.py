"""Every metric of Emberwatch; ``docs/metrics.md`` explains them to people.

What is counted of cameras is declared here; scoring (:mod:`monitor.metrics_pipeline`), the daemon
(:mod:`monitor.metrics_daemon`) and a candidate model have metrics of their own, gathered here. What
ingest counts (:mod:`monitor.metrics_cameras`) is read when Prometheus asks, from the statuses that
the supervisor keeps, and never mirrored by hand: a number that nobody updates cannot look alive.
All label sets that a camera can have exist from the moment it is watched, and vanish when it is
watched no more.

A score is shown only while it tells of a picture that was just seen: it is withdrawn by the daemon,
and shown no longer here as well once its frame is older than the camera's ``stale_after`` or the
picture is frozen.
"""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from monitor.clock import Clock
from monitor.decision.state import AlertState, Transition
from monitor.freshness import is_current
from monitor.ingest.status import CameraStatus
from monitor.metrics_cameras import CameraFamilies, Watched
from monitor.metrics_counted import Counted
from monitor.metrics_daemon import DaemonMetrics
from monitor.metrics_evidence import EvidenceMetrics
from monitor.metrics_pipeline import PipelineMetrics
from monitor.metrics_shadow import ShadowMetrics

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
        self.pipeline = PipelineMetrics()
        """Those of scoring."""
        self.daemon = DaemonMetrics(clock=clock, version=version)
        """Those of the daemon itself."""
        self.evidence = EvidenceMetrics()
        """Those of pictures and clips of alerts."""
        counted = self._counted = Counted()
        self._scored = counted.counter(
            "emberwatch_frames_scored", "Frames that were scored.", ["camera"]
        )
        self._unchanged = counted.counter(
            "emberwatch_frames_unchanged",
            "Frames that were not scored, because they show what the last scored one showed.",
            ["camera"],
        )
        self._carried = counted.counter(
            "emberwatch_regions_unscored",
            "Inferences that scored frames were spared, tiles above all: these parts keep the "
            "scores that they had.",
            ["camera"],
        )
        self._alert_state = counted.gauge(
            "emberwatch_alert_state",
            "State of an alert: 0 inactive, 1 pending, 2 firing.",
            ["camera", "alert"],
        )
        self._alerts = counted.counter(
            "emberwatch_alerts", "Times that an alert fired.", ["camera", "alert"]
        )
        self._burst_active = counted.gauge(
            "emberwatch_burst_active",
            "1 while a camera is sampled faster because an alert of it is pending.",
            ["camera"],
        )
        self._sampling_ratio = counted.gauge(
            "emberwatch_sampling_ratio",
            "How often frames of a camera are scored, of how often they are wanted, 0 to 1; NaN "
            "while nothing is known.",
            ["camera"],
        )
        for camera in cameras:
            self.add_camera(camera)
        registry.register(_AtScrape(self._families))
        ProcessCollector(registry=registry)

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
            self._unchanged.labels(camera.name)
            self._carried.labels(camera.name)
            self._burst_active.labels(camera.name)
            if before is None:
                self._sampling_ratio.labels(camera.name).set(math.nan)
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
            self._unchanged.remove(name)
            self._carried.remove(name)
            self._burst_active.remove(name)
            self._sampling_ratio.remove(name)
            for alert in camera.alerts:
                self._alert_state.remove(name, alert)
                self._alerts.remove(name, alert)

    # Scores and alerts

    def set_scores(
        self, camera: str, scores: Mapping[str, float], captured_monotonic: float
    ) -> None:
        """The scores of a camera's newest frame, one for each label."""
        with self._lock:
            if camera not in self._watched:
                return
            self._scores[camera] = _Score(dict(scores), captured_monotonic)

    def count_scored(self, camera: str) -> None:
        """A frame was scored by the engine."""
        with self._lock:
            if camera in self._watched:
                self._scored.labels(camera).inc()

    def count_unchanged(self, camera: str) -> None:
        """A frame was not scored, because it shows what the last one that was scored showed."""
        with self._lock:
            if camera in self._watched:
                self._unchanged.labels(camera).inc()

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

    def count_carried(self, camera: str, regions: int) -> None:
        """Regions of a frame were not scored, and keep the scores that they had."""
        with self._lock:
            if camera in self._watched:
                self._carried.labels(camera).inc(regions)

    def set_sampling_ratio(self, camera: str, ratio: float) -> None:
        """How often frames of a camera are scored, of how often they are wanted; NaN: unknown."""
        with self._lock:
            if camera in self._watched:
                self._sampling_ratio.labels(camera).set(ratio)

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

    def set_labels(self, labels: Sequence[str]) -> None:
        """The labels of another model; scores of labels that it lacks are shown no more."""
        with self._lock:
            self._labels = tuple(labels)

    # The scrape

    def _families(self) -> Iterator[Metric]:
        yield from self._camera_families()
        with self._lock:
            cameras = list(self._watched)
        yield from self.shadow.families(cameras)
        yield from self._counted.families()
        yield from self.pipeline.families()
        yield from self.daemon.families()
        yield from self.evidence.families()

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
