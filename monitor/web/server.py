"""Serves the web application from a thread of the daemon."""

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import uvicorn
from prometheus_client import CollectorRegistry
from uvicorn.server import ServerState

from monitor.config import parse_listen
from monitor.errors import AddressError, ConfigError
from monitor.web.app import WebApp
from monitor.web.desk import Desk
from monitor.web.host_guard import is_loopback
from monitor.web.protocol import BoundedProtocol, Limits, bounded
from monitor.web.settings import WebSettings
from monitor.web.tls import Handshakes, TlsGate
from monitor.web.view import StateView

_DRAIN_SECONDS = 0.4
"""Time that answers under way are given at a stop, before their connections are cut."""

_JOIN_SECONDS = 5.0

_PASSING = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
"""What another program, or an address that comes late, can mend."""

_BACKLOG = 512
"""Connections that the kernel holds until they are accepted."""


class WebServer:
    """HTTP on one address. The socket is bound at construction: a port in use is a fault of the
    configuration, found before anything else is started.

    Args:
        listen: ``host:port``; ``[::1]:9108`` for IPv6, ``:9108`` for all IPv4 addresses,
            ``[::]:9108`` for all of both, port 0 for any.
        view: the daemon's state.
        desk: events, evidence, silences, pictures.
        registry: what ``/metrics`` shows.
        version: of this program.
        settings: who may do what, and TLS.
        limits: what clients may take.
        ended_logins: as for :class:`WebApp`.

    Raises:
        ConfigError: the address cannot be listened on; AddressError: not now.
    """

    def __init__(
        self,
        listen: str,
        view: StateView,
        desk: Desk,
        registry: CollectorRegistry,
        *,
        version: str,
        settings: WebSettings | None = None,
        limits: Limits | None = None,
        ended_logins: Path | None = None,
    ) -> None:
        limits = limits or Limits()
        self._settings = settings or WebSettings()
        self._socket = bind(listen)
        self._socket_name: tuple[str, int] = self._socket.getsockname()[:2]
        loopback_only = is_loopback(self._socket_name[0])
        self.app = WebApp(
            view,
            desk,
            registry,
            version=version,
            settings=lambda: self._settings,
            loopback_only=loopback_only,
            ended_logins=ended_logins,
        )
        self._handshakes = Handshakes(limits.connections)
        self._limits = limits
        self._plain = bounded(limits)
        config = uvicorn.Config(
            self.app,
            # uvicorn makes the protocols by calling what it takes for a class.
            http=cast(type[BoundedProtocol], self._protocol),
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",  # clients that send nonsense are no news
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=limits.head_bytes,
            backlog=_BACKLOG,
        )
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens; with the real port where 0 was asked for."""
        host, port = self._socket_name
        scheme = "http" if self._settings.tls is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def alive(self) -> bool:
        """Whether it serves: False before the start, after the stop, and where it broke."""
        return self._thread.is_alive()

    @property
    def open_connections(self) -> int:
        """Connections that clients hold now."""
        return len(self._server.server_state.connections)

    def apply(self, settings: WebSettings) -> None:
        """Go by other settings from the next request on; the certificate counts for connections
        that are made from now on."""
        self._settings = settings

    def start(self) -> None:
        """Begin to answer. Connections made since the construction are answered as well."""
        self._thread.start()

    def stop(self) -> None:
        """Stop within a second; connections that are still open are cut. Safe to call twice."""
        self._server.should_exit = True
        self._in_loop(self.app.live.close)
        if not self._thread.is_alive():
            self._socket.close()
            return
        self._thread.join(_DRAIN_SECONDS)
        self._in_loop(self._cut)
        self._thread.join(_JOIN_SECONDS)
        self._socket.close()

    def _in_loop(self, work: Callable[[], None]) -> None:
        """Have something done by the thread that serves, if it does."""
        loop = self._loop
        if self._thread.is_alive() and loop is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(work)

    def _protocol(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """What has a new connection first."""

        def make() -> BoundedProtocol:
            return self._plain(config, server_state, app_state, _loop)

        context = self._settings.tls
        if context is None:
            return make()
        return TlsGate(make, context, self._limits, self._handshakes)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])

    def _cut(self) -> None:
        self._handshakes.end_all()
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, BoundedProtocol):
                connection.end()


def bind(listen: str) -> socket.socket:
    """A socket that listens at ``host:port``.

    Raises:
        AddressError: it is taken, not there, or its name does not resolve.
        ConfigError: it can never be listened on. The messages say why and what to do.
    """
    try:
        host, port = parse_listen(listen)
    except ValueError as error:
        raise ConfigError(f"listen: {error}") from error
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise AddressError(
            f"listen: the host in {listen!r} cannot be resolved ({error}); "
            "write an address of this machine, such as 127.0.0.1"
        ) from error
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            return _listening(family, kind, protocol, address, both=host == "::")
        except OSError as error:
            failure = failure or error
    fault = AddressError if failure and failure.errno in _PASSING else ConfigError
    raise fault(_why_not(listen, host, port, failure)) from failure


def _listening(
    family: int, kind: int, protocol: int, address: tuple[object, ...], *, both: bool
) -> socket.socket:
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not both))
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _why_not(listen: str, host: str, port: int, error: OSError | None) -> str:
    """The sentence for an address that cannot be listened on."""
    code = error.errno if error else None
    if code == errno.EADDRINUSE:
        return (
            f"listen: {listen} is in use by another program; stop that one (ss -ltnp "
            f"'sport = :{port}' shows it), or choose another port"
        )
    if code == errno.EADDRNOTAVAIL:
        return (
            f"listen: this machine has no address {host}; write one that it has, 127.0.0.1 for "
            f"itself alone or :{port} for all of them"
        )
    if code == errno.EACCES:
        return f"listen: port {port} is for privileged programs; choose one from 1024 up"
    return f"listen: {listen} cannot be listened on ({error}); choose another address"
