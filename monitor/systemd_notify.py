"""Tells systemd how the daemon is: ready, reloading, alive, stopping (``sd_notify``).

Outside of systemd, where ``NOTIFY_SOCKET`` is not set, nothing is sent and nothing fails.
"""

import os
import socket
from collections.abc import Mapping

_NOTIFY_SOCKET = "NOTIFY_SOCKET"
_MICROSECONDS = 1_000_000


class Notifier:
    """Sends states to the service manager; every method says whether it was told.

    A message that cannot be sent is dropped: systemd draws its own conclusion from a watchdog that
    is not fed, and a daemon that watches cameras must not fail for it.

    Args:
        environ: where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are looked up.
        pid: this process, to know whether the watchdog is meant for it.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = _socket_address(environ.get(_NOTIFY_SOCKET, ""))
        self.watchdog_interval_seconds = watchdog_interval(environ, pid)
        """Time within which the watchdog must be fed; None where it is not asked for."""

    @property
    def enabled(self) -> bool:
        """Whether a service manager listens."""
        return self._address is not None

    def ready(self, status: str = "") -> bool:
        """Start, or reload, has finished."""
        return self.notify("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """One line for ``systemctl status``."""
        return self.notify(*_status(text))

    def reloading(self, monotonic_seconds: float) -> bool:
        """A reload begins; ``ready`` ends it.

        Args:
            monotonic_seconds: CLOCK_MONOTONIC now. Without it ``systemctl reload`` of a unit of
                type notify-reload waits until its timeout.
        """
        usec = int(monotonic_seconds * _MICROSECONDS)
        return self.notify("RELOADING=1", f"MONOTONIC_USEC={usec}")

    def stopping(self, status: str = "") -> bool:
        """The stop begins."""
        return self.notify("STOPPING=1", *_status(status))

    def watchdog(self) -> bool:
        """Proof of life. Call it only where work was seen to go on, never from a bare timer."""
        return self.notify("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> bool:
        """Ask for more time to start, stop or reload, counted from now."""
        return self.notify(f"EXTEND_TIMEOUT_USEC={int(seconds * _MICROSECONDS)}")

    def notify(self, *assignments: str) -> bool:
        """Send assignments such as ``READY=1`` as one message."""
        if self._address is None or not assignments:
            return False
        message = "\n".join(assignments).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.connect(self._address)
                return sender.send(message) == len(message)
        except OSError:  # a manager that is away or busy: see the class
            return False


def watchdog_interval(environ: Mapping[str, str], pid: int | None = None) -> float | None:
    """Seconds within which systemd wants a sign of life from this process.

    None where no watchdog is set, where it is meant for another process, or where the variable
    holds no positive number. Feed it twice as often.
    """
    wanted_pid = environ.get("WATCHDOG_PID")
    if wanted_pid and wanted_pid != str(os.getpid() if pid is None else pid):
        return None
    text = environ.get("WATCHDOG_USEC", "")
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        return None
    return int(text) / _MICROSECONDS


def _socket_address(text: str) -> str | None:
    """Address of the socket: a path, or an abstract name that is written with ``@``."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _status(text: str) -> tuple[str, ...]:
    """A status is one line: what would begin another assignment becomes a space."""
    return (f"STATUS={' '.join(text.split())}",) if text else ()
