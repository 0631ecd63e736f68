"""All sinks of the daemon: a thread each, exchanged by reloads without losing what waits."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from monitor.alerts.keeper_shared import SharedStore
from monitor.alerts.sink_thread import Outside, SinkPlan, SinkRecord, SinkThread
from monitor.clock import Clock
from monitor.errors import StoreError


@dataclass(frozen=True, slots=True)
class SinkState:
    """How a sink stands now."""

    name: str
    kind: str
    results: dict[str, int]
    """By the words of :data:`monitor.alerts.sink_thread.RESULTS`, since the start."""
    waiting: int
    """Deliveries that are due or tried again."""
    oldest_seconds: float
    """How long the oldest of these has waited; 0 where none does."""
    last_success_at: float
    """Unix time; 0 before the first."""
    fault: str
    """Why its last try failed; empty where it did not."""


class Outbox:
    """The threads of all sinks. For the daemon's thread, but for :meth:`states`."""

    def __init__(
        self,
        store: SharedStore,
        *,
        clock: Clock,
        random: Random,
        picture_of: Callable[[int], Path | None],
        pictures: Callable[[], bool],
        observe: Callable[[str, float], None],
    ) -> None:
        """
        Args:
            store: holds what waits.
            clock: the machine's.
            random: spreads tries.
            picture_of: gives the picture of an event by its id; None while there is none.
            pictures: whether pictures are made at all.
            observe: told the seconds from each change of state to its delivery, by sink.
        """
        self._outside = Outside(store, clock, random, picture_of, pictures, observe)
        self._threads: dict[str, SinkThread] = {}
        self._records: dict[str, SinkRecord] = {}

    def apply(self, plans: Iterable[SinkPlan]) -> None:
        """Have these sinks from now on; those whose plan is as before go on undisturbed.

        What waits for a sink that is gone waits on: it may come back.
        """
        before = self._threads
        wanted = {plan.name: plan for plan in plans}
        self._records |= {n: SinkRecord() for n in wanted if n not in self._records}
        begun = []
        threads = {}
        for name, plan in wanted.items():
            old = before.get(name)
            if old is not None and old.plan == plan:
                threads[name] = old
                continue
            if old is not None:
                old.stop()
            after = old.thread if old is not None else None
            threads[name] = SinkThread(plan, self._records[name], self._outside, after=after)
            begun.append(threads[name])
        for name, old in before.items():
            if name not in wanted:
                old.stop()
        self._threads = threads  # in one step: states are read from other threads
        for thread in begun:
            thread.start()

    def states(self) -> tuple[SinkState, ...]:
        """All sinks, in the order of the configuration. For any thread."""
        now = self._outside.clock.wall()
        try:
            queue = self._outside.store.queue(now)
        except StoreError:
            queue = {}  # the store's own metrics say that it cannot be read
        return tuple(
            _state(thread.plan, self._records[name], queue.get(name), now)
            for name, thread in self._threads.items()
        )

    def stop(self, seconds: float) -> None:
        """End all threads, and wait for what they are sending at most so long, all together."""
        clock = self._outside.clock
        until = clock.monotonic() + seconds
        for thread in self._threads.values():
            thread.stop()
        for thread in self._threads.values():
            thread.thread.join(max(0.0, until - clock.monotonic()))

    def drain(self, seconds: float, pause: threading.Event) -> None:
        """Let sinks that work take what is due, at most so long: where nothing is kept, it is now
        or never.

        Args:
            seconds: longest wait.
            pause: waited on meanwhile; set, it ends this.
        """
        clock = self._outside.clock
        until = clock.monotonic() + seconds
        while clock.monotonic() < until and not pause.wait(0.02):
            if not any(state.waiting and not state.fault for state in self.states()):
                return


def _state(
    plan: SinkPlan, record: SinkRecord, queue: tuple[int, float] | None, now: float
) -> SinkState:
    waiting, oldest = queue if queue is not None else (0, now)
    return SinkState(
        name=plan.name,
        kind=plan.kind,
        results=dict(record.results),
        waiting=waiting,
        oldest_seconds=max(0.0, now - oldest),
        last_success_at=record.last_success_at,
        fault=record.fault,
    )
