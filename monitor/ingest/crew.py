"""The worker processes of all groups: started, watched, restarted with back-off, ended."""

import contextlib
import itertools
import selectors
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from monitor.clock import Clock
from monitor.ingest.back_off import BackOff
from monitor.ingest.channel import ChannelError, Message, Setup, Stop
from monitor.ingest.worker_process import CrashReport, WorkerProcess

_FIRST_RESTART_SECONDS = 0.5
_LONGEST_RESTART_SECONDS = 30.0
_STEP_SECONDS = 0.2
_GOODBYE_SECONDS = 2.5
"""From asking a worker to end until it is killed: a little more than it gives its cameras."""
_DEATH_SECONDS = 10.0
"""A process that was killed and is not dead after so long waits in the kernel, for a device or a
disk, and may do so for ever: another takes its place."""
_MOST_UNDEAD = 8
"""No more of those are left behind: each keeps its memory. The next is waited for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a worker was killed by us."""

    reason: str
    """One of REASONS."""
    detail: str
    guilty: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()


@dataclass(slots=True)
class Slot:
    """The place of a group's worker, whether one runs or not."""

    number: int
    back_off: BackOff
    process: WorkerProcess | None = None
    ready: bool = False
    since_awake: float = 0.0
    """When the process was started."""
    cameras: dict[str, int] = field(default_factory=dict)
    """What the process reads: generation by camera."""
    departing: dict[tuple[str, int], float] = field(default_factory=dict)
    """Cameras that it was told to give up, and when (awake seconds)."""
    verdict: Verdict | None = None
    killed_at: float | None = None
    """When it was first seen that the process was killed, monotonic."""
    leaving_until: float | None = None
    """Asked to end; killed at this monotonic time."""
    restart_at: float = 0.0
    """No new process before this monotonic time."""


@dataclass(frozen=True, slots=True)
class Woken:
    """A mailbox of this slot has a new frame."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Said:
    """The slot's process sent a message."""

    slot: Slot
    message: Message


@dataclass(frozen=True, slots=True)
class Nonsense:
    """The slot's process sent what is no message."""

    slot: Slot
    detail: str


@dataclass(frozen=True, slots=True)
class Died:
    """The slot's process is gone; the slot still says what it was doing."""

    slot: Slot
    pid: int
    report: CrashReport
    lives: bool = False
    """It was given up, and may still write into the mailboxes that it has."""


Happening = Woken | Said | Nonsense | Died


class Crew:
    """All slots and one selector over everything that their processes may do."""

    def __init__(
        self, command: Sequence[str], setup: Setup, *, clock: Clock, random: Random
    ) -> None:
        self._command = tuple(command)
        self._setup = setup
        self._clock = clock
        self._random = random
        self._selector = selectors.DefaultSelector()
        self._undead: list[WorkerProcess] = []
        """Killed, given up, and not dead."""
        self.slots: dict[int, Slot] = {}
        self.generations = itertools.count(1)
        """A number for each time that a camera is given to a worker: never the same twice, so that
        a camera that is removed and comes back is not taken for the one that goes."""

    def slot(self, number: int) -> Slot:
        """The slot of a group, made where there is none."""
        if number not in self.slots:
            back_off = BackOff(
                _FIRST_RESTART_SECONDS, _LONGEST_RESTART_SECONDS, random=self._random
            )
            self.slots[number] = Slot(number, back_off)
        return self.slots[number]

    def spawn(self, slot: Slot, awake: float) -> int:
        """Start the slot's process; gives its id.

        Raises:
            OSError: the machine has none to give; the slot may try again at its ``restart_at``.
        """
        now = self._clock.monotonic()
        try:
            process = WorkerProcess(self._command)
        except OSError:
            slot.restart_at = now + slot.back_off.failed(now)
            raise
        slot.process, slot.ready, slot.since_awake = process, False, awake
        slot.cameras.clear()
        slot.departing.clear()
        slot.verdict = slot.leaving_until = slot.killed_at = None
        for descriptor in (process.channel.fileno(), process.wake, process.exit):
            self._selector.register(descriptor, selectors.EVENT_READ, slot)
        process.send(self._setup)
        slot.back_off.succeeded(now)
        return process.pid

    def condemn(self, slot: Slot, verdict: Verdict) -> None:
        """Kill the slot's process and remember why."""
        if slot.process is not None and slot.verdict is None:
            slot.verdict = verdict
            slot.process.kill()

    def dismiss(self, slot: Slot) -> None:
        """Ask the slot's process to end; it is killed if it does not."""
        if slot.process is not None and slot.leaving_until is None:
            slot.leaving_until = self._clock.monotonic() + _GOODBYE_SECONDS
            slot.process.send(Stop())

    def pids(self) -> dict[int, tuple[str, ...]]:
        """The cameras of each living worker, by process id."""
        return {
            slot.process.pid: tuple(sorted(slot.cameras))
            for slot in self.slots.values()
            if slot.process is not None
        }

    def poll(self, pause_seconds: float) -> list[Happening]:
        """Wait for something to happen, and say what; a death comes after its last words."""
        for slot in self._running():
            if slot.process is not None and slot.process.unsent:
                slot.process.flush()
                if slot.process.unsent:
                    pause_seconds = min(pause_seconds, 0.02)
        touched: dict[int, Slot] = {}
        for key, _ in self._selector.select(max(0.0, pause_seconds)):
            touched[key.data.number] = key.data
        happenings: list[Happening] = []
        for slot in touched.values():
            happenings += self._hear(slot)
        happenings += self._give_up()
        return happenings

    def check_leaving(self, now: float) -> None:
        """Kill who was asked to end and did not."""
        for slot in self._running():
            late = slot.leaving_until is not None and now >= slot.leaving_until
            if late and slot.process is not None:
                slot.process.kill()

    def release(self, slot: Slot, *, fault: bool) -> None:
        """A death was dealt with. The next process may start at once, unless faults repeat."""
        now = self._clock.monotonic()
        slot.restart_at = now
        if fault:
            pause = slot.back_off.failed(now)
            slot.restart_at += pause if slot.back_off.failures > 1 else 0.0
        slot.cameras.clear()
        slot.departing.clear()
        slot.verdict = slot.leaving_until = slot.killed_at = None

    def drop(self, slot: Slot) -> None:
        """Forget a slot that has no process."""
        del self.slots[slot.number]

    def end(self, timeout_seconds: float) -> list[Happening]:
        """Ask all processes to end, and kill whoever is left after so long; gives last words."""
        happenings = []
        end = self._clock.monotonic() + timeout_seconds
        for slot in self._running():
            self.dismiss(slot)
        while any(self._running()) and (left := end - self._clock.monotonic()) > 0:
            happenings += self.poll(min(_STEP_SECONDS, left))
            self.check_leaving(self._clock.monotonic())
        self.close()
        return happenings

    def close(self) -> None:
        """Kill whoever is left."""
        for slot in list(self._running()):
            self._bury(slot)
        for process in self._undead:
            process.close()
        self._undead.clear()
        self._selector.close()

    def _running(self) -> Iterator[Slot]:
        return (slot for slot in self.slots.values() if slot.process is not None)

    def _hear(self, slot: Slot) -> Iterator[Happening]:
        process = slot.process
        if process is None:
            return
        dead = process.poll() is not None  # asked first: afterwards there are no more words
        process.woken()
        yield Woken(slot)
        try:
            for message in process.receive():
                yield Said(slot, message)
        except ChannelError as error:
            yield Nonsense(slot, str(error))
        if dead:
            report = process.report()
            pid = process.pid
            self._bury(slot)
            yield Died(slot, pid, report)

    def _give_up(self) -> Iterator[Died]:
        """Let go of processes that were killed and do not die."""
        now = self._clock.monotonic()
        for undead in [each for each in self._undead if each.poll() is not None]:
            self._undead.remove(undead)
            undead.close()
        for slot in self._running():
            process = slot.process
            if process is None or not process.killed:
                continue
            if slot.killed_at is None:
                slot.killed_at = now
            late = now - slot.killed_at >= _DEATH_SECONDS
            if not late or len(self._undead) >= _MOST_UNDEAD or process.poll() is not None:
                continue
            why = slot.verdict or Verdict("hang", "a worker was to end")
            undying = f"worker {process.pid} was killed and lives on: a device or disk hangs"
            slot.verdict = replace(why, detail=f"{why.detail}; {undying}")
            self._undead.append(process)
            self._detach(slot)
            yield Died(slot, process.pid, CrashReport(undying, None, outside=True), lives=True)

    def _bury(self, slot: Slot) -> None:
        process = self._detach(slot)
        if process is not None:
            process.close()

    def _detach(self, slot: Slot) -> WorkerProcess | None:
        """Hear no more of the slot's process; it is the caller's."""
        process, slot.process = slot.process, None
        if process is None:
            return None
        for descriptor in (process.channel.fileno(), process.wake, process.exit):
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
        return process
