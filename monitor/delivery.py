"""Wires alerts and sinks: from the configuration to routes and threads, and what is wrong now."""

import functools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from prometheus_client import CollectorRegistry

from monitor.alerts.keeper import Keeper
from monitor.alerts.outbox import Outbox, SinkState
from monitor.alerts.routing import Route
from monitor.alerts.sink_thread import SinkPlan
from monitor.alerts.sinks.mqtt_topics import CameraAlerts
from monitor.alerts.sinks.sink import Sink
from monitor.clock import Clock
from monitor.config import Config
from monitor.config import Sink as SinkSection
from monitor.decision.outage import OUTAGE
from monitor.decision.settings import rule_settings
from monitor.errors import StoreError
from monitor.evidence import Evidence
from monitor.metrics_delivery import DeliveryMetrics
from monitor.settings import Settings
from monitor.sink_making import Surroundings, make_sink
from monitor.sink_settings import SinkSettings, secrets_of_sinks
from monitor.web.view import Fault

DRAIN_SECONDS = 1.0
"""What sinks are given at the end while nothing is kept on disk."""

STOP_SECONDS = 1.0
"""What sinks are given to end what they are sending; what was not taken is sent after the start."""

FAULT_AFTER_SECONDS = 10.0
"""A sink that fails is told as a fault of the daemon once something has waited so long for it."""


def begin_delivery(
    keeper: Keeper,
    registry: CollectorRegistry,
    settings: Settings,
    *,
    evidence: Evidence,
    clock: Clock,
    version: str,
) -> "Delivery":
    """The sinks of a configuration, told from now on, with their metrics.

    What was not taken before the last end is sent at once, while the model is being loaded.
    """
    metrics = DeliveryMetrics()
    made = Delivery(
        keeper,
        clock=clock,
        random=Random(),  # noqa: S311 - jitter
        version=version,
        snapshot_for=functools.partial(snapshot_of, evidence),
        snapshots=lambda: evidence.pictures,
        observe=metrics.observe,
    )
    metrics.read_from(made.states)
    registry.register(metrics)
    made.apply(settings.config, settings.sinks)
    return made


class Delivery:
    """The sinks of the daemon. For its thread, but for :meth:`states`."""

    def __init__(
        self,
        keeper: Keeper,
        *,
        clock: Clock,
        random: Random,
        version: str,
        snapshot_for: Callable[[int], Path | None],
        snapshots: Callable[[], bool],
        observe: Callable[[str, float], None],
    ) -> None:
        """
        Args:
            keeper: holds events and what waits.
            clock: the machine's.
            random: spreads tries.
            version: of this program, for those who ask.
            snapshot_for: gives the picture of an event by its id; None while there is none.
            snapshots: whether pictures are made at all.
            observe: told the seconds from each change of state to its delivery, by sink.
        """
        self._keeper = keeper
        self._clock = clock
        self._version = version
        self._outbox = Outbox(
            keeper,
            clock=clock,
            random=random,
            picture_of=snapshot_for,
            pictures=snapshots,
            observe=observe,
        )

    def apply(self, config: Config, sinks: Sequence[SinkSettings]) -> None:
        """Tell the sinks of a configuration from now on; those unchanged go on undisturbed."""
        self._keeper.route([route_of(settings.sink) for settings in sinks])
        around = Surroundings(
            cameras=camera_alerts(config),
            external_url=config.external_url or "",
            version=self._version,
            host=socket.gethostname(),
            clock=self._clock,
        )
        self._outbox.apply([plan_of(settings, around) for settings in sinks])

    def states(self) -> tuple[SinkState, ...]:
        """How all sinks stand. For any thread."""
        return self._outbox.states()

    def faults(self) -> Iterator[Fault]:
        """Sinks that alerts do not reach now: watching goes on."""
        for state in self.states():
            if state.fault and (not state.waiting or state.oldest_seconds >= FAULT_AFTER_SECONDS):
                waits = f"; {state.waiting} alerts wait" if state.waiting else ""
                yield Fault(
                    "sinks", f"sink {state.name} fails: {state.fault}{waits}", critical=False
                )

    def stop(self) -> None:
        """End all sinks; what was not taken waits in the store."""
        if self._keeper.in_memory:
            self._outbox.drain(DRAIN_SECONDS, threading.Event())
        self._outbox.stop(STOP_SECONDS)


def snapshot_of(evidence: Evidence, event_id: int) -> Path | None:
    """The newest picture of an event; None while there is none."""
    try:
        return evidence.snapshot_for(event_id)
    except StoreError:
        return None  # a message without a picture is better than none


def route_of(sink: SinkSection) -> Route:
    """What a sink is to be told."""

    def chosen(names: list[str] | None) -> frozenset[str] | None:
        return None if names is None else frozenset(names)

    return Route(
        sink=sink.name,
        cameras=chosen(sink.match.cameras),
        labels=chosen(sink.match.labels),
        rules=chosen(sink.match.rules),
        pending=sink.min_state == "pending",
        resolved=sink.send_resolved,
        escalate_to=sink.escalate_to,
        escalate_after_seconds=sink.escalate_after,
    )


def plan_of(settings: SinkSettings, around: Surroundings) -> SinkPlan:
    """How a sink is made and treated."""
    sink = settings.sink
    cameras = around.cameras if sink.type == "mqtt" else ()
    build: Callable[[], Sink] = functools.partial(make_sink, settings, around)
    return SinkPlan(
        name=sink.name,
        kind=sink.type,
        basis=(sink, dict(settings.secrets), around.external_url, cameras),
        build=build,
        retry_for_seconds=sink.retry_for,
        longest_pause_seconds=sink.max_back_off,
        external_url=around.external_url,
        secrets=secrets_of_sinks((settings,)),
    )


def camera_alerts(config: Config) -> tuple[CameraAlerts, ...]:
    """The cameras that are watched, with the alerts that they may raise."""
    return tuple(
        CameraAlerts(
            camera.name,
            camera.site or "",
            (
                *((rule.name, rule.label) for rule in rule_settings(config, camera)),
                *(((OUTAGE, OUTAGE),) if config.outages.tell else ()),
            ),
        )
        for camera in config.cameras
        if camera.enabled
    )
