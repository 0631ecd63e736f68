"""Answers that are given before anything of the interface is asked."""

import json

from monitor.web.host_guard import Send


async def answer(
    send: Send, status: int, detail: str, headers: tuple[tuple[bytes, str], ...] = ()
) -> None:
    """An answer in the form of every other error."""
    body = json.dumps({"detail": detail}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *((name, value.encode("latin-1")) for name, value in headers),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
