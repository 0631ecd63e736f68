"""Ends a daemon that was started as a process in a session of its own."""

import os
import signal
import subprocess
from contextlib import suppress

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
