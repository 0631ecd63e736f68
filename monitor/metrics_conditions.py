"""The metrics of what surrounds alerts: rules that do not hold, silences, sites and signals.

All are made anew at each scrape.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from monitor.clock import Clock
from monitor.signal_poller import SignalState
from monitor.web.view import CameraView


class ConditionMetrics(Collector):
    """To be registered beside :class:`monitor.metrics.Metrics`."""

    def __init__(
        self,
        cameras: Callable[[], Sequence[CameraView]],
        signals: Callable[[], Sequence[SignalState]],
        *,
        clock: Clock,
    ) -> None:
        """
        Args:
            cameras: gives all cameras that are watched; called at each scrape, must not block.
            signals: gives all signals; likewise.
            clock: for ages at the time of the scrape.
        """
        self._cameras = cameras
        self._signals = signals
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: asked while the registry takes it, before there is a daemon to ask."""
        return ()

    def collect(self) -> Iterator[Metric]:
        cameras = self._cameras()
        yield from _rules(cameras)
        yield from _silences(cameras)
        yield from _sites(cameras)
        yield from _signals(self._signals(), self._clock.monotonic())


def _rules(cameras: Sequence[CameraView]) -> Iterator[Metric]:
    labels = ["camera", "alert"]
    active = GaugeMetricFamily(
        "emberwatch_rule_active",
        "Whether a rule holds now: 0 while it is muted, inhibited or outside its times. What fires "
        "goes on either way.",
        labels=labels,
    )
    threshold = GaugeMetricFamily(
        "emberwatch_rule_threshold", "The threshold of a rule now, 0 to 1.", labels=labels
    )
    silenced = GaugeMetricFamily(
        "emberwatch_alert_silenced",
        "Whether an alert is silenced now; its state is shown all the same.",
        labels=labels,
    )
    for camera in cameras:
        for alert in camera.alerts:
            names = [camera.name, alert.alert]
            active.add_metric(names, int(alert.holds))
            threshold.add_metric(names, alert.threshold)
            silenced.add_metric(names, int(alert.silenced))
    yield from (active, threshold, silenced)


def _silences(cameras: Sequence[CameraView]) -> Iterator[Metric]:
    active = GaugeMetricFamily(
        "emberwatch_silence_active",
        "Whether a silence is in force at a camera, for all or some of its alerts.",
        labels=["camera"],
    )
    until = GaugeMetricFamily(
        "emberwatch_silence_end_timestamp_seconds",
        "Unix time at which the last silence in force at a camera ends; 0 without one.",
        labels=["camera"],
    )
    for camera in cameras:
        active.add_metric([camera.name], int(bool(camera.silences)))
        ends = max((silence.ends_at for silence in camera.silences), default=0.0)
        until.add_metric([camera.name], ends)
    yield from (active, until)


def _sites(cameras: Sequence[CameraView]) -> Iterator[Metric]:
    places = InfoMetricFamily(
        "emberwatch_camera_site", "The site that a camera sees.", labels=["camera"]
    )
    states = GaugeMetricFamily(
        "emberwatch_site_alert_state",
        "Highest state of the alerts for a label at the cameras of a site, silenced ones left out: "
        "0 inactive, 1 pending, 2 firing.",
        labels=["site", "label"],
    )
    highest: dict[tuple[str, str], int] = {}
    for camera in cameras:
        if not camera.site:
            continue
        places.add_metric([camera.name], {"site": camera.site})
        for alert in camera.alerts:
            key = (camera.site, alert.label)
            state = 0 if alert.silenced else int(alert.state)
            highest[key] = max(highest.get(key, 0), state)
    for (site, label), state in highest.items():
        states.add_metric([site, label], state)
    yield from (places, states)


def _signals(signals: Sequence[SignalState], now: float) -> Iterator[Metric]:
    labels = ["signal"]
    active = GaugeMetricFamily(
        "emberwatch_signal_active",
        "Whether a signal from outside is on; 0 as well while it is not known.",
        labels=labels,
    )
    up = GaugeMetricFamily(
        "emberwatch_signal_up",
        "Whether a signal is known: its last question was answered.",
        labels=labels,
    )
    age = GaugeMetricFamily(
        "emberwatch_signal_age_seconds",
        "Age of the newest answer at the time of the scrape; NaN before the first.",
        labels=labels,
    )
    polls = CounterMetricFamily(
        "emberwatch_signal_polls", "Questions asked for a signal, failed ones too.", labels=labels
    )
    failures = CounterMetricFamily(
        "emberwatch_signal_poll_failures", "Questions without an answer.", labels=labels
    )
    for signal in signals:
        names = [signal.name]
        answered = signal.answered_monotonic
        active.add_metric(names, int(signal.on))
        up.add_metric(names, int(answered is not None and not signal.fault))
        age.add_metric(names, math.nan if answered is None else max(0.0, now - answered))
        polls.add_metric(names, signal.polls)
        failures.add_metric(names, signal.failures)
    yield from (active, up, age, polls, failures)
