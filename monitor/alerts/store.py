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

from monitor.alerts import decision_tables, fallback_tables, outbox_tables, silence_tables, tables
from monitor.alerts.events import Event
from monitor.alerts.routing import Route
from monitor.alerts.salvage import copy_rows
from monitor.alerts.silences import Silence
from monitor.alerts.store_feedback import FeedbackStore
from monitor.alerts.store_outbox import OutboxStore
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError

MAX_WAITING = 10_000
"""Transitions kept in memory while the disk cannot be written: some megabytes at most."""

ORPHANED_SECONDS = 15 * 86400.0
"""A delivery that is older and that nobody gave up waits for a sink that is gone: the longest that
a sink tries is 7 days, and the longest that an escalation waits as well."""

CHUNK = 64
"""Transitions in one transaction."""

log = structlog.get_logger(__name__)


class EventStore(FeedbackStore, OutboxStore):
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
        self.routes: Sequence[Route] = ()
        """The sinks that hear of what is recorded."""
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

    def _write(self, transitions: Iterable[Transition], states: Iterable[DeciderSnapshot]) -> None:
        for transition in transitions:
            change = tables.add_transition(self._connection, transition)
            if change is not None:
                outbox_tables.announce(self._connection, change, self.routes, self._now())
        for state in states:
            decision_tables.put_snapshot(self._connection, state, self._now())

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
        rows = self._read(lambda: decision_tables.snapshots(self._connection))
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

    def announce(self, firing: Collection[tuple[str, str]]) -> None:
        """Tell sinks of alerts that fire and that they have not heard of, as a silence was over
        them or the sink is new.

        Args:
            firing: camera and alert.

        Raises:
            StoreError: as for :meth:`record`.
        """

        def work() -> None:
            for camera, alert in firing:
                change = tables.fires_again(self._connection, camera, alert)
                if change is not None:
                    outbox_tables.announce(
                        self._connection, change, self.routes, self._now(), again=True
                    )

        with self._lock:
            self._commit(work)

    def absorb(self, other: "EventStore") -> None:
        """Take what was recorded in a store in memory that stood for this one, all or nothing.

        Nothing is told for it: whom to tell was decided when it happened.

        Raises:
            StoreError: it is not on disk.
        """
        # Where the file of before was set aside or taken away, all that was known is in memory.
        anew = self.is_empty()
        with other._lock:
            states = {**other.load_states(), **other._states}
            kept = None if anew else other.read_with(fallback_tables.get)

            def work() -> None:
                if kept is None:
                    copy_rows(other._connection, self._connection)
                else:
                    fallback_tables.put(self._connection, kept)
                self._write(other._waiting, list(states.values()))

            self._must_commit(work)

    def take_waiting(self) -> tuple[list[Transition], list[DeciderSnapshot]]:
        """Hand over what could not be written; nothing waits here any more."""
        with self._lock:
            waiting, states = list(self._waiting), list(self._states.values())
            self._waiting.clear()
            self._states.clear()
            return waiting, states

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
            changes = tables.end_abandoned(self._connection, alive, at)
            for change in changes:
                outbox_tables.announce(self._connection, change, self.routes, self._now())
            ended = len(changes)

        with self._lock:
            return ended if self._commit(work) else 0

    def keep_states_of(self, cameras: Collection[str]) -> None:
        """Delete the decision states of all other cameras: one that comes back after weeks begins
        anew, and does not go on with the alert of then.

        Raises:
            StoreError: as for :meth:`record`.
        """
        with self._lock:
            self._commit(partial(decision_tables.keep_snapshots_of, self._connection, cameras))

    def prune(self, before: float) -> int:
        """Delete events that ended before this Unix time, with their transitions; how many. What
        waits for sinks that :attr:`routes` does not name is given up after ORPHANED_SECONDS.

        Raises:
            StoreError: as for :meth:`record`.
        """
        deleted = 0

        def work() -> None:
            nonlocal deleted
            deleted = tables.prune(self._connection, before)
            orphaned = self._now() - ORPHANED_SECONDS
            sinks = {route.sink for route in self.routes}
            outbox_tables.expire(self._connection, orphaned, self._now(), but_of=sinks)
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
