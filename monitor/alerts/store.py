"""The event store: alerts and learned state on disk, in one SQLite file.

What is recorded is on disk when the call returns (write-ahead log, full synchronisation), and a
process killed at any moment leaves a store that opens. A full or read-only disk does not stop the
watch: what could not be written waits in memory, and is written when the disk is back.
"""

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import structlog

from monitor.alerts import silence_tables, tables
from monitor.alerts.database import connect, is_damage, move_aside
from monitor.alerts.events import Event
from monitor.alerts.silences import Silence
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError
from monitor.state_dir import folder_trouble

MAX_WAITING = 10_000
"""Transitions kept in memory while the disk cannot be written: some megabytes at most."""

IN_MEMORY = Path(":memory:")
"""The path of a store that is no file."""

CHUNK = 64
"""Transitions in one transaction."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class EventStore:
    """Events, their transitions, and the state of each camera's decision. Safe between threads."""

    set_aside: Path | None
    """Where the file that stood here was moved to when the store was opened, because it was
    damaged; None where it was sound or new."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        now: Callable[[], float],
        set_aside: Path | None,
    ) -> None:
        """Use :meth:`open`."""
        self.path = path
        self.set_aside = set_aside
        self._connection = connection
        self._now = now
        self._lock = threading.RLock()
        self._waiting: deque[Transition] = deque()
        self._states: dict[str, DeciderSnapshot] = {}
        self._failing = False
        self._lost = 0

    @classmethod
    def open(cls, path: Path, *, now: Callable[[], float] = time.time) -> "EventStore":
        """Open the store, or make it with the folder that it stands in.

        A file that is damaged is renamed to ``<name>.corrupt-<time>`` and a new one begun;
        :attr:`set_aside` then says so.

        Raises:
            StoreError: the path cannot be used, or holds the data of another program or of a
                newer version.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(_unusable(path, error.strerror or error)) from error
        set_aside = None
        try:
            try:
                connection = connect(path)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                set_aside = move_aside(path, now())
                connection = connect(path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(_unusable(path, error)) from error
        return cls(path, connection, now, set_aside)

    @classmethod
    def in_memory(
        cls, *, now: Callable[[], float] = time.time, copy_of: Path | None = None
    ) -> "EventStore":
        """A store that ends with this process.

        Args:
            now: gives Unix time.
            copy_of: a file whose content it begins with; it may be missing.

        Raises:
            StoreError: the file cannot be read.
        """
        connection = connect(IN_MEMORY)
        if copy_of is not None:
            try:
                with closing(connect(copy_of)) as source:
                    source.backup(connection)
            except (sqlite3.Error, StoreError) as error:
                connection.close()
                raise StoreError(f"{copy_of}: cannot be read ({error})") from error
        return cls(IN_MEMORY, connection, now, None)

    @property
    def failing(self) -> bool:
        """Whether the last try to write failed."""
        return self._failing

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

    def _commit(self, work: Callable[[], None]) -> bool:
        """Do work in one transaction; whether it is on disk.

        Raises:
            StoreError: it is not, and the write before was.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            work()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # Where even this fails the next BEGIN does too, and is told of in its place.
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            first = not self._failing
            self._failing = True
            if first:
                raise StoreError(
                    f"{self.path}: cannot be written ({error}); alerts go on and wait in memory. "
                    "Free space on that disk, or make it writable"
                ) from error
            return False
        self._failing = False
        return True

    def _read(self, work: Callable[[], T]) -> T:
        with self._lock:
            try:
                return work()
            except (sqlite3.Error, ValueError, TypeError) as error:
                # ValueError and TypeError: text within a row is not what was written there.
                raise StoreError(f"{self.path}: cannot be read ({error})") from error


def _unusable(path: Path, error: object) -> str:
    """A sentence that says why, as far as the folder tells, because SQLite does not: to it a full
    disk is a file that cannot be opened."""
    cure = folder_trouble(path.parent) or "let this user write it, or give another state_dir"
    return f"{path}: cannot be opened ({error}); {cure}"
