"""The daemon's end of one worker process: start it, talk to it, kill it, read why it died."""

import collections
import contextlib
import errno
import fcntl
import os
import re
import signal
import site
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.ingest.channel import ChannelError, Message, ToWorker, encode, receive
from monitor.redact import redact

WORKER_COMMAND = (sys.executable, "-P", "-m", "monitor.ingest.worker")

_CRASH_BYTES = 262144
"""Room for the stacks of a hundred threads; more are not written."""
_LAST_SECONDS = 0.5
"""How long the death of a process that was killed is waited for."""
_MESSAGES_AT_ONCE = 256
"""A worker that floods the channel gets no more of the daemon's time than this."""
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
"""Of the daemon's environment; the rest of it may hold passwords."""
_CURRENT_THREAD = re.compile(r"Current thread 0x([0-9a-f]+)")
_LONGEST_SUMMARY = 300
_LATER = frozenset({errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM})
"""Why a message cannot be sent now and may be later."""
_OUTSIDE = frozenset(
    -number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
)
"""Exit codes of a process that another one ended."""


@dataclass(frozen=True, slots=True)
class CrashReport:
    """How a worker ended."""

    summary: str
    """``was killed by SIGSEGV``, and where, as far as is known."""
    thread: int | None
    """Identity of the thread that crashed, if it was one of Python's."""
    outside: bool = False
    """Somebody else ended it: by a signal that no code in it raises, and not for want of memory."""


class WorkerProcess:
    """One process. Nothing here blocks, but for the moment that starting takes.

    It dies with the thread that starts it: start it from one that lasts.
    """

    def __init__(self, command: Sequence[str] = WORKER_COMMAND) -> None:
        """
        Raises:
            OSError: no process can be started (too many processes, descriptors, no memory).
        """
        with contextlib.ExitStack() as undo:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(ours.close)
            with theirs:
                ours.setblocking(False)
                self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                undo.callback(os.close, self.wake)
                self._crash = _crash_file()
                undo.callback(os.close, self._crash)
                passed = (theirs.fileno(), self.wake, self._crash)
                self._process = subprocess.Popen(
                    [*command, *map(str, passed)],
                    pass_fds=passed,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    # Libraries may write URLs there; it is read, with secrets hidden, after death.
                    stderr=self._crash,
                    env=_environment(),
                )
            self.channel = ours
            self.pid = self._process.pid
            self.exit = os.pidfd_open(self.pid)
            undo.pop_all()
        self._outbox: collections.deque[tuple[bytes, int | None]] = collections.deque()
        self._memory_kills = memory_kills()
        self.killed = False
        """Whether :meth:`kill` was called."""

    @property
    def unsent(self) -> bool:
        """Whether messages wait for room in the channel."""
        return bool(self._outbox)

    def send(self, message: ToWorker, descriptor: int | None = None) -> None:
        """Send now, or keep until :meth:`flush` finds room; the descriptor stays the caller's.

        Raises:
            OSError: there is no descriptor left for a copy; nothing is sent.
            ChannelError: the message is too long; nothing is sent.
        """
        data = encode(message)
        copy = None if descriptor is None else os.dup(descriptor)
        self._outbox.append((data, copy))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as there is room; a worker that cannot be told is killed."""
        while self._outbox:
            data, descriptor = self._outbox[0]
            try:
                if descriptor is None:
                    self.channel.send(data)
                else:
                    socket.send_fds(self.channel, [data], [descriptor])
            except BlockingIOError:
                return
            except ConnectionError:
                self._forget_outbox()  # it is dead, or will be found dead next
                return
            except OSError as error:
                # Too many descriptors are under way; the worker takes them in presently.
                if error.errno not in _LATER:
                    self._forget_outbox()
                    self.kill()  # it is found dead next, and replaced
                return
            self._outbox.popleft()
            if descriptor is not None:
                os.close(descriptor)

    def receive(self) -> list[Message]:
        """What the worker said since the last call, up to a bound.

        Raises:
            ChannelError: it said something that is no message.
        """
        messages = []
        for _ in range(_MESSAGES_AT_ONCE):
            try:
                received = receive(self.channel)
            except (BlockingIOError, ConnectionError):
                break
            if received is None:
                self.kill()  # whoever hung up is of no use; most often it is dying already
                break
            message, descriptors = received
            for descriptor in descriptors:
                os.close(descriptor)
            if descriptors:
                raise ChannelError("a worker sent a descriptor")
            messages.append(message)
        return messages

    def woken(self) -> None:
        """Take the wake-up call back, before looking into the mailboxes."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake)

    def kill(self) -> None:
        """End it at once; works on a stopped process, too, but not on one that waits in the
        kernel and cannot be interrupted: that one dies when it comes back from there."""
        self.killed = True
        self._process.kill()

    def poll(self) -> int | None:
        """The exit status once it is dead: negative for a signal."""
        return self._process.poll()

    def report(self) -> CrashReport:
        """How it ended; to be called once it is dead."""
        code = self._process.returncode
        if code is not None and code < 0:
            try:
                ending = f"was killed by {signal.Signals(-code).name}"
            except ValueError:
                ending = f"was killed by signal {-code}"
        else:
            ending = f"ended with exit status {code}"
        text = os.pread(self._crash, _CRASH_BYTES, 0).split(b"\0", 1)[0].decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        fatal = [index for index, line in enumerate(lines) if line.startswith("Fatal Python error")]
        if fatal:
            after = lines[fatal[-1] :]
            current = [n for n, line in enumerate(after) if line.startswith("Current thread")]
            where = after[current[0] + 1 : current[0] + 2] if current else []
            ending = "; ".join([ending, lines[fatal[-1]], *where])
        elif lines and code:
            ending = f"{ending}; {lines[-1]}"
        thread = _CURRENT_THREAD.search(text)
        # Cut twice: searching a long text for secrets takes long, and half a secret is not found.
        summary = redact(ending[: 10 * _LONGEST_SUMMARY])[:_LONGEST_SUMMARY]
        return CrashReport(
            summary,
            int(thread[1], 16) if thread else None,
            outside=code in _OUTSIDE and memory_kills() == self._memory_kills,
        )

    def stopped(self) -> bool:
        """Whether a signal holds it (SIGSTOP, a debugger): then its silence is nobody's fault."""
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        # The name, in brackets, may hold anything.
        return text.rpartition(")")[2].split()[:1] in (["T"], ["t"])

    def close(self) -> None:
        """Kill it if it lives, and free all that belongs to it; one that cannot be killed is left
        behind."""
        if self.poll() is None:
            self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_SECONDS)
        self._forget_outbox()
        self.channel.close()
        for descriptor in (self.wake, self._crash, self.exit):
            os.close(descriptor)

    def _forget_outbox(self) -> None:
        for _, descriptor in self._outbox:
            if descriptor is not None:
                os.close(descriptor)
        self._outbox.clear()


def memory_kills() -> int:
    """How many processes of this machine were killed so far for want of memory; 0 if unknown."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _crash_file() -> int:
    """A file in memory that cannot grow, however much a worker writes."""
    descriptor = os.memfd_create("emberwatch-crash", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _CRASH_BYTES)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def _environment() -> dict[str, str]:
    """What a worker gets: nothing secret, and settings that keep it small."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # One heap for dozens of threads; no pools of threads for linear algebra that nobody does.
    environment |= {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    root = str(Path(__file__).resolve().parents[2])
    if root not in site.getsitepackages():
        environment["PYTHONPATH"] = root  # a checkout
    return environment
