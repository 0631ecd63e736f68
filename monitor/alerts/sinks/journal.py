"""The journal of systemd, in its native protocol: each fact is a field that can be searched for.

``journalctl EMBERWATCH_CAMERA=dock`` shows what a camera told. The protocol is documented at
https://systemd.io/JOURNAL_NATIVE_PROTOCOL/.
"""

import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice
from monitor.errors import Retryable

SOCKET = Path("/run/systemd/journal/socket")

MESSAGE_ID = "0f7c4c2f6a4b4a6d9a55c3c1a8c6e1d4"
"""What all these entries have in common: ``journalctl MESSAGE_ID=…``."""

_PRIORITIES = {"firing": 2, "upgraded": 2, "escalation": 2, "pending": 4, "resolved": 5}
"""As syslog counts: 2 critical, 4 warning, 5 notice."""
_DRILL_PRIORITY = 5


class JournalSink:
    """The journal of this machine."""

    wants_picture = False

    def __init__(self, path: Path = SOCKET, *, timeout_seconds: float = 5.0) -> None:
        """
        Args:
            path: the journal's socket.
            timeout_seconds: longest wait for a journal that is busy.
        """
        self._path = path
        self._timeout = timeout_seconds

    def send(self, notice: Notice) -> None:
        """Write an entry; :class:`monitor.alerts.sinks.sink.Sink` has the errors."""
        entry = b"".join(_encoded(fields(notice)))
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
                journal.settimeout(self._timeout)
                journal.sendto(entry, str(self._path))
        except OSError as error:
            why = error.strerror or error
            raise Retryable(f"{self._path}: no entry can be written ({why})") from error

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:  # noqa: ARG002 - of the protocol
        """Nothing is due beside deliveries."""
        return False

    def close(self) -> None:
        """Nothing is open."""


def fields(notice: Notice) -> dict[str, str]:
    """The entry of an alert."""
    event = notice.event
    score = notice.step.score if notice.step else event.peak_score
    priority = _DRILL_PRIORITY if notice.drill else _PRIORITIES[notice.kind]
    found = {
        "MESSAGE": notice.title,
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(priority),
        "SYSLOG_IDENTIFIER": "emberwatch",
        "EMBERWATCH_KIND": notice.kind,
        "EMBERWATCH_CAMERA": event.camera,
        "EMBERWATCH_ALERT": notice.alert,
        "EMBERWATCH_LABEL": notice.label,
        "EMBERWATCH_EVENT_ID": str(event.id),
        "EMBERWATCH_KEY": notice.key,
        "EMBERWATCH_SCORE": f"{score:.4f}",
        "EMBERWATCH_AT": f"{notice.at:.3f}",
    }
    if event.site:
        found["EMBERWATCH_SITE"] = event.site
    if notice.drill:
        found["EMBERWATCH_DRILL"] = "1"
    return found


def _encoded(entry: Mapping[str, str]) -> Iterator[bytes]:
    for key, value in entry.items():
        data = value.encode("utf-8", "backslashreplace")
        if b"\n" in data:
            yield key.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
        else:
            yield key.encode() + b"=" + data + b"\n"
