"""``/metrics``: rendered once for all who ask meanwhile."""

import asyncio
import gzip
from collections.abc import Callable

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

_Encode = Callable[[CollectorRegistry], bytes]


class SharedScrape:
    """Renders the registry one at a time, once for all who ask meanwhile.

    Many scrapers at once cost as much as two. Nobody gets numbers from before they asked: who asks
    while a rendering runs waits for the next one.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._turn = asyncio.Lock()
        self._next: dict[str, asyncio.Task[bytes]] = {}

    async def render(self, content_type: str, encode: _Encode) -> bytes:
        """The text of all metrics, as ``encode`` writes it."""
        task = self._next.get(content_type)
        if task is None:
            task = asyncio.create_task(self._render(content_type, encode))
            self._next[content_type] = task
        return await asyncio.shield(task)

    async def _render(self, content_type: str, encode: _Encode) -> bytes:
        async with self._turn:
            del self._next[content_type]
            return await run_in_threadpool(encode, self._registry)

    async def answer(self, request: Request) -> Response:
        """The metrics in the form that a request asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = await self.render(content_type, encode)
        headers = {"content-type": content_type, "vary": "accept, accept-encoding"}
        if gzip_accepted(request.headers.get("accept-encoding", "")):
            body = await run_in_threadpool(gzip.compress, body, compresslevel=3)
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers)
