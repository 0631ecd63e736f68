"""Ends a daemon that was started as a process in a session of its own, in time."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STOP_SECONDS = 10.0
"""How long it may take to end before it is killed."""


def stop(process: "subprocess.Popen[bytes] | None") -> None:
    """Ask it to end; kill it with its workers, which are in the same session, if it takes too
    long. Nothing where there is none, or it has ended."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def ended_by(number: signal.Signals) -> Iterator[None]:
    """Let a signal end this program as Ctrl-C does, so that its daemons never outlive it."""

    def stop(received: int, _frame: FrameType | None) -> None:
        sys.exit(128 + received)

    before = signal.signal(number, stop)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def held_back(number: signal.Signals) -> Iterator[None]:
    """Keep a signal until the block is over: in the middle of starting a daemon, it would end this
    program before the daemon has a name to be stopped by. For the main thread; others do nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(number, lambda received, _frame: came.append(received))
    try:
        yield
    finally:
        signal.signal(number, before)
        if came:
            signal.raise_signal(number)
