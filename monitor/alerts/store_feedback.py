"""What people say of events, and the files that show them, in the event store."""

from collections.abc import Collection

from monitor.alerts import evidence_tables, tables
from monitor.alerts.events import Event, Evidence, EvidenceKind, Verdict
from monitor.alerts.evidence_retention import Kept
from monitor.alerts.store_file import StoreFile


class FeedbackStore(StoreFile):
    """The part of :class:`monitor.alerts.store.EventStore` that people and evidence write to."""

    def event(self, event_id: int) -> Event | None:
        """One event with its transitions; None where there is none with that id.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: tables.event(self._connection, event_id))

    def acknowledge(self, event_id: int, by: str, at: float) -> Event | None:
        """Note that somebody has seen an event; the first stays the one who did.

        Args:
            event_id: the event.
            by: who, as they are shown.
            at: Unix time.

        Returns:
            The event after it; None where there is none with that id.

        Raises:
            StoreError: it is not on disk.
        """

        def work() -> Event | None:
            evidence_tables.acknowledge(self._connection, event_id, by, at)
            return tables.event(self._connection, event_id)

        return self._must_commit(work)

    def judge(self, event_id: int, verdict: Verdict | None, by: str, at: float) -> Event | None:
        """Note what somebody found an event to be, in place of what was said before.

        Args:
            event_id: the event.
            verdict: ``confirmed`` or ``false``; None takes back what was said.
            by: who, as they are shown.
            at: Unix time.

        Returns:
            The event after it; None where there is none with that id.

        Raises:
            StoreError: it is not on disk.
        """

        def work() -> Event | None:
            evidence_tables.judge(self._connection, event_id, verdict, by, at)
            return tables.event(self._connection, event_id)

        return self._must_commit(work)

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
        """Keep that a file shows an event; ``file`` is relative to the evidence folder.

        Returns:
            It with its id; None where there is no event with that id.

        Raises:
            StoreError: it is not on disk.
        """
        return self._must_commit(
            lambda: evidence_tables.add(
                self._connection,
                event_id=event_id,
                kind=kind,
                file=file,
                size_bytes=size_bytes,
                captured_at=captured_at,
                created_at=created_at,
            )
        )

    def evidence_of(self, event_id: int) -> list[Evidence]:
        """The files that show an event, in the order in which they were added.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: evidence_tables.of_event(self._connection, event_id))

    def event_at(self, camera: str, incident: str, at: float) -> int | None:
        """The event of a camera's incident at a Unix time; None where none is known.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: evidence_tables.event_at(self._connection, camera, incident, at))

    def kept_evidence(self) -> list[Kept]:
        """All files that show events, with how dear each is.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: evidence_tables.kept(self._connection))

    def forget_evidence(self, numbers: Collection[int]) -> None:
        """Forget files that are gone.

        Raises:
            StoreError: it is not on disk.
        """
        self._must_commit(lambda: evidence_tables.forget(self._connection, numbers))
