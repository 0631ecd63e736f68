"""A keeper with an outbox and sinks that hear, without a daemon."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

from monitor.alerts.events import Event
from monitor.alerts.keeper import Keeper
from monitor.alerts.notice import Notice
from monitor.alerts.outbox import Outbox
from monitor.alerts.routing import Route
from monitor.alerts.sink_thread import SinkPlan
from monitor.clock import Clock
from monitor.errors import SinkError
from tests.support.decisions import decider, feed, frame


@dataclass
class Ear:
    """A sink that hears; it fails as it is told."""

    wants_picture: bool = False
    faults: list[SinkError] = field(default_factory=list)
    heard: list[Notice] = field(default_factory=list)
    let_go: threading.Event | None = None
    closed: bool = False
    looks: int = 0

    def send(self, notice: Notice) -> None:
        if self.let_go is not None:
            self.let_go.wait(20)
        if self.faults:
            raise self.faults.pop(0)
        self.heard.append(notice)

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:  # noqa: ARG002 - of the protocol
        self.looks += 1
        return False

    def close(self) -> None:
        self.closed = True

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.heard]


class Stand:
    """A keeper with an outbox."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.counted: Counter[tuple[str, bool]] = Counter()
        """Operations of the store, and whether they failed."""
        self.asked: list[int] = []
        """Events whose picture a sink asked for."""
        self.keeper = Keeper(path, clock=clock, count=self._count)
        self.picture: Path | None = None
        self.delays: list[tuple[str, float]] = []
        self.outbox = Outbox(
            self.keeper,
            clock=clock,
            random=Random(1),
            picture_of=self._picture_of,
            pictures=lambda: self.picture is not None,
            observe=lambda sink, seconds: self.delays.append((sink, seconds)),
        )

    def _count(self, operation: str, failed: bool) -> None:
        self.counted[operation, failed] += 1

    def _picture_of(self, event_id: int) -> Path | None:
        self.asked.append(event_id)
        return self.picture

    def listen(self, *routes: Route, retry_for: float = 86400.0, **ears: Ear) -> None:
        """Have these sinks."""
        self.keeper.route(routes or [Route(name) for name in ears])
        self.outbox.apply(
            SinkPlan(name, "ear", id(ear), partial(_itself, ear), retry_for, 60.0)
            for name, ear in ears.items()
        )

    def burn(self, camera: str = "dock", *, fire: bool = False, end: bool = False) -> None:
        """Smoke fires at a camera; it may become fire, and end."""
        deciding = decider(hold=2, keep=3)
        frames = [frame(t, smoke=0.9) for t in range(4)]
        frames += [frame(t, fire=0.9) for t in range(4, 9)] if fire else []
        frames += [frame(t) for t in range(9, 20)] if end else []
        transitions = [replace(t, camera=camera) for t in feed(deciding, frames)]
        self.keeper.record(transitions, replace(deciding.snapshot(), camera=camera))

    def event(self) -> Event:
        (found,) = self.keeper.events(9, camera=None, before_id=None, open_only=False)
        return found

    def results(self) -> list[tuple[str, str, str | None]]:
        """Sink, kind and result of the deliveries of the only event."""
        return [(d.sink, d.kind, d.result) for d in self.event().deliveries]

    def close(self) -> None:
        self.outbox.stop(5.0)
        self.keeper.close()


def _itself(ear: Ear) -> Ear:
    return ear
