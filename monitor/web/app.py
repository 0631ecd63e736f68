"""The HTTP surface: metrics, health, the status page and its JSON. Reading only, by GET or HEAD."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

from monitor.errors import StoreError
from monitor.web.api import StatusJson, status_json
from monitor.web.events_api import EventsJson, EventsQuery, FaultDetail, events_json
from monitor.web.health import readiness, standstill
from monitor.web.host_guard import Asgi, LoopbackHosts, Message, Receive, Send
from monitor.web.page import StatusPage
from monitor.web.view import StateView

SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Go with every answer."""

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


class SecurityHeaders:
    """Adds SECURITY_HEADERS to every answer, errors too."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HeadAsGet:
    """Answers HEAD as GET without the body, as HTTP asks and load balancers do."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


def create_app(
    view: StateView, registry: CollectorRegistry, *, version: str, loopback_only: bool = False
) -> SecurityHeaders:
    """The ASGI application.

    Args:
        view: the daemon's state.
        registry: what ``/metrics`` shows.
        version: for the description of the API.
        loopback_only: refuse requests that name another host than loopback.
    """
    app = FastAPI(
        title="Emberwatch", version=version, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    page = StatusPage()
    scrape = SharedScrape(registry)

    @app.exception_handler(RequestValidationError)
    async def refuse(_request: Request, error: RequestValidationError) -> JSONResponse:
        """What is wrong with each parameter, in the form of every other error."""
        faults = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
        return JSONResponse({"detail": "; ".join(faults)}, status_code=422)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = await scrape.render(content_type, encode)
        headers = {"content-type": content_type, "vary": "accept, accept-encoding"}
        if gzip_accepted(request.headers.get("accept-encoding", "")):
            body = await run_in_threadpool(gzip.compress, body, compresslevel=3)
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers)

    @app.get("/livez", summary="Whether the program runs; 503 where its loop hangs")
    def livez() -> PlainTextResponse:
        cause = standstill(view.snapshot())
        return PlainTextResponse(f"{cause or 'alive'}\n", status_code=503 if cause else 200)

    @app.get("/readyz", summary="Whether cameras are watched; 503 with the reasons where not")
    def readyz() -> JSONResponse:
        judged = readiness(view.snapshot())
        body = {"ready": judged.ready, "reasons": list(judged.reasons)}
        return JSONResponse(body, status_code=200 if judged.ready else 503)

    @app.get("/api/v1/status", summary="Cameras, scores and alerts")
    def status() -> StatusJson:
        return status_json(view.snapshot())

    @app.get(
        "/api/v1/events", summary="What alerts did, newest first, page by page",
        responses={
            422: {"model": FaultDetail, "description": "A parameter is wrong or unknown"},
            503: {"model": FaultDetail, "description": "The event store cannot be read"},
        },
    )  # fmt: skip
    def events(asked: Annotated[EventsQuery, Query()]) -> EventsJson:
        try:
            found = view.events(
                asked.limit + 1,
                camera=asked.camera,
                before_id=asked.before_id,
                open_only=asked.open_only,
            )
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return events_json(found, asked.limit)

    @app.get("/", include_in_schema=False)
    def index(refresh: Annotated[str, Query(max_length=16)] = "") -> HTMLResponse:
        return HTMLResponse(page.render(view.snapshot(), refresh=refresh != "0"))

    @app.get("/style.css", include_in_schema=False)
    async def style() -> Response:
        return Response(page.style, media_type="text/css")

    answers = HeadAsGet(app)
    return SecurityHeaders(LoopbackHosts(answers) if loopback_only else answers)
