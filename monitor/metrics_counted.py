"""What counted metrics have in common: they are gathered, and not registered one by one."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from prometheus_client import Counter, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_Kept = TypeVar("_Kept", bound=Collector)


class Counted:
    """Makes metrics and remembers them for the scrape; registered is what gathers all of them."""

    def __init__(self) -> None:
        self._all: list[Collector] = []

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """A new counter; the client appends ``_total`` to its name."""
        return self.keep(Counter(name, text, labels, registry=None))

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        """A new gauge."""
        return self.keep(Gauge(name, text, labels, registry=None))

    def keep(self, metric: _Kept) -> _Kept:
        """Remember a metric that was made without a registry."""
        self._all.append(metric)
        return metric

    def families(self) -> Iterator[Metric]:
        """All families, in the order in which they were made."""
        for collector in self._all:
            yield from collector.collect()
