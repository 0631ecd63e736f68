"""The metrics of a candidate model that scores a share of the frames too."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

DISAGREEMENTS: tuple[str, ...] = ("label", "raised", "missed")
SKIP_REASONS: tuple[str, ...] = ("behind", "busy")
DIFFERENCE_BUCKETS: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)


@dataclass(slots=True)
class _Counts:
    info: dict[str, str] = field(default_factory=dict)
    up: bool = False
    frames: Counter[str] = field(default_factory=Counter)
    disagreements: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    buckets: dict[str, list[int]] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)


class ShadowMetrics:
    """Counts for one candidate; a new one begins at 0. All methods may be called from any thread.

    Without a candidate there are no series.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: _Counts | None = None

    def begin(self) -> None:
        """A candidate is wanted, and is not up yet."""
        with self._lock:
            self._counts = _Counts()

    def end(self) -> None:
        """No candidate is wanted any more."""
        with self._lock:
            self._counts = None

    def show(self, *, bundle: str, engine: str, device: str, labels: Sequence[str]) -> None:
        """Which candidate it is, now that it is up."""
        with self._lock:
            if self._counts is not None:
                info = {"bundle": bundle, "engine": engine, "device": device}
                self._counts.info = {**info, "labels": ",".join(labels)}
                self._counts.up = True
                empty = [0] * (len(DIFFERENCE_BUCKETS) + 1)
                self._counts.buckets = {label: list(empty) for label in labels}

    def fail(self, *, given_up: bool) -> None:
        """It failed on a frame, or for good."""
        with self._lock:
            if self._counts is not None:
                self._counts.failures += 1
                self._counts.up = self._counts.up and not given_up

    def skip(self, reason: str) -> None:
        """A frame of the share was left out; ``reason`` is one of SKIP_REASONS."""
        with self._lock:
            if self._counts is not None:
                self._counts.skipped[reason] += 1

    def compare(
        self, camera: str, disagreements: Collection[str], differences: Mapping[str, float]
    ) -> None:
        """A frame was scored by both models.

        Args:
            camera: of the frame.
            disagreements: of DISAGREEMENTS.
            differences: distance of the scores by label, 0 to 1.
        """
        with self._lock:
            counts = self._counts
            if counts is None:
                return
            counts.frames[camera] += 1
            for kind in disagreements:
                counts.disagreements[camera, kind] += 1
            for label, distance in differences.items():
                if label in counts.buckets:
                    counts.buckets[label][bisect_left(DIFFERENCE_BUCKETS, distance)] += 1
                    counts.sums[label] = counts.sums.get(label, 0.0) + distance

    def families(self, cameras: Sequence[str]) -> Iterator[Metric]:
        """All families, with the series of these cameras."""
        frames = CounterMetricFamily(
            "emberwatch_shadow_frames",
            "Frames that the candidate model scored too.",
            labels=["camera"],
        )
        disagreements = CounterMetricFamily(
            "emberwatch_shadow_disagreements",
            "Frames on which the candidate differs: another label leads, it is over a threshold "
            "and the model in use is not (raised), or the other way round (missed).",
            labels=["camera", "kind"],
        )
        skipped = CounterMetricFamily(
            "emberwatch_shadow_skipped",
            "Frames of the share that the candidate did not get: the daemon was behind, or the "
            "candidate busy.",
            labels=["reason"],
        )
        failures = CounterMetricFamily(
            "emberwatch_shadow_failures", "Failures of the candidate, to load or on a frame."
        )
        difference = HistogramMetricFamily(
            "emberwatch_shadow_score_difference",
            "Distance of the candidate's score from that of the model in use, 0 to 1.",
            labels=["label"],
        )
        up = GaugeMetricFamily("emberwatch_shadow_up", "Whether the candidate takes frames.")
        info = InfoMetricFamily("emberwatch_shadow", "The candidate model.")
        with self._lock:
            counts = self._counts
            if counts is not None:
                for camera in cameras:
                    frames.add_metric([camera], counts.frames[camera])
                    for kind in DISAGREEMENTS:
                        disagreements.add_metric([camera, kind], counts.disagreements[camera, kind])
                for reason in SKIP_REASONS:
                    skipped.add_metric([reason], counts.skipped[reason])
                failures.add_metric([], counts.failures)
                up.add_metric([], 1 if counts.up else 0)
                for label, buckets in counts.buckets.items():
                    difference.add_metric([label], _cumulated(buckets), counts.sums.get(label, 0.0))
                if counts.info:
                    info.add_metric([], counts.info)
        yield from (frames, disagreements, skipped, failures, difference, up, info)


def _cumulated(buckets: Sequence[int]) -> list[tuple[str, float]]:
    total = 0
    found: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, DIFFERENCE_BUCKETS), "+Inf"), buckets, strict=True):
        total += count
        found.append((bound, total))
    return found
