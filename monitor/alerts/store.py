"""The event store: alerts and learned state on disk, in one SQLite file.

What is recorded is on disk when the call returns (write-ahead log, full synchronisation), and a
process killed at any moment leaves a store that opens. A full or read-only disk does not stop the
watch: what could not be written waits in memory, and is written when the disk is back.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import structlog

from monitor.alerts import evidence_tables, silence_tables, tables
from monitor.alerts.events import Event, Evidence, EvidenceKind, Verdict
from monitor.alerts.silences import Silence
from monitor.alerts.store_file import StoreFile
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError

MAX_WAITING = 10_000
"""Transitions kept in memory while the disk cannot be written: some megabytes at most."""

CHUNK = 64
"""Transitions in one transaction."""

log = structlog.get_logger(__name__)


class EventStore(StoreFile):
    """Events, their transitions, and the state of each camera's decision. Safe between threads."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        now: Callable[[], float],
        set_aside: Path | None,
    ) -> None:
        """Use :meth:`open`."""
        super().__init__(path, connection, now, set_aside)
        self._waiting: deque[Transition] = deque()
        self._states: dict[str, DeciderSnapshot] = {}
        self._lost = 0

    @property
    def waiting(self) -> int:
        """Transitions that are in memory alone, because they could not be written yet."""
        return len(self._waiting)

    @property
    def lost(self) -> int:
        """Transitions given up, because more than MAX_WAITING could not be written."""
        return self._lost

    def record(self, *transitions: Transition, state: DeciderSnapshot | None = None) -> None:
        """Write transitions, and all that waits before them, with the state after them.

        Written together, events and state agree after a crash: nothing is raised twice. What
        cannot be written waits in memory; of the states of one camera the newest. While writing
        fails nothing is tried here, so that a disk that hangs costs no time: :meth:`flush` does.

        Raises:
            StoreError: they could not be written, and the write before could.
        """
        with self._lock:
            self._waiting.extend(transitions)
            if state is not None:
                self._states[state.camera] = state
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popleft()
                self._lost += 1
            if not self._failing:
                self.flush()

    def flush(self) -> None:
        """Try to write all that waits; to be called now and then while :attr:`failing`.

        Raises:
            StoreError: as for :meth:`record`; later failures are silent until a write has worked.
        """
        with self._lock:
            while self._waiting or self._states or self._failing:
                # In chunks: a disk that stays full then costs little for each try.
                chunk = list(islice(self._waiting, CHUNK))
                states = list(self._states.values()) if len(chunk) == len(self._waiting) else []
                if not self._commit(partial(self._write, chunk, states)):
                    return
                for _ in chunk:
                    self._waiting.popleft()
                if states:
                    self._states.clear()

    def _write(self, transitions: Sequence[Transition], states: Sequence[DeciderSnapshot]) -> None:
        for transition in transitions:
            tables.add_transition(self._connection, transition)
        for state in states:
            tables.put_snapshot(self._connection, state, self._now())

    def save_states(self, snapshots: Iterable[DeciderSnapshot]) -> None:
        """Keep the states of decisions, each in place of the one before, in one transaction.

        Raises:
            StoreError: as for :meth:`record`.
        """
        with self._lock:
            self._states.update((snapshot.camera, snapshot) for snapshot in snapshots)
            if not self._failing:
                self.flush()

    def load_states(self) -> dict[str, DeciderSnapshot]:
        """The kept states by camera; those of another format are left out.

        Raises:
            StoreError: the store cannot be read.
        """
        rows = self._read(lambda: tables.snapshots(self._connection))
        states = {}
        for camera, text in rows:
            try:
                states[camera] = DeciderSnapshot.from_json(text)
            except (ValueError, json.JSONDecodeError) as error:
                # Written by another version: that camera begins anew, as after a first start.
                log.warning("state_unreadable", camera=camera, error=str(error))
        return states

    def events(
        self,
        limit: int = 100,
        *,
        camera: str | None = None,
        before_id: int | None = None,
        open_only: bool = False,
    ) -> list[Event]:
        """The newest events first, with their transitions.

        Args:
            limit: at most so many.
            camera: of this camera alone.
            before_id: older than the event with this id, to read on from the page before.
            open_only: those that have not ended.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(
            lambda: tables.events(
                self._connection,
                limit=limit,
                camera=camera,
                before_id=before_id,
                open_only=open_only,
            )
        )

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

    def silences(self) -> list[Silence]:
        """Silences that have not ended, also those that another process has set meanwhile.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: silence_tables.ending_after(self._connection, self._now()))

    def ended_since(self, at: float) -> list[tuple[str, str, float]]:
        """Camera, incident and end of the events that ended since a Unix time.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: tables.ended_since(self._connection, at))

    def end_abandoned(self, alive: Collection[tuple[str, str]], *, at: float) -> int:
        """End the open events that no alert keeps open any more; how many.

        For the start and after a reload: a camera or rule may be gone from the configuration.

        Args:
            alive: camera and alert of each alert that is pending or firing.
            at: Unix time that is written as their end.

        Raises:
            StoreError: as for :meth:`record`.
        """
        ended = 0

        def work() -> None:
            nonlocal ended
            ended = tables.end_abandoned(self._connection, alive, at)

        with self._lock:
            return ended if self._commit(work) else 0

    def keep_states_of(self, cameras: Collection[str]) -> None:
        """Delete the decision states of all other cameras: one that comes back after weeks begins
        anew, and does not go on with the alert of then.

        Raises:
            StoreError: as for :meth:`record`.
        """
        with self._lock:
            self._commit(partial(tables.keep_snapshots_of, self._connection, cameras))

    def prune(self, before: float) -> int:
        """Delete events that ended before this Unix time, with their transitions; how many.

        Raises:
            StoreError: as for :meth:`record`.
        """
        deleted = 0

        def work() -> None:
            nonlocal deleted
            deleted = tables.prune(self._connection, before)
            silence_tables.prune(self._connection, before)

        with self._lock:
            return deleted if self._commit(work) else 0

    def close(self) -> None:
        """Write what waits and close the file; the store cannot be used afterwards.

        Raises:
            StoreError: transitions are left that could not be written.
        """
        with self._lock:
            try:
                self.flush()
            finally:
                self._connection.close()
            if self._waiting:
                raise StoreError(
                    f"{self.path}: closed with {len(self._waiting)} transitions that could not be "
                    "written"
                )
