"""The outbox in the event store: what sinks are to be told, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.alerts import outbox_tables, tables
from monitor.alerts.events import Event
from monitor.alerts.outbox_order import Head
from monitor.alerts.store_file import StoreFile


@dataclass(frozen=True, slots=True)
class Brief:
    """What a delivery tells of."""

    event: Event
    step: int | None
    """The place among the event's steps; None where it tells of no step."""
    told: bool
    """Whether the sink has taken anything of the event."""
    outdated: bool = False
    """Whether the sink has taken that a later event of the same camera and incident fired."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How a delivery ended."""

    key: str
    result: str
    """``delivered``, ``rejected``, ``expired`` or ``cancelled``."""
    error: str
    at: float
    """Unix time."""
    tried: bool
    """Whether it ended with a try."""


class OutboxStore(StoreFile):
    """The part of :class:`monitor.alerts.store.EventStore` that the sinks' threads work with."""

    def heads(self, sink: str) -> list[Head]:
        """For each event the delivery that a sink is to be sent next.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: outbox_tables.heads(self._connection, sink, self._now()))

    def queue(self, now: float) -> dict[str, tuple[int, float]]:
        """By sink: how many deliveries wait, and since when the oldest does.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: outbox_tables.queue(self._connection, now))

    def brief(self, key: str, sink: str) -> Brief | None:
        """What a delivery tells of; None where it is gone.

        Raises:
            StoreError: the store cannot be read.
        """

        def work() -> Brief | None:
            found = outbox_tables.transition_of(self._connection, key)
            event = None if found is None else tables.event(self._connection, found[0])
            if found is None or event is None:
                return None
            told = outbox_tables.was_told(self._connection, event.id, sink)
            outdated = outbox_tables.is_outdated(self._connection, event.id, sink)
            return Brief(event, found[1], told, outdated)

        return self._read(work)

    def told_open_events(self, sink: str) -> list[Event]:
        """Events that fire, and that a sink has taken news of.

        Raises:
            StoreError: the store cannot be read.
        """

        def work() -> list[Event]:
            numbers = outbox_tables.told_open_events(self._connection, sink)
            found = [tables.event(self._connection, number) for number in numbers]
            return [event for event in found if event is not None]

        return self._read(work)

    def settle(self, ended: Sequence[Settled]) -> None:
        """Note how deliveries ended.

        Raises:
            StoreError: it is not on disk.
        """

        def work() -> None:
            for one in ended:
                outbox_tables.settle(
                    self._connection, one.key, one.result, one.error, one.at, tried=one.tried
                )

        self._must_commit(work)

    def postpone(self, head: Head, error: str) -> None:
        """Note that a delivery failed for now, and when it is tried again.

        Raises:
            StoreError: it is not on disk.
        """
        self._must_commit(
            lambda: outbox_tables.postpone(
                self._connection, head.key, head.attempts, head.next_try_at, error
            )
        )
