"""Keeps events whatever the disk does, and says when it cannot.

The watch must go on with a full, read-only or vanished disk. :class:`Keeper` stands between the
daemon and :class:`monitor.alerts.store.EventStore`: it logs and counts what fails, tries again
later, and where the store cannot even be opened at the start it keeps one in memory, made from a
copy of the file if that can still be read, until the real one can be opened.
"""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path

import structlog

from monitor.alerts.events import Event, Evidence, EvidenceKind, Verdict
from monitor.alerts.reader import read_events
from monitor.alerts.silences import Silence
from monitor.alerts.store import MAX_WAITING, EventStore
from monitor.alerts.store_file import IN_MEMORY
from monitor.clock import Clock
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError

RETRY_SECONDS = 10.0
"""Time between two tries to write what waits, or to open the store."""

KEEP_EVENTS_SECONDS = 365 * 86400.0
"""Events that ended longer ago than this are deleted; a year of them is some megabytes."""

_PRUNE_SECONDS = 86400.0

_MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
_LARGEST_COPY_BYTES = 256 * 1024 * 1024

log = structlog.get_logger(__name__)


class Keeper:
    """The event store of a daemon that must not stop. For one thread, apart from the properties
    and what says that it is for any."""

    def __init__(self, path: Path, *, clock: Clock, count: Callable[[str, bool], None]) -> None:
        """Open the store, or one in memory if that fails.

        Args:
            path: the SQLite file.
            clock: for the retries and the name of a file that is set aside.
            count: told each operation, ``read`` or ``write``, and whether it failed.
        """
        self._path = path
        self._clock = clock
        self._count = count
        self.in_memory = False
        """Whether events are in memory alone, because the store could not be opened."""
        self._unsaved: list[Transition] = []
        self._lost = 0
        self._next_try = clock.monotonic() + RETRY_SECONDS
        self._next_prune = clock.monotonic()
        self._fault = ""
        self._unread = False
        self._silences_fault = ""
        try:
            self._store = EventStore.open(path, now=clock.wall)
        except StoreError as error:
            self._failed("read", error)
            self._store = self._open_in_memory()
        else:
            self._said_set_aside()

    @property
    def fault(self) -> str:
        """What is wrong with the store now, a sentence; empty if nothing is."""
        return self._fault

    @property
    def waiting(self) -> int:
        """Transitions that are not on disk yet."""
        return len(self._unsaved) if self.in_memory else self._store.waiting

    @property
    def lost(self) -> int:
        """Transitions given up, because too many could not be written."""
        return self._lost + self._store.lost

    def record(self, transitions: Collection[Transition], state: DeciderSnapshot) -> None:
        """Keep changes of state with the decision's state after them."""
        if self.in_memory:
            self._unsaved = [*self._unsaved, *transitions]
            self._lost += max(0, len(self._unsaved) - MAX_WAITING)
            self._unsaved = self._unsaved[-MAX_WAITING:]
        self._write(lambda: self._store.record(*transitions, state=state))

    def save_states(self, states: Iterable[DeciderSnapshot]) -> None:
        """Keep the states of decisions."""
        self._write(lambda: self._store.save_states(states))

    def load_states(self) -> dict[str, DeciderSnapshot]:
        """The kept states by camera; empty where they cannot be read."""
        try:
            states = self._store.load_states()
        except StoreError as error:
            self._failed("read", error)
            self._unread = True
            return {}
        self._count("read", False)
        return states

    def events(
        self, limit: int, *, camera: str | None, before_id: int | None, open_only: bool
    ) -> list[Event]:
        """What :meth:`EventStore.events` gives, without what waits to be written. For any thread.

        Raises:
            StoreError: the store cannot be read.
        """
        store = self._store
        read = store.events if store.path == IN_MEMORY else partial(read_events, store.path)
        return read(limit=limit, camera=camera, before_id=before_id, open_only=open_only)

    def event(self, event_id: int) -> Event | None:
        """What :meth:`EventStore.event` gives. For any thread.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._store.event(event_id)

    def acknowledge(self, event_id: int, by: str, at: float) -> Event | None:
        """What :meth:`EventStore.acknowledge` does. For any thread.

        Raises:
            StoreError: it is not on disk.
        """
        return self._store.acknowledge(event_id, by, at)

    def judge(self, event_id: int, verdict: Verdict | None, by: str, at: float) -> Event | None:
        """What :meth:`EventStore.judge` does. For any thread.

        Raises:
            StoreError: it is not on disk.
        """
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
        """What :meth:`EventStore.add_evidence` does. For any thread.

        Raises:
            StoreError: it is not on disk.
        """
        return self._store.add_evidence(
            event_id,
            kind,
            file,
            size_bytes=size_bytes,
            captured_at=captured_at,
            created_at=created_at,
        )

    def evidence_of(self, event_id: int) -> list[Evidence]:
        """What :meth:`EventStore.evidence_of` gives. For any thread.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._store.evidence_of(event_id)

    def open_since(self) -> dict[tuple[str, str], float]:
        """Unix time at which each alert that is open entered its state, by camera and alert."""
        try:
            events = self._store.events(limit=MAX_WAITING, open_only=True)
        except StoreError as error:
            self._failed("read", error)
            return {}
        self._count("read", False)
        return {(event.camera, step.alert): step.at for event in events for step in event.steps}

    def silences(self) -> list[Silence] | None:
        """Silences that have not ended; None while they cannot be read, which is told once."""
        try:
            found = self._store.silences()
        except StoreError as error:
            if self._silences_fault != str(error):
                self._failed("read", error)
                self._silences_fault = str(error)
            return None
        if self._silences_fault:
            if self._fault == self._silences_fault:
                self._fault = ""
            self._silences_fault = ""
        return found

    def ended_since(self, at: float) -> list[tuple[str, str, float]]:
        """Camera, incident and end of the events that ended since a Unix time; none where they
        cannot be read."""
        try:
            found = self._store.ended_since(at)
        except StoreError as error:
            self._failed("read", error)
            return []
        self._count("read", False)
        return found

    def settle(self, cameras: Collection[str], alive: Collection[tuple[str, str]]) -> None:
        """Let go of what the configuration no longer has.

        Args:
            cameras: those that are watched; the states of others are deleted.
            alive: camera and alert of each that is pending or firing; open events that none of
                them keeps open end now.
        """
        if self._unread:
            return  # what is open is not known, so nothing may be ended for being closed
        self._write(lambda: self._store.keep_states_of(cameras))
        at = self._clock.wall()

        def work() -> None:
            ended = self._store.end_abandoned(alive, at=at)
            if ended:
                log.info("events_ended", count=ended, cause="their camera or rule is gone")

        self._write(work)

    def tend(self) -> None:
        """Try again what failed, if it is time; to be called now and then."""
        now = self._clock.monotonic()
        if now < self._next_try:
            return
        self._next_try = now + RETRY_SECONDS
        if now >= self._next_prune:
            self._next_prune = now + _PRUNE_SECONDS
            self._prune()
        if self.in_memory:
            self._reopen()
        elif self._store.waiting or self._store.failing:
            self._write(self._store.flush)

    def close(self) -> None:
        """Write what waits, and close."""
        try:
            self._store.close()
        except StoreError as error:
            self._failed("write", error)

    def _write(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreError as error:
            self._failed("write", error)
            return
        if self._store.failing:  # the store tells a fault once, and then keeps still about it
            self._count("write", True)
            return
        self._count("write", False)
        if self._fault and not self.in_memory:
            log.info("store_recovered", path=str(self._path))
            self._fault = ""

    def _prune(self) -> None:
        before = self._clock.wall() - KEEP_EVENTS_SECONDS

        def work() -> None:
            deleted = self._store.prune(before)
            if deleted:
                log.info("events_deleted", count=deleted, cause="they ended more than a year ago")

        self._write(work)

    def _failed(self, operation: str, error: StoreError) -> None:
        self._count(operation, True)
        self._fault = str(error)
        log.error("store_failing", operation=operation, error=str(error))

    def _said_set_aside(self) -> None:
        if self._store.set_aside is not None:
            self._count("read", True)
            log.error(
                "store_set_aside",
                error=f"{self._path} was damaged and is now {self._store.set_aside}; a new store "
                "was begun. Open alerts of before are not known any more",
            )

    def _open_in_memory(self) -> EventStore:
        """A store in memory, with what the real one held where that is read.

        The file is copied for the moment of reading, since it cannot be opened where it is; nothing
        of the copy is left, however this process ends later.
        """
        self.in_memory = True
        wall = self._clock.wall
        try:
            with tempfile.TemporaryDirectory(prefix="emberwatch-", dir=_MEMORY_FOLDER) as folder:
                for suffix in ("", "-wal"):
                    source = self._path.with_name(self._path.name + suffix)
                    if source.is_file() and source.stat().st_size <= _LARGEST_COPY_BYTES:
                        shutil.copyfile(source, Path(folder) / source.name)
                return EventStore.in_memory(now=wall, copy_of=Path(folder) / self._path.name)
        except (OSError, StoreError) as error:
            # It cannot be read, does not fit, or is another program's: begin with nothing.
            log.warning("store_unreadable", path=str(self._path), error=str(error))
            return EventStore.in_memory(now=wall)

    def _reopen(self) -> None:
        try:
            store = EventStore.open(self._path, now=self._clock.wall)
        except StoreError as error:
            self._count("read", True)
            self._fault = str(error)
            return
        before, self._store = self._store, store
        self.in_memory = False
        self._said_set_aside()
        try:
            states = before.load_states()
            before.close()
        except StoreError as error:
            self._failed("read", error)
            states = {}
        unsaved, self._unsaved = self._unsaved, []
        self._write(lambda: store.record(*unsaved))
        self._write(lambda: store.save_states(states.values()))
        if not self._fault:
            log.info("store_recovered", path=str(self._path))
