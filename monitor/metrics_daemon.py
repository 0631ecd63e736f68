"""The metrics of the daemon itself: its store, its configuration, its workers."""

import platform
from collections.abc import Iterator

from prometheus_client import Info
from prometheus_client.metrics_core import Metric

from monitor.clock import Clock
from monitor.metrics_counted import Counted

RESTART_REASONS: tuple[str, ...] = ("hang", "worker_lost", "error")
"""Why a worker process was replaced."""

STORE_OPERATIONS: tuple[str, ...] = ("read", "write")


class DaemonMetrics:
    """Counts what the daemon does beside scoring; may be called from any thread.

    Args:
        clock: the machine's.
        version: the version of this program.
    """

    def __init__(self, *, clock: Clock, version: str) -> None:
        self._clock = clock
        counted = self._counted = Counted()
        self._store_operations = counted.counter(
            "emberwatch_store_operations",
            "Operations on the event store, failed ones too.",
            ["operation"],
        )
        self._store_failures = counted.counter(
            "emberwatch_store_failures", "Operations on the event store that failed.", ["operation"]
        )
        self._store_up = counted.gauge(
            "emberwatch_store_up",
            "Whether events reach the disk: 0 while the store cannot be opened or written.",
        )
        self._store_waiting = counted.gauge(
            "emberwatch_store_waiting_transitions",
            "Changes of state that are in memory alone, because they could not be written yet.",
        )
        self._lost = 0
        self._store_lost = counted.counter(
            "emberwatch_store_lost_transitions",
            "Changes of state that were given up, because too many could not be written.",
        )
        self._reloads = counted.counter(
            "emberwatch_config_reloads", "Reloads asked for, failed ones too."
        )
        self._reload_failures = counted.counter(
            "emberwatch_config_reload_failures",
            "Reloads refused; the configuration before stays in force.",
        )
        self._reload_successful = counted.gauge(
            "emberwatch_config_last_reload_successful",
            "Whether the last load or reload of the configuration succeeded.",
        )
        self._reload_at = counted.gauge(
            "emberwatch_config_last_reload_success_timestamp_seconds",
            "Unix time of the last load or reload that succeeded.",
        )
        self._workers = counted.gauge(
            "emberwatch_workers", "Worker processes that read cameras now."
        )
        self._worker_restarts = counted.counter(
            "emberwatch_worker_restarts", "Worker processes that were replaced.", ["reason"]
        )
        build = counted.keep(Info("emberwatch_build", "The program that runs.", registry=None))
        build.info({"version": version, "python": platform.python_version()})
        started = counted.gauge("emberwatch_start_timestamp_seconds", "Unix time of the start.")
        started.set(clock.wall())
        self._reload_successful.set(1)
        self._reload_at.set(clock.wall())
        for operation in STORE_OPERATIONS:
            self._store_operations.labels(operation)
            self._store_failures.labels(operation)
        for reason in RESTART_REASONS:
            self._worker_restarts.labels(reason)

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

    def families(self) -> Iterator[Metric]:
        """All families, for one scrape."""
        yield from self._counted.families()
