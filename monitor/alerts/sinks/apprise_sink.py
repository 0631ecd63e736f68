"""Mail, Slack, Telegram, ntfy and a hundred more, through Apprise.

Apprise says whether a message was taken, and why not in its log alone; it tells no passing fault
from a lasting one. So everything but an address that it does not know is tried again.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import apprise

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice
from monitor.errors import Permanent, Retryable
from monitor.redact import Redactor

_SHORTEST_HIDDEN = 6
"""Parts of an address that are shorter are no token."""
_SHOWN = 200
_MOST_PLAIN = 1000


class AppriseSink:
    """One address of Apprise."""

    def __init__(self, url: str, *, attach_picture: bool, timeout_seconds: float) -> None:
        """
        Args:
            url: as Apprise writes it.
            attach_picture: whether the picture goes with the message.
            timeout_seconds: longest wait to connect, and for an answer, each.

        Raises:
            Permanent: Apprise does not know such an address.
        """
        self._log = logging.getLogger("apprise")
        self._log.propagate = False  # what it tells is told by whoever called
        self._redactor = Redactor(_tokens(url))
        asset = apprise.AppriseAsset(
            app_id="Emberwatch",
            app_desc="Emberwatch",
            secure_logging=True,
            async_mode=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )
        self._apprise = apprise.Apprise(asset=asset)
        timeout = f"{timeout_seconds:g}"
        joint = "&" if "?" in url else "?"
        scheme = url.split(":", 1)[0]
        if not self._apprise.add(f"{url}{joint}cto={timeout}&rto={timeout}"):
            raise Permanent(
                f"Apprise knows no such address, which begins with '{scheme[:20]}:'; "
                "write it as its documentation shows"
            )
        for service in self._apprise:
            # Apprise waits for up to 5.5 s between two messages. An alert must not; a service that
            # is asked too often says so, and is tried again.
            service.request_rate_per_sec = 0
        self.wants_picture = attach_picture
        self._plain: set[str] = set()
        """Messages that failed with their picture, which may be why: they go without it next."""

    def send(self, notice: Notice) -> None:
        """Send a message; :class:`monitor.alerts.sinks.sink.Sink` has the errors."""
        picture = notice.picture if self.wants_picture and notice.key not in self._plain else None
        if picture is not None and not picture.is_file():
            picture = None  # retention was faster
        capture: Any = apprise.LogCapture  # it has no types
        with capture(level=logging.WARNING, fmt="%(message)s") as told:
            taken = self._apprise.notify(
                title=notice.title,
                body=notice.body,
                notify_type=_type(notice),
                body_format=apprise.NotifyFormat.TEXT,
                attach=None if picture is None else [str(picture)],
            )
            why = "" if taken else " ".join(told.getvalue().split())
        if not taken:
            if picture is not None:
                self._plain = {notice.key, *list(self._plain)[:_MOST_PLAIN]}
            said = self._redactor.text(why)[:_SHOWN] or "it gave no reason"
            raise Retryable(f"Apprise could not send it: {said}")

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:  # noqa: ARG002 - of the protocol
        """Nothing is due beside deliveries."""
        return False

    def close(self) -> None:
        """Nothing is open."""
        self._apprise.clear()


def _type(notice: Notice) -> apprise.NotifyType:
    if notice.drill:
        return apprise.NotifyType.INFO
    if notice.kind == "resolved":
        return apprise.NotifyType.SUCCESS
    if notice.kind == "pending":
        return apprise.NotifyType.WARNING
    return apprise.NotifyType.FAILURE


def _tokens(url: str) -> set[str]:
    """The parts of an address that may be secret."""
    found = {url}
    try:
        parts = urlsplit(url)
    except ValueError:
        return found
    userinfo, _, host = parts.netloc.rpartition("@")
    found |= set(userinfo.split(":")) | set(parts.path.split("/"))
    found |= {value for _, value in parse_qsl(parts.query)}
    if "." not in host and host.split(":")[0] != "localhost":
        found.add(host)  # where there is no host, the first token stands in its place
    found |= {unquote(part) for part in found}
    return {part for part in found if len(part) >= _SHORTEST_HIDDEN}
