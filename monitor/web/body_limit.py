"""Refuses requests whose body is larger than any that means something here."""

from monitor.web.answers import answer
from monitor.web.host_guard import Asgi, Message, Receive, Send

MOST_BODY_BYTES = 64 * 1024
"""A form or a JSON document of this interface has some hundred bytes."""


class BodyLimit:
    """Answers 413 to a body that is announced too large; one that turns out so ends as if its
    client had gone. Nothing of it is read ahead.

    Args:
        app: what is behind.
        most: bytes of one body.
    """

    def __init__(self, app: Asgi, most: int = MOST_BODY_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        if lengths and int(lengths[0]) > self._most:  # h11 lets nothing but digits through
            await answer(send, 413, f"a body of more than {self._most} bytes is not read")
            return
        got = 0

        async def bounded() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            return {"type": "http.disconnect"} if got > self._most else message

        await self._app(scope, bounded, send)
