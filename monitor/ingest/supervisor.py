"""Ingest as the daemon sees it: frames of all cameras come in, whatever happens to their workers.

The supervisor keeps the workers alive, tells each which cameras to read, kills one that makes no
progress, and takes the newest frames out of the mailboxes. It has no thread of its own: all of it
happens in :meth:`Supervisor.wait`, which the daemon calls again and again.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from monitor.clock import Clock
from monitor.errors import SourceError
from monitor.ingest.assignment import check_messages, reconcile
from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import ClipDone, Down, Message, Opened, Ready, Removed
from monitor.ingest.channel import Setup as WorkerSetup
from monitor.ingest.clip_orders import ClipOrders
from monitor.ingest.collector import Collector, Wants, want_all
from monitor.ingest.crew import Crew, Died, Happening, Nonsense, Said, Slot, Verdict, Woken
from monitor.ingest.descriptors import allow_descriptors
from monitor.ingest.event_log import EventLog
from monitor.ingest.frame import Frame
from monitor.ingest.guilt import condemn_hung, suspects_of_crash
from monitor.ingest.limits import Limits, ReloadResult, by_name, compare
from monitor.ingest.mailbox_layout import FrameMark
from monitor.ingest.placement import Move, Placement
from monitor.ingest.rates import order_rates
from monitor.ingest.records import make_records
from monitor.ingest.status import CameraEvent, CameraStatus, SourceSettings
from monitor.ingest.worker_process import WORKER_COMMAND
from monitor.layout import Image

_TICK_SECONDS = 0.2
"""How often hangs, restarts and states are looked at."""


class Supervisor:
    """Keeps all cameras read. :meth:`statuses` and :meth:`newest_as` may be called from any
    thread.

    All else belongs to one thread, which must live as long as the supervisor: workers die with the
    thread that started them.
    """

    def __init__(
        self,
        feeds: Sequence[SourceSettings],
        limits: Limits,
        *,
        clock: Clock,
        random: Random,
        worker_command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        """
        Args:
            feeds: the cameras, each name once.
            limits: workers and patience.
            clock: the machine's; only its monotonic time counts.
            random: for the jitter of restarts.
            worker_command: what starts a worker, without its descriptors.

        Raises:
            ConfigError: two cameras have one name, the settings of one are too long for a worker,
                or there are more than the limit of open files allows.
        """
        self._feeds = by_name(feeds)
        check_messages(self._feeds.values())
        allow_descriptors(len(self._feeds))
        self._limits = limits
        self._clock = clock
        workers = limits.workers or len(os.sched_getaffinity(0))
        self._placement = Placement(replace(limits.placement, workers=workers))
        setup = WorkerSetup(limits.max_back_off_seconds, limits.concurrent_opens)
        self._crew = Crew(worker_command, setup, clock=clock, random=random)
        self._records: dict[str, CameraRecord] = {}
        self.clips = ClipOrders(self._crew, self._records)
        """Clips of what cameras sent; belongs to the supervisor's thread."""
        self._events = EventLog(clock)
        self._lock = threading.RLock()
        self._collector = Collector(limits.frames_per_wait)
        self._awake = 0.0
        """Seconds that this thread was seen running: a daemon that was itself stopped for a minute
        must not take its workers for hung."""
        self._last_pass = clock.monotonic()
        self._next_tick = self._last_pass
        self._dissolving: set[int] = set()
        self._rates: dict[str, float] = {}
        """Of the cameras that are not sampled at their usual rate."""
        self._stopped = False

    @property
    def starved(self) -> bool:
        """Whether there was no memory to take the last frame in."""
        return self._collector.starved

    def start(self) -> None:
        """Start the workers; cameras come up one by one afterwards.

        Raises:
            ConfigError: the machine has no memory or descriptors for so many cameras.
        """
        with self._lock:
            self._last_pass = self._clock.monotonic()
            self._take_up(make_records(self._feeds.values()))
            self._reconcile()

    def apply(self, feeds: Sequence[SourceSettings]) -> ReloadResult:
        """Read these cameras from now on; those that are the same as before notice nothing.

        Raises:
            ConfigError: two cameras have one name, the settings of one are too long for a worker,
                or there are more than the machine has open files or memory for; nothing was
                changed.
        """
        new = by_name(feeds)
        check_messages(new.values())
        allow_descriptors(len(new))
        with self._lock:
            old = self._feeds
            fresh = make_records(new[name] for name in new if name not in old)
            result = compare(old, new)
            self._feeds = new
            for name in result.removed:
                self._placement.remove(name)
                self._records.pop(name).close()
            for name in result.changed:
                self._records[name].change(new[name])
            self._take_up(fresh)
            self._reconcile()
            return result

    def wait(self, timeout_seconds: float, wants: Wants = want_all) -> list[Frame]:
        """The newest unseen frame of each camera that has one, in fair turns.

        Returns as soon as there is one, else after ``timeout_seconds`` with an empty list. Frames
        of a picture that does not move any more are among them, with ``Health.FROZEN``. Left out is
        what ``wants`` says no to; it is asked of each frame.
        """
        deadline = self._clock.monotonic() + timeout_seconds
        while not self._stopped:
            now = self._clock.monotonic()
            pause = 0.0 if self._collector.more else min(deadline, self._next_tick) - now
            happenings = self._crew.poll(pause)
            with self._lock:
                frames = self._pass(happenings, wants)
            if frames or self._clock.monotonic() >= deadline:
                return frames
        return []

    def sample(self, rates: Mapping[str, float]) -> None:
        """Sample some cameras at another rate than theirs for now, without opening them anew.

        Args:
            rates: samples a second, by camera; all others have their usual rate.
        """
        with self._lock:
            self._rates = dict(rates)
            order_rates(self._crew, self._records, self._rates)

    def statuses(self) -> Mapping[str, CameraStatus]:
        """The state of each camera now."""
        with self._lock:
            now = self._clock.monotonic()
            return {name: record.status(now) for name, record in self._records.items()}

    def newest_as(
        self, camera: str, make: Callable[[Image], NDArray[np.uint8]]
    ) -> tuple[FrameMark, NDArray[np.uint8]] | None:
        """A camera's newest picture as ``make`` gives it, beside what :meth:`wait` hands on.

        The loop stands still meanwhile, so ``make`` must be quick: it shrinks. For any thread.

        Returns:
            When and how it was taken, and the picture; None where there is none.
        """
        with self._lock:
            record = self._records.get(camera)
            if record is None:
                return None
            try:
                return record.newest_as(self._clock.monotonic(), make)
            except SourceError:
                return None  # the next tick finds the same, and replaces the worker

    def events(self) -> list[CameraEvent]:
        """What happened since the last call. ``camera`` is empty where it is about a worker."""
        with self._lock:
            return self._events.take()

    def worker_pids(self) -> Mapping[int, tuple[str, ...]]:
        """The cameras of each living worker, by process id."""
        with self._lock:
            return self._crew.pids()

    def stop(self, timeout_seconds: float) -> None:
        """End all workers: let them close their cameras, kill those who take too long."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            for last in self._crew.end(timeout_seconds / 2):
                if isinstance(last, Said) and isinstance(last.message, ClipDone):
                    self.clips.heard(last.slot, last.message)
            self.clips.end()
            for record in self._records.values():
                record.close()
            self._records.clear()

    def _pass(self, happenings: Sequence[Happening], wants: Wants) -> list[Frame]:
        now = self._clock.monotonic()
        self._awake += min(now - self._last_pass, self._limits.hang_timeout_seconds / 4)
        self._last_pass = now
        woken: set[str] = set()
        for happening in happenings:
            match happening:
                case Woken(slot):
                    woken.update(slot.cameras)
                case Said(slot, message):
                    self._heard(slot, message, now)
                case Nonsense(slot, detail):
                    guess = tuple(slot.cameras)
                    self._crew.condemn(slot, Verdict("error", detail, suspects=guess))
                case Died():
                    self._bury(happening, now)
        tick = now >= self._next_tick
        if tick:
            self._next_tick = now + _TICK_SECONDS
            self._tick(now)
        everyone = tick or self._collector.more
        names = list(self._records) if everyone else sorted(woken)
        frames, corrupt = self._collector.take(self._records, names, now, wants)
        for name, error in corrupt:
            self._corrupt(name, error)
        return frames

    def _tick(self, now: float) -> None:
        self._crew.check_leaving(now)
        condemn_hung(
            self._crew,
            self._records,
            awake=self._awake,
            hang_seconds=self._limits.hang_timeout_seconds,
            start_seconds=self._limits.start_timeout_seconds,
        )
        for number in self._placement.over(now):
            slot = self._crew.slot(number)
            if slot.process is None:
                self._events.moved(self._placement.dissolve(number, now), "")
            else:
                self._dissolving.add(number)
                self._crew.dismiss(slot)
        self._reconcile()
        order_rates(self._crew, self._records, self._rates)  # a new worker knows nothing of them
        for name in list(self._records):
            self._look(name, now)
            self._events.add(self._records[name].news(now, self._clock.wall()))

    def _look(self, name: str, now: float) -> None:
        try:
            self._records[name].look(now)
        except SourceError as error:
            self._corrupt(name, error)

    def _corrupt(self, name: str, error: SourceError) -> None:
        """A worker wrote into a mailbox what cannot be: it is broken or hostile, so it ends."""
        self._records[name].invalid()
        verdict = Verdict("error", f"camera {name}: {error}", guilty=(name,))
        for slot in self._crew.slots.values():
            if name in slot.cameras:
                self._crew.condemn(slot, verdict)

    def _heard(self, slot: Slot, message: Message, now: float) -> None:
        match message:
            case Ready():
                slot.ready = True
                for name in slot.cameras:
                    if name in self._records:
                        self._records[name].started(self._awake)
            case Opened(camera, generation, info) if slot.cameras.get(camera) == generation:
                if record := self._records.get(camera):
                    record.opened(info)
            case Down(camera, generation) if slot.cameras.get(camera) == generation:
                if record := self._records.get(camera):
                    self._look(camera, now)
                    record.down(message)
                    self._events.add(record.news(now, self._clock.wall()))
            case Removed(camera, generation):
                slot.departing.pop((camera, generation), None)
                if slot.cameras.get(camera) == generation and camera in self._records:
                    self._given_up(slot, camera)
            case Opened() | Down():
                pass  # of a camera that it was told to give up since
            case ClipDone(camera) if self.clips.heard(slot, message):
                pass
            case _:
                detail = f"a worker sent {type(message).__name__}, which is none of its messages"
                self._crew.condemn(slot, Verdict("error", detail, suspects=tuple(slot.cameras)))

    def _given_up(self, slot: Slot, camera: str) -> None:
        """A camera's thread ended by itself: right for a file at its end, else a fault."""
        if self._records[camera].ended:
            del slot.cameras[camera]
            self._records[camera].lent = False
        else:
            detail = f"camera {camera}: its thread ended without a reason"
            self._crew.condemn(slot, Verdict("error", detail, guilty=(camera,)))

    def _bury(self, death: Died, now: float) -> None:
        """A worker is gone: say so, judge who did it, let its cameras be read by another."""
        slot = death.slot
        self.clips.died(slot)
        gone = dict(slot.cameras)
        verdict, leaving = slot.verdict, slot.leaving_until is not None
        if verdict is None and not leaving:
            detail = f"worker {death.pid} {death.report.summary}"
            guilty, suspects = suspects_of_crash(gone, self._records, death.report)
            verdict = Verdict("worker_lost", detail, guilty, suspects)
        for name, generation in gone.items():
            record = self._records.get(name)
            if record is not None and record.generation == generation:
                if verdict is not None:
                    record.worker_fault(verdict.reason, verdict.detail)
                record.lent = death.lives
        moves: list[Move] = []
        if verdict is not None:
            accused = verdict.guilty[0] if len(verdict.guilty) == 1 else ""
            detail = f"{verdict.detail}; it read {len(gone)} cameras"
            self._events.say(accused, "worker_lost", verdict.reason, detail)
            moves = self._placement.fault(slot.number, verdict.guilty, verdict.suspects, now)
        elif slot.number in self._dissolving:
            moves = self._placement.dissolve(slot.number, now)
        self._crew.release(slot, fault=verdict is not None)
        self._dissolving.discard(slot.number)
        self._events.moved(moves, verdict.reason if verdict is not None else "")
        self._reconcile()

    # Orders.

    def _take_up(self, records: Mapping[str, CameraRecord]) -> None:
        for name, record in records.items():
            self._records[name] = record
            self._placement.add(name, self._clock.monotonic())

    def _reconcile(self) -> None:
        reports = reconcile(
            self._crew,
            self._placement,
            self._records,
            awake=self._awake,
            now=self._clock.monotonic(),
        )
        for report in reports:
            self._events.say("", report.kind, report.reason, report.detail)
