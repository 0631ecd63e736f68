"""TLS before the HTTP connections, with bounds on those that are still shaking hands.

asyncio's own TLS server holds a silent client for a minute before any protocol knows of it. Here
each connection begins as a :class:`TlsGate`: of too many the oldest is ended, all have as long as
for the head of a request, and each takes the certificate that counts when it comes.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

from monitor.web.protocol import BoundedProtocol, Limits


class Handshakes:
    """The connections that are not yet through. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: dict[TlsGate, None] = {}

    def begin(self, gate: "TlsGate") -> None:
        """One more; the oldest makes room where there are too many."""
        self._under_way[gate] = None
        if len(self._under_way) > self._most:
            next(iter(self._under_way)).end()

    def over(self, gate: "TlsGate") -> None:
        """It is through, or gone."""
        self._under_way.pop(gate, None)

    def end_all(self) -> None:
        """Cut all of them."""
        for gate in list(self._under_way):
            gate.end()


class TlsGate(asyncio.Protocol):
    """Shakes hands, then lets the HTTP protocol have the connection.

    Args:
        make: gives the HTTP protocol.
        context: certificate and rules.
        limits: what a client may take.
        handshakes: where those under way are known.
    """

    def __init__(
        self,
        make: Callable[[], BoundedProtocol],
        context: ssl.SSLContext,
        limits: Limits,
        handshakes: Handshakes,
    ) -> None:
        self._make = make
        self._context = context
        self._limits = limits
        self._handshakes = handshakes
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's transport is one
        self._transport = transport
        transport.pause_reading()  # nothing may come before TLS listens
        self._handshakes.begin(self)
        self._task = asyncio.get_running_loop().create_task(self._shake(transport))

    def data_received(self, data: bytes) -> None:
        """What comes right behind the handshake, before the HTTP protocol has the connection."""
        self._early += data
        if len(self._early) > self._limits.head_bytes:
            self.end()

    def end(self) -> None:
        """Cut the connection."""
        self._handshakes.over(self)
        if self._transport is not None:
            self._transport.abort()
        if self._task is not None:
            self._task.cancel()

    async def _shake(self, plain: asyncio.Transport) -> None:
        # A client that breaks off, speaks plain HTTP or is too slow is no news.
        with suppress(OSError, ssl.SSLError, asyncio.CancelledError):
            secured = await asyncio.get_running_loop().start_tls(
                plain,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._limits.head_seconds,
                ssl_shutdown_timeout=self._limits.head_seconds,
            )
            self._handshakes.over(self)
            if secured is not None and not secured.is_closing():
                inner = self._make()
                secured.set_protocol(inner)
                inner.connection_made(secured)
                if self._early:
                    inner.data_received(bytes(self._early))
                return
        self.end()
