"""A worker process: reads several cameras, each in a thread, and dies with the daemon.

Started as ``python -m monitor.ingest.worker CONTROL WAKE CRASH``, three descriptors: the channel
to the daemon, an eventfd that wakes it, and a file in memory for the report of a crash. Decoders
read hostile bytes here, so the worker imports little and holds nothing that matters: the daemon
may kill it at any time.
"""

import collections
import contextlib
import ctypes
import faulthandler
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from monitor.clock import Clock, SystemClock
from monitor.ingest.camera_loop import CameraLoop, OpenSource
from monitor.ingest.channel import (
    AddCamera,
    ChannelError,
    ClipDone,
    Down,
    FromWorker,
    HoldPackets,
    Message,
    Ready,
    RemoveCamera,
    Removed,
    SaveClip,
    SetRate,
    Setup,
    Stop,
    encode,
    receive,
)
from monitor.ingest.mailbox import Mailbox
from monitor.ingest.open_gate import OpenGate

_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8
"""glibc's mallopt."""
_STOP_SECONDS = 1.5
"""How long cameras get to say goodbye; a camera that is left without a word keeps the session."""
_LONGEST_OUTBOX = 10_000
_OOM_SCORE = "500"
_NICENESS = 10
"""What was decoded is scored before more is: where processors are short, decoders that took turns
with scoring as equals kept its pictures waiting. Measured with 57 cameras on two cores, at 90 % of
both, from a key frame's due time to its verdict: 0.17 s on average and 99 % within 0.41 s, and 0.21
and 0.47 s as equals."""


class Worker:
    """The main thread of a worker: carries out the daemon's orders, passes on what threads say."""

    def __init__(
        self,
        channel: socket.socket,
        wake: Callable[[], None],
        *,
        open_source: OpenSource,
        clock: Clock,
        random: Random,
    ) -> None:
        self._channel = channel
        self._channel.setblocking(False)
        self._wake = wake
        self._open_source = open_source
        self._clock = clock
        self._random = random
        self._setup = Setup(max_back_off_seconds=60.0, concurrent_opens=16)
        self._gate = OpenGate(self._setup.concurrent_opens, clock=clock)
        self._cameras: dict[tuple[str, int], tuple[CameraLoop, threading.Thread]] = {}
        # Threads append, the main thread sends: no camera ever waits for a daemon that is busy.
        self._outbox: collections.deque[FromWorker] = collections.deque(maxlen=_LONGEST_OUTBOX)
        self._outbox_filled = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def run(self) -> None:
        """Serve until the daemon says stop or is gone; then close all cameras."""
        self._report(Ready())
        poll = select.poll()
        poll.register(self._outbox_filled, select.POLLIN)
        while True:
            events = select.POLLIN | (select.POLLOUT if self._outbox else 0)
            poll.register(self._channel, events)
            ready = dict(poll.poll())
            if self._outbox_filled in ready:
                os.eventfd_read(self._outbox_filled)
            self._send()
            gone = select.POLLIN | select.POLLHUP | select.POLLERR
            if ready.get(self._channel.fileno(), 0) & gone and not self._obey():
                break
        self._close()

    def _obey(self) -> bool:
        """Carry out what the daemon wants; False where the worker is to end."""
        try:
            received = receive(self._channel)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if received is None:
            return False
        message, descriptors = received
        return self._carry_out(message, descriptors)

    def _carry_out(self, message: Message, descriptors: list[int]) -> bool:
        match message:
            case Setup():
                self._setup = message
                self._gate = OpenGate(message.concurrent_opens, clock=self._clock)
            case AddCamera() if len(descriptors) == 1:
                self._add(message, descriptors[0])
            case RemoveCamera(camera, generation):
                if running := self._cameras.pop((camera, generation), None):
                    running[0].stop.set()
                else:
                    self._report(Removed(camera, generation))
            case SetRate(camera, generation, fps):
                if found := self._cameras.get((camera, generation)):
                    found[0].set_fps(fps)
            case HoldPackets(camera, generation, since):
                if found := self._cameras.get((camera, generation)):
                    found[0].clips.hold(since)
            case SaveClip(camera, generation, clip) if len(descriptors) == 1:
                if found := self._cameras.get((camera, generation)):
                    found[0].clips.save(message, descriptors[0])
                else:
                    os.close(descriptors[0])
                    self._report(ClipDone(camera, clip, "", 0.0, 0.0, "removed"))
            case Stop():
                return False
            case _:
                raise ChannelError("the daemon sent a message that is none for a worker")
        return True

    def _add(self, order: AddCamera, descriptor: int) -> None:
        try:
            mailbox = Mailbox(descriptor)
        finally:
            os.close(descriptor)
        loop = CameraLoop(
            order,
            mailbox,
            open_source=self._open_source,
            gate=self._gate,
            max_back_off_seconds=self._setup.max_back_off_seconds,
            report=self._report,
            wake=self._wake,
            clock=self._clock,
            # Each thread its own: all that come of one worker differ.
            random=Random(self._random.getrandbits(64)),  # noqa: S311 - jitter, no secret
        )
        thread = threading.Thread(target=loop.run, name=order.settings.camera, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._refuse(order, f"the worker can start no more threads: {error}")
            mailbox.close()
            return
        self._cameras[order.settings.camera, order.generation] = (loop, thread)

    def _refuse(self, order: AddCamera, detail: str) -> None:
        camera, generation = order.settings.camera, order.generation
        self._report(Down(camera, generation, "error", detail, final=False))

    def _report(self, message: FromWorker) -> None:
        self._outbox.append(message)
        with contextlib.suppress(BlockingIOError):  # it is at its highest: the reader is woken
            os.eventfd_write(self._outbox_filled, 1)

    def _send(self) -> None:
        while self._outbox:
            try:
                self._channel.send(encode(self._outbox[0]))
            except BlockingIOError:
                return
            except ConnectionError:
                self._outbox.clear()  # the daemon is gone; reading says so next
                return
            self._outbox.popleft()

    def _close(self) -> None:
        for loop, _ in self._cameras.values():
            loop.stop.set()
        deadline = time.monotonic() + _STOP_SECONDS
        for _, thread in self._cameras.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        # Clips were finished just now; that cameras ended is what was asked for.
        last = [message for message in self._outbox if isinstance(message, ClipDone)]
        self._outbox.clear()
        self._outbox.extend(last)
        self._send()


def main(arguments: list[str], open_source: OpenSource) -> None:
    """Run a worker to its end; does not return."""
    control, wake, crash = map(int, arguments)
    _prepare(crash)
    worker = Worker(
        socket.socket(fileno=control),
        lambda: _ring(wake),
        open_source=open_source,
        clock=SystemClock(),
        random=Random(),  # noqa: S311 - jitter, no secret
    )
    worker.run()
    # Threads that are stuck in a library must not hold up the end.
    os._exit(0)


def _prepare(crash: int) -> None:
    """Make this process die with the daemon, crash with a report, go first when memory ends, and
    let scoring pass."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # What one camera's thread gives back serves the others. With an arena for each thread it would
    # be kept for this one alone: megabytes of pictures a camera, of which few are in use at once.
    if hasattr(libc, "mallopt"):  # musl has none, and one heap for all
        libc.mallopt(_M_ARENA_MAX, 1)
    # These go to whole groups (Ctrl-C, a terminal that closes, `systemctl kill`) and mean the
    # daemon, which decides what becomes of its workers.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # A core file would hold passwords.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # All threads: only then does the report say which of them it was.
    faulthandler.enable(crash, all_threads=True)
    with contextlib.suppress(OSError):  # not everywhere allowed, and only a preference
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    with contextlib.suppress(OSError):  # likewise
        os.nice(_NICENESS)


def _ring(wake: int) -> None:
    with contextlib.suppress(BlockingIOError):  # at its highest: the daemon is awake already
        os.eventfd_write(wake, 1)


if __name__ == "__main__":
    from monitor.ingest.source import open_source as open_real_source

    main(sys.argv[1:], open_real_source)
