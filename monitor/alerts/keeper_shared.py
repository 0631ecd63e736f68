"""What all threads may ask of the event store, be it the file or what stands in memory for it."""

import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TypeVar

from monitor.alerts import tables
from monitor.alerts.events import Event, Evidence, EvidenceKind, Verdict
from monitor.alerts.evidence_retention import Kept
from monitor.alerts.outbox_order import Head
from monitor.alerts.reader import read_with
from monitor.alerts.routing import Route
from monitor.alerts.store import EventStore
from monitor.alerts.store_file import IN_MEMORY
from monitor.alerts.store_outbox import Brief, Settled
from monitor.errors import StoreError

T = TypeVar("T")


class SharedStore:
    """The store of the moment. All methods are for any thread."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._swap = threading.RLock()
        """Held while the store is exchanged for another, and by whoever writes to it meanwhile."""
        self._routes: Sequence[Route] = ()
        self._settled: dict[str, Settled] = {}
        self._listeners: tuple[threading.Event, ...] = ()

    def count_unread(self) -> None:
        """A thread could not read what it needs, and says so itself: count it."""

    def listen(self, listener: threading.Event) -> None:
        """Set this whenever something was recorded."""
        with self._swap:
            self._listeners = (*self._listeners, listener)

    def unlisten(self, listener: threading.Event) -> None:
        """Set it no more."""
        with self._swap:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.set()

    def events(
        self, limit: int, *, camera: str | None, before_id: int | None, open_only: bool
    ) -> list[Event]:
        """What :meth:`EventStore.events` gives, without what waits to be written.

        Raises:
            StoreError: the store cannot be read.
        """
        return self.read_with(
            lambda connection: tables.events(
                connection, limit=limit, camera=camera, before_id=before_id, open_only=open_only
            )
        )

    def read_with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What statements read beside the watch, without what waits to be written.

        Raises:
            StoreError: the store cannot be read.
        """
        store = self._store
        return store.read_with(work) if store.path == IN_MEMORY else read_with(store.path, work)

    def change_with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do statements in one transaction; what they gave.

        Raises:
            StoreError: it is not on disk.
        """
        with self._swap:
            return self._store.change_with(work)

    def event(self, event_id: int) -> Event | None:
        """What :meth:`EventStore.event` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.event(event_id)

    def acknowledge(self, event_id: int, by: str, at: float) -> Event | None:
        """What :meth:`EventStore.acknowledge` does.

        Raises:
            StoreError: it is not on disk.
        """
        with self._swap:
            return self._store.acknowledge(event_id, by, at)

    def judge(self, event_id: int, verdict: Verdict | None, by: str, at: float) -> Event | None:
        """What :meth:`EventStore.judge` does.

        Raises:
            StoreError: it is not on disk.
        """
        with self._swap:
            return self._store.judge(event_id, verdict, by, at)

    def add_evidence(
        self,
        event_id: int,
        kind: EvidenceKind,
        file: str,
        *,
        size_bytes: int,
        captured_at: float,
        created_at: float,
    ) -> Evidence | None:
        """What :meth:`EventStore.add_evidence` does.

        Raises:
            StoreError: it is not on disk.
        """
        with self._swap:
            return self._store.add_evidence(
                event_id,
                kind,
                file,
                size_bytes=size_bytes,
                captured_at=captured_at,
                created_at=created_at,
            )

    def evidence_of(self, event_id: int) -> list[Evidence]:
        """What :meth:`EventStore.evidence_of` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.evidence_of(event_id)

    def event_at(self, camera: str, incident: str, at: float) -> int | None:
        """What :meth:`EventStore.event_at` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.event_at(camera, incident, at)

    def kept_evidence(self) -> list[Kept]:
        """What :meth:`EventStore.kept_evidence` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.kept_evidence()

    def forget_evidence(self, numbers: Collection[int]) -> None:
        """What :meth:`EventStore.forget_evidence` does.

        Raises:
            StoreError: it is not on disk.
        """
        with self._swap:
            self._store.forget_evidence(numbers)

    def heads(self, sink: str) -> list[Head]:
        """What :meth:`EventStore.heads` gives, without what ended and could not be written yet.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return [head for head in self._store.heads(sink) if head.key not in self._settled]

    def queue(self, now: float) -> dict[str, tuple[int, float]]:
        """What :meth:`EventStore.queue` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.queue(now)

    def brief(self, key: str, sink: str) -> Brief | None:
        """What :meth:`EventStore.brief` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.brief(key, sink)

    def told_open_events(self, sink: str) -> list[Event]:
        """What :meth:`EventStore.told_open_events` gives.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._swap:
            return self._store.told_open_events(sink)

    def end_delivery(self, ended: Settled) -> None:
        """Note how a delivery ended. Where that cannot be written it is remembered, so that this
        process does not send it twice, and written with the next."""
        with self._swap:
            self._settled[ended.key] = ended
            with suppress(StoreError):
                self.write_settled()

    def postpone(self, head: Head, error: str) -> bool:
        """Note that a delivery failed for now; whether that was written."""
        with self._swap:
            try:
                self._store.postpone(head, error)
            except StoreError:
                return False
            return True

    @property
    def unwritten(self) -> bool:
        """Whether ends of deliveries could not be written yet."""
        return bool(self._settled)

    def write_settled(self) -> None:
        """Write the ends of deliveries that could not be written before.

        Raises:
            StoreError: they cannot now either.
        """
        with self._swap:
            if self._settled:
                self._store.settle(list(self._settled.values()))
                self._settled.clear()
