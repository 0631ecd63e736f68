"""HTTP connections with an end: what a hostile or broken client can hold is bounded.

uvicorn bounds the idle time between requests, not the time in which a request must arrive nor the
time in which an answer must be taken. Here a connection that drips its request, sends none, or does
not read its answer is ended; and where too many are open, a new one displaces the one that has
waited longest for a request, so that a flood of connections can't keep a scrape out.
"""

import asyncio
from dataclasses import dataclass

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take."""

    connections: int = 256
    """Open at once, of all clients together."""
    head_bytes: int = 16 * 1024
    """Longest request line and headers."""
    head_seconds: float = 10.0
    """From the first byte, or the connect, to the end of the headers."""
    answer_seconds: float = 30.0
    """From the end of the headers until the answer is made, and again until it is taken."""
    idle_seconds: int = 75
    """Between two requests; longer than the usual scrape interval."""
    long_answers: tuple[str, ...] = ("/api/v1/live", "/api/v1/evidence/")
    """Begins of paths whose answers may take longer, as long as the client goes on taking them."""


class BoundedProtocol(H11Protocol):
    """uvicorn's own protocol, with the bounds of :class:`Limits`."""

    limits = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._answering = False
        self._waiting_since = 0.0
        self._took = False

    @property
    def waiting(self) -> bool:
        """Whether the connection is open and no request that has come whole is being answered."""
        receiving = self._has_request() and self.cycle.more_body
        return (not self._answering or receiving) and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn: a stream's transport is asyncio.Transport
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        self._set_deadline(self.limits.head_seconds)
        self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:
            self._waiting_since = self.loop.time()
            self._set_deadline(self.limits.head_seconds)
        super().data_received(data)
        if not self._answering and self._has_request():
            self._answering = True
            self._set_deadline(self.limits.answer_seconds)

    def on_response_complete(self) -> None:
        self._answering = False
        self._waiting_since = self.loop.time()
        if self.transport.get_write_buffer_size():
            self._set_deadline(self.limits.answer_seconds)
        else:
            self._clear_deadline()
        super().on_response_complete()
        if self._has_request():  # one that was sent ahead of the answer
            self._answering = True
            self._set_deadline(self.limits.answer_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        self._took = True
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self.end()

    def end(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._clear_deadline()
        self.transport.abort()

    def _has_request(self) -> bool:
        # A cycle exists from the end of a request's head on; uvicorn types it as always there.
        return bool(self.cycle) and not self.cycle.response_complete

    def _set_deadline(self, seconds: float) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(seconds, self._out_of_time)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _out_of_time(self) -> None:
        self._deadline = None
        served = self.cycle is not None and self.cycle.response_complete
        between_requests = served and self.timeout_keep_alive_task is not None
        if between_requests and not self.transport.get_write_buffer_size():
            return  # its answer was taken in time; uvicorn's idle limit holds from here on
        if not served and self._is_long() and (self._took or not self.flow.write_paused):
            self._took = False
            self._set_deadline(self.limits.answer_seconds)
            return
        self.end()

    def _is_long(self) -> bool:
        """Whether an answer is on its way that may take longer, and has begun."""
        if not self._has_request() or not self.cycle.response_started:
            return False
        return self.scope["path"].startswith(self.limits.long_answers)

    def _make_room(self) -> None:
        others = [
            other
            for other in self.connections
            if isinstance(other, BoundedProtocol) and not other.transport.is_closing()
        ]
        if len(others) <= self.limits.connections:
            return
        waiting = [other for other in others if other.waiting and other is not self]
        min(waiting, key=lambda other: other._waiting_since, default=self).end()


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """The protocol with other limits; uvicorn makes its instances itself, from the class."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})
