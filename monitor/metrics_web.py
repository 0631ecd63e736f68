"""The metrics of pages and API: what was refused, and who listens. Made anew at each scrape."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.web.live import Live


class WebMetrics(Collector):
    """To be registered beside :class:`monitor.metrics.Metrics`.

    Args:
        refused: gives how many requests were refused, by cause.
        live: those who listen.
    """

    def __init__(self, refused: Callable[[], Mapping[str, int]], live: Live) -> None:
        self._refused = refused
        self._live = live

    def describe(self) -> Iterable[Metric]:
        """Nothing: asked while the registry takes it."""
        return ()

    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "emberwatch_web_refused",
            "Requests to pages and API that were refused: no token or a wrong one (token), a role "
            "that may not (role), too many (rate).",
            labels=["cause"],
        )
        for cause, count in self._refused().items():
            refused.add_metric([cause], count)
        listeners = GaugeMetricFamily(
            "emberwatch_web_listeners", "Clients that listen to live updates now."
        )
        listeners.add_metric([], self._live.listeners)
        dropped = CounterMetricFamily(
            "emberwatch_web_listeners_dropped",
            "Clients of live updates that did not read, and were dropped.",
        )
        dropped.add_metric([], self._live.dropped)
        yield from (refused, listeners, dropped)
