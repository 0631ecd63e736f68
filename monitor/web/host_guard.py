"""Keeps foreign web pages off a daemon that listens for its own machine alone.

A page on the internet can let its own name resolve to 127.0.0.1 (DNS rebinding), and the browser of
somebody on this machine then reads the daemon's answers for it. Such a request carries the page's
name in its ``Host``; those of people, probes and Prometheus carry ``localhost`` or the address.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:\[\]]*))(?::[0-9]{1,5})?")

_REFUSAL = (
    b"this daemon listens for its own machine alone: ask for localhost or 127.0.0.1, give the name "
    b"under web.hosts, or listen on another address\n"
)


def is_loopback(address: str) -> bool:
    """Whether a numeric address is of this machine alone."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def names_loopback(host: str) -> bool:
    """Whether a ``Host`` header, with a port or without, names this machine as loopback does.

    >>> [names_loopback(host) for host in ("localhost:9108", "127.0.0.1", "[::1]:80", "evil.com")]
    [True, True, True, False]
    """
    parts = _HOST.fullmatch(host.strip().lower())
    if parts is None:
        return False
    bracketed, plain = parts.groups()
    if bracketed is not None:
        return is_loopback(bracketed)
    return plain in ("", "localhost", "localhost.") or is_loopback(plain)


def host_name(host: str) -> str:
    """The name in a ``Host`` header, lower case, without the port; empty where it is no name."""
    parts = _HOST.fullmatch(host.strip().lower())
    return parts.group(2) or "" if parts is not None else ""


class LoopbackHosts:
    """Refuses requests whose ``Host`` names another machine, by 421. One without is let through:
    no browser leaves it out."""

    def __init__(self, app: Asgi, names: Callable[[], Collection[str]]) -> None:
        """
        Args:
            app: what is behind.
            names: gives other names that are answered to, lower case, without ports.
        """
        self._app = app
        self._names = names

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope.get("headers", ())
                 if name == b"host"]  # fmt: skip
        names = self._names()
        if all(names_loopback(host) or host_name(host) in names for host in hosts):
            await self._app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(_REFUSAL)).encode()),
        ]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": _REFUSAL})
