"""The metrics of sinks: what they were told, what waits, and whether they work.

All but the histogram are made anew at each scrape.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import Histogram
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from monitor.alerts.outbox import SinkState
from monitor.alerts.sink_thread import RESULTS

DELAY_BUCKETS: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0, 3600.0)
"""Upper bounds in seconds: an alert should be with people within two, and a sink that is down for
an hour has it then."""


class DeliveryMetrics(Collector):
    """To be registered beside :class:`monitor.metrics.Metrics`."""

    def __init__(self) -> None:
        self._sinks: Callable[[], Sequence[SinkState]] = tuple
        self._delay = Histogram(
            "emberwatch_delivery_delay_seconds",
            "Time from a change of state to the moment at which a sink had taken it.",
            ["sink"],
            buckets=DELAY_BUCKETS,
            registry=None,
        )

    def read_from(self, sinks: Callable[[], Sequence[SinkState]]) -> None:
        """Where the states of sinks are read at each scrape; must not block."""
        self._sinks = sinks

    def observe(self, sink: str, seconds: float) -> None:
        """A sink has taken what changed so long ago."""
        self._delay.labels(sink).observe(seconds)

    def describe(self) -> Iterable[Metric]:
        """Nothing: asked while the registry takes it, before there is a daemon to ask."""
        return ()

    def collect(self) -> Iterator[Metric]:
        states = self._sinks()
        labels = ["sink"]
        results = CounterMetricFamily(
            "emberwatch_deliveries",
            "What came of deliveries: delivered; failed for now, and tried again; rejected for "
            "good; expired, tried in vain for as long as configured; cancelled, with nothing to "
            "tell any more.",
            labels=["sink", "result"],
        )
        up = GaugeMetricFamily(
            "emberwatch_sink_up", "Whether the last try at a sink worked.", labels=labels
        )
        queue = GaugeMetricFamily(
            "emberwatch_delivery_queue", "Deliveries that wait for a sink.", labels=labels
        )
        oldest = GaugeMetricFamily(
            "emberwatch_delivery_oldest_age_seconds",
            "How long the oldest delivery has waited for a sink; 0 where none does.",
            labels=labels,
        )
        success = GaugeMetricFamily(
            "emberwatch_delivery_last_success_timestamp_seconds",
            "Unix time at which a sink last took something; 0 before the first since the start.",
            labels=labels,
        )
        info = InfoMetricFamily("emberwatch_sink", "What a sink is.", labels=labels)
        for state in states:
            self._delay.labels(state.name)
            for result in RESULTS:
                results.add_metric([state.name, result], state.results.get(result, 0))
            up.add_metric([state.name], int(not state.fault))
            queue.add_metric([state.name], state.waiting)
            oldest.add_metric([state.name], state.oldest_seconds)
            success.add_metric([state.name], state.last_success_at)
            info.add_metric([state.name], {"type": state.kind})
        yield from (results, up, queue, oldest, success, info)
        for family in self._delay.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family
