"""Keeps events whatever the disk does, and says when it cannot.

The watch must go on with a full, read-only or vanished disk. :class:`Keeper` stands between the
daemon and :class:`monitor.alerts.store.EventStore`: it logs and counts what fails, and where the
store cannot be opened or written it keeps one in memory, made from what the real one holds if that
can still be read. Alerts are told from there; the real one takes all of it once it can.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from monitor.alerts.fallback import store_in_memory
from monitor.alerts.keeper_shared import SharedStore
from monitor.alerts.routing import Route
from monitor.alerts.silences import Silence
from monitor.alerts.store import MAX_WAITING, EventStore
from monitor.clock import Clock
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError

RETRY_SECONDS = 10.0
"""Time between two tries to write what waits, or to open the store."""

KEEP_EVENTS_SECONDS = 365 * 86400.0
"""Events that ended longer ago than this are deleted; a year of them is some megabytes."""

_PRUNE_SECONDS = 86400.0

_FIRST_PRUNE_SECONDS = 3600.0
"""Not at the start: a machine that boots with its clock ahead has it set by then."""

log = structlog.get_logger(__name__)


class Keeper(SharedStore):
    """The event store of a daemon that must not stop. For one thread, apart from the properties
    and what it has from :class:`SharedStore`."""

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
        """Whether events are in memory alone, because the store cannot be opened or written."""
        self._unsaved = 0
        self._lost = 0
        self._distrusted = False
        self._next_try = clock.monotonic() + RETRY_SECONDS
        self._next_prune = clock.monotonic() + _FIRST_PRUNE_SECONDS
        self._fault = ""
        self._unread = False
        self._silences_fault = ""
        try:
            store = EventStore.open(path, now=clock.wall)
        except StoreError as error:
            self._failed("read", error)
            super().__init__(store_in_memory(path, clock.wall))
            self._in_memory_from_now()
        else:
            super().__init__(store)
            self._said_set_aside(store)

    @property
    def fault(self) -> str:
        """What is wrong with the store now, a sentence; empty if nothing is."""
        return self._fault

    @property
    def waiting(self) -> int:
        """Transitions that are not on disk yet."""
        return self._unsaved

    @property
    def lost(self) -> int:
        """Transitions given up, because too many could not be written, not even to memory."""
        return self._lost + self._store.lost

    def count_unread(self) -> None:
        """Count a read that failed in another thread. For any thread."""
        self._count("read", True)

    def route(self, routes: Sequence[Route]) -> None:
        """Which sinks hear of what is recorded from now on."""
        with self._swap:
            self._routes = tuple(routes)
            self._store.routes = self._routes

    def announce(self, firing: Collection[tuple[str, str]]) -> None:
        """Tell sinks of alerts, camera and name, that fire and that they have not heard of."""
        if firing and self._routes:
            self._write(lambda: self._store.announce(firing), again=True)
            self._tell()

    def record(self, transitions: Collection[Transition], state: DeciderSnapshot) -> None:
        """Keep changes of state with the decision's state after them, and tell the sinks."""
        if self.in_memory:
            self._unsaved += len(transitions)
        self._write(lambda: self._store.record(*transitions, state=state))
        self._tell()

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
        self._write(lambda: self._store.keep_states_of(cameras), again=True)

        def work() -> None:
            ended = self._store.end_abandoned(alive, at=self._clock.wall())
            if ended:
                log.info("events_ended", count=ended, cause="their camera or rule is gone")

        self._write(work, again=True)
        self._tell()

    def tend(self) -> None:
        """Try again what failed, if it is time; to be called now and then."""
        if not self.in_memory and (self._store.failing or self._store.damaged):
            if not self._store.failing:
                self._failed("read", StoreError(f"{self._path}: is damaged; it will be set aside"))
            self._fall_back()  # another thread found that it cannot be used
        now = self._clock.monotonic()
        if now < self._next_try:
            return
        self._next_try = now + RETRY_SECONDS
        if now >= self._next_prune:
            self._next_prune = now + _PRUNE_SECONDS
            self._prune()
        if self.in_memory:
            self._reopen()
        elif self.unwritten:
            self._write(self.write_settled)

    def close(self) -> None:
        """Write what waits, and close."""
        if self.in_memory:
            self._reopen()
        try:
            self.write_settled()
            self._store.close()
        except StoreError as error:
            self._failed("write", error)

    def _write(self, work: Callable[[], None], *, again: bool = False) -> None:
        """Do work; ``again``: where the file does not take it, in memory, as nothing else keeps
        it."""
        was_in_memory = self.in_memory
        try:
            work()
            failing = self._store.failing
        except StoreError as error:
            self._failed("write", error)
            failing = True
        else:
            if failing:  # the store tells a fault once, and then keeps still about it
                self._count("write", True)
        if failing:
            self._fall_back()
            if again and not was_in_memory:
                with suppress(StoreError):  # the fault stands already
                    work()
            return
        self._count("write", self.in_memory)
        if self._fault and not self.in_memory:
            log.info("store_recovered", path=str(self._path))
            self._fault = ""

    def _fall_back(self) -> None:
        """Go on in memory: the file cannot be written now."""
        if self.in_memory:
            return  # not even memory takes it; the fault stands already
        with self._swap:
            before = self._store
            transitions, states = before.take_waiting()
            store = before.copied_to_memory()
            self._store = store
            self._in_memory_from_now()
            self._distrusted = before.damaged
            self._unsaved += len(transitions)
            self._lost += before.lost
            with suppress(StoreError):  # nothing waits there any more
                before.close()
            try:
                store.record(*transitions)
                store.save_states(states)
                self.write_settled()  # what the file did not take holds up what comes after it
            except StoreError as error:
                self._failed("write", error)
        self._next_try = self._clock.monotonic() + RETRY_SECONDS

    def _in_memory_from_now(self) -> None:
        self.in_memory = True
        self._store.routes = self._routes

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

    def _said_set_aside(self, store: EventStore) -> None:
        if store.set_aside is not None:
            self._count("read", True)
            log.error(
                "store_set_aside",
                error=f"{self._path} was damaged and is now {store.set_aside}; a new store was "
                "begun with what is known. Alerts that are not are found anew by their pictures",
            )

    def _reopen(self) -> None:
        """Go back to the file, with all that was kept in memory meanwhile, if it takes it."""
        # Once: where the new file cannot be begun now, that one is not set aside at the next try.
        distrusted, self._distrusted = self._distrusted, False
        try:
            store = EventStore.open(self._path, now=self._clock.wall, distrusted=distrusted)
        except StoreError as error:
            self._count("read", True)
            self._fault = str(error)
            return
        self._said_set_aside(store)
        store.routes = self._routes
        before = self._store
        with self._swap:
            try:
                self.write_settled()
                # The smallest write first: a disk that is full still costs little for each try. It
                # must mean nothing: states of after an event that is not there yet would hide it.
                store.save_states(store.load_states().values())
                store.absorb(before)
            except StoreError as error:
                self._count("write", True)
                self._fault = str(error)
                self._distrusted = store.damaged
                store.take_waiting()
                with suppress(StoreError):
                    store.close()
                return
            self._store = store
            self.in_memory = False
            self._unsaved = 0
            self._lost += before.lost
            with suppress(StoreError):  # what memory could not take either is in the file now
                before.close()
        self._count("write", False)
        self._fault = ""
        log.info("store_recovered", path=str(self._path))
