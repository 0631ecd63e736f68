"""What a running daemon has counted, and what it counted between two looks. Pure but for parsing.

Only what the figures need is taken from ``/metrics``; the names are those of ``docs/metrics.md``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

_LATENCY = "capture_to_decision"

_Key = TypeVar("_Key", str, float)


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals since the start, or differences of them."""

    frames: Mapping[str, float]
    """Frames that were sampled, by camera."""
    scored: Mapping[str, float]
    """Frames that were scored, by camera."""
    dropped: Mapping[str, float]
    """Frames that were not, of all cameras, by reason."""
    unchanged: Mapping[str, float]
    """Frames that needed no score, because their picture did not change, by camera."""
    batches: float
    pictures: float
    """In these batches."""
    engine_seconds: float
    latency: Mapping[float, float]
    """Frames decided on within so many seconds of their capture; cumulative, up to infinity."""
    up: frozenset[str]
    """Cameras that are up at the later look."""

    def since(self, before: "Counts") -> "Counts":
        """What was added after ``before``."""
        return Counts(
            _less(self.frames, before.frames),
            _less(self.scored, before.scored),
            _less(self.dropped, before.dropped),
            _less(self.unchanged, before.unchanged),
            self.batches - before.batches,
            self.pictures - before.pictures,
            self.engine_seconds - before.engine_seconds,
            _less(self.latency, before.latency),
            self.up,
        )

    @property
    def lost(self) -> float:
        """Frames that should have been scored and were not."""
        return sum(self.dropped.values())

    def latency_quantile(self, share: float) -> float:
        """The latency, seconds, that this share of the frames stayed within.

        Linear within a bucket of the histogram, as Prometheus' ``histogram_quantile``; not a
        number where nothing was decided on.
        """
        return quantile(self.latency, share)


def quantile(cumulative: Mapping[float, float], share: float) -> float:
    """A quantile of a histogram given as counts at or below upper bounds, the last infinite."""
    bounds = sorted(cumulative)
    total = cumulative[bounds[-1]] if bounds else 0.0
    if not total > 0:
        return math.nan
    rank, low, below = share * total, 0.0, 0.0
    for bound in bounds:
        within = cumulative[bound]
        if within >= rank:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / max(within - below, 1e-9)
        low, below = bound, within
    return low


def parse_counts(text: str) -> Counts:
    """The counts of a page of metrics."""
    frames: dict[str, float] = {}
    scored: dict[str, float] = {}
    dropped: dict[str, float] = {}
    unchanged: dict[str, float] = {}
    latency: dict[float, float] = {}
    single: dict[str, float] = {}
    up: set[str] = set()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels, value = sample.labels, sample.value
            match sample.name:
                case "emberwatch_frames_total":
                    frames[labels["camera"]] = value
                case "emberwatch_frames_scored_total":
                    scored[labels["camera"]] = value
                case "emberwatch_frames_dropped_total":
                    reason = labels["reason"]
                    dropped[reason] = dropped.get(reason, 0.0) + value
                case "emberwatch_frames_unchanged_total":
                    unchanged[labels["camera"]] = value
                case "emberwatch_camera_up" if value == 1:
                    up.add(labels["camera"])
                case "emberwatch_stage_duration_seconds_bucket" if labels["stage"] == _LATENCY:
                    latency[float(labels["le"])] = value
                case "emberwatch_stage_duration_seconds_sum" if labels["stage"] == "engine":
                    single["engine"] = value
                case "emberwatch_batches_total" | "emberwatch_batch_size_sum":
                    single[sample.name] = value
    return Counts(
        frames,
        scored,
        dropped,
        unchanged,
        single.get("emberwatch_batches_total", 0.0),
        single.get("emberwatch_batch_size_sum", 0.0),
        single.get("engine", 0.0),
        latency,
        frozenset(up),
    )


def _less(after: Mapping[_Key, float], before: Mapping[_Key, float]) -> dict[_Key, float]:
    return {key: value - before.get(key, 0.0) for key, value in after.items()}
