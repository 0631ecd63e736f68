"""The metrics of cameras that are made anew at each scrape, from what ingest says of them."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitor.ingest.frame import Health
from monitor.ingest.status import DECODERS, REASONS, CameraStatus

DROP_REASONS: tuple[str, ...] = (
    "overwritten",
    "invalid",
    "frozen",
    "blank",
    "stale",
    "engine",
)
"""Why a sampled frame is not scored: a newer one came before it was read, it was damaged on its
way, its picture is frozen, there is nothing in it to be seen, it waited longer than stale_after,
the engine failed on it. Others that a status adds are shown too."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What the label sets of one camera follow from."""

    name: str
    alerts: tuple[str, ...]
    """Names of the rules that hold for it."""
    stale_after_seconds: float


class CameraFamilies:
    """Collects the families of all cameras for one scrape; not to be kept.

    Before the first frame of a camera its timestamp is 0 and its age is NaN, not absent and not a
    number: the series exists, no comparison with it holds, and no maximum is spoiled by it. A rule
    that wants cameras which never gave a frame asks for the timestamp 0.
    """

    def __init__(self) -> None:
        self._frames = CounterMetricFamily(
            "emberwatch_frames", "Frames that were sampled from a camera.", labels=["camera"]
        )
        self._dropped = CounterMetricFamily(
            "emberwatch_frames_dropped",
            "Frames that were sampled and not scored.",
            labels=["camera", "reason"],
        )
        self._ring = GaugeMetricFamily(
            "emberwatch_clip_ring_bytes",
            "Memory that a camera's last seconds take in its worker, for clips.",
            labels=["camera"],
        )
        self._bad = CounterMetricFamily(
            "emberwatch_packets_bad",
            "Packets or pictures from a camera that could not be decoded.",
            labels=["camera"],
        )
        self._age = GaugeMetricFamily(
            "emberwatch_frame_age_seconds",
            "Age of the newest frame at the time of the scrape; NaN before the first.",
            labels=["camera"],
        )
        self._last_frame = GaugeMetricFamily(
            "emberwatch_last_frame_timestamp_seconds",
            "Unix time at which the newest frame was received; 0 before the first.",
            labels=["camera"],
        )
        self._stale_after = GaugeMetricFamily(
            "emberwatch_camera_stale_after_seconds",
            "Age of the newest frame from which a camera counts as blind, as configured.",
            labels=["camera"],
        )
        self._up = GaugeMetricFamily(
            "emberwatch_camera_up", "Whether frames arrive from a camera.", labels=["camera"]
        )
        self._down_reason = GaugeMetricFamily(
            "emberwatch_camera_down_reason",
            "1 for the reason why a camera is down, 0 for all others and while it is up.",
            labels=["camera", "reason"],
        )
        self._health = GaugeMetricFamily(
            "emberwatch_camera_health",
            "1 for what the newest frame shows of the camera's state, 0 for all others; all 0 "
            "before the first frame.",
            labels=["camera", "health"],
        )
        self._reconnects = CounterMetricFamily(
            "emberwatch_camera_reconnects",
            "Reconnects to a camera.",
            labels=["camera", "reason"],
        )
        self._decoder = GaugeMetricFamily(
            "emberwatch_camera_decoder",
            "1 for what decodes a camera's stream, 0 for all others; all 0 before it is open.",
            labels=["camera", "decoder"],
        )
        self._delay = GaugeMetricFamily(
            "emberwatch_frame_delay_seconds",
            "Time that the newest frame took from the camera to its mailbox.",
            labels=["camera"],
        )
        self._score = GaugeMetricFamily(
            "emberwatch_score",
            "Calibrated score of a camera's newest frame, 0 to 1; absent while the camera is stale "
            "or frozen.",
            labels=["camera", "label"],
        )
        self._usual = GaugeMetricFamily(
            "emberwatch_baseline",
            "What a camera's view usually scores about now, 0 to 1; 0 while nothing is known that "
            "counts.",
            labels=["camera", "label"],
        )

    def add_status(
        self,
        camera: Watched,
        status: CameraStatus | None,
        now: float,
        unscored: Mapping[str, int] | None = None,
    ) -> None:
        """Show the state of a camera; None: ingest does not know it yet.

        Args:
            now: monotonic time, seconds.
            unscored: frames that ingest handed on and that were dropped later, by reason.
        """
        name = camera.name
        self._stale_after.add_metric([name], camera.stale_after_seconds)
        self._frames.add_metric([name], status.frames if status else 0)
        self._bad.add_metric([name], status.bad_packets if status else 0)
        self._ring.add_metric([name], status.ring_bytes if status else 0)
        self._up.add_metric([name], 1 if status and status.up else 0)
        dropped = Counter(dict.fromkeys(DROP_REASONS, 0))
        dropped.update(status.dropped if status else {})
        dropped.update(unscored or {})
        for reason, count in dropped.items():
            self._dropped.add_metric([name, reason], count)
        down = status.reason if status and not status.up else ""
        for reason in REASONS:
            self._down_reason.add_metric([name, reason], 1 if reason == down else 0)
            count = status.reconnects.get(reason, 0) if status else 0
            self._reconnects.add_metric([name, reason], count)
        seen = status if status and status.last_frame_monotonic is not None else None
        for health in Health:
            shown = 1 if seen and seen.health is health else 0
            self._health.add_metric([name, health.label], shown)
        age = math.nan
        if seen is not None and seen.last_frame_monotonic is not None:
            age = max(0.0, now - seen.last_frame_monotonic)
        self._age.add_metric([name], age)
        self._delay.add_metric([name], seen.delay_seconds if seen else math.nan)
        decoder = status.info.decoder if status and status.info else ""
        for known in DECODERS:
            self._decoder.add_metric([name, known], 1 if known == decoder else 0)
        self._last_frame.add_metric([name], (seen.last_frame_at if seen else None) or 0.0)

    def add_scores(self, camera: str, scores: Mapping[str, float], labels: Sequence[str]) -> None:
        """Show the scores of a camera, for each label that has one."""
        for label in labels:
            if label in scores:
                self._score.add_metric([camera, label], scores[label])

    def add_usual(self, camera: str, usual: Mapping[str, float], labels: Sequence[str]) -> None:
        """Show what is usual in a camera's view, for each label that has a figure."""
        for label in labels:
            if label in usual:
                self._usual.add_metric([camera, label], usual[label])

    def all(self) -> list[Metric]:
        """The finished families; those without a series too, so that their help is there."""
        return [
            self._frames,
            self._dropped,
            self._bad,
            self._ring,
            self._age,
            self._last_frame,
            self._stale_after,
            self._up,
            self._down_reason,
            self._health,
            self._reconnects,
            self._decoder,
            self._delay,
            self._score,
            self._usual,
        ]
