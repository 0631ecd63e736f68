"""The HTTP surface, put together: metrics and health, the API, the pages, and what guards them."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from starlette.exceptions import HTTPException as AnyHttpException
from starlette.routing import BaseRoute

from monitor.web.access import ANYBODY
from monitor.web.body_limit import BodyLimit
from monitor.web.camera_routes import camera_routes
from monitor.web.desk import Desk
from monitor.web.ended_logins import EndedLogins
from monitor.web.event_routes import event_routes
from monitor.web.gate import Gate
from monitor.web.health import readiness, standstill
from monitor.web.host_guard import Asgi, LoopbackHosts
from monitor.web.live import Live
from monitor.web.live_routes import live_routes
from monitor.web.login_routes import login_routes
from monitor.web.middleware import HeadAsGet, SecurityHeaders
from monitor.web.operators import Operators
from monitor.web.page_routes import frame_of, page_routes
from monitor.web.proxies import Proxies
from monitor.web.scrape import SharedScrape
from monitor.web.sessions import Sessions
from monitor.web.settings import WebSettings
from monitor.web.silence_routes import silence_routes
from monitor.web.templating import Templates, asset
from monitor.web.view import StateView

_ASSETS = {"/style.css": "text/css", "/page.js": "text/javascript", "/icon.svg": "image/svg+xml"}
_TITLES = {401: "Log in first", 403: "Not allowed", 404: "Not there", 429: "Too often"}


class WebApp:
    """The ASGI application.

    Args:
        view: the daemon's state.
        desk: events, evidence, silences, pictures.
        registry: what ``/metrics`` shows.
        version: for the description of the API.
        settings: what counts now; asked at each request.
        loopback_only: refuse requests that name another host than loopback and those of the
            settings.
        ended_logins: file of the logins that were ended; None: they are forgotten at a restart.
    """

    def __init__(
        self,
        view: StateView,
        desk: Desk,
        registry: CollectorRegistry,
        *,
        version: str,
        settings: Callable[[], WebSettings],
        loopback_only: bool = False,
        ended_logins: Path | None = None,
    ) -> None:
        self.live = Live(view)
        self.operators = Operators(time.monotonic)
        sessions = Sessions(
            wall=time.time,
            number=lambda: secrets.token_urlsafe(24),
            ended=EndedLogins(ended_logins, wall=time.time),
        )
        templates = Templates()
        api = FastAPI(title="Emberwatch", version=version, docs_url=None, redoc_url=None)
        api.state.operators = self.operators
        _refuse_in_words(api, templates, settings)
        _health(api, view)
        _metrics(api, SharedScrape(registry))
        _assets(api)
        self._parts = (
            camera_routes(view, desk),
            event_routes(desk),
            silence_routes(desk, view, settings),
            live_routes(self.live),
            page_routes(view, desk, templates, settings),
            login_routes(templates, sessions, lambda: self.gate, settings, time.monotonic),
        )
        for routes in self._parts:
            api.include_router(routes)
        self._api = api
        self.gate = Gate(
            BodyLimit(api), settings=settings, sessions=sessions, monotonic=time.monotonic
        )
        guarded: Asgi = Proxies(HeadAsGet(self.gate), settings)
        if loopback_only:
            guarded = LoopbackHosts(guarded, lambda: settings().hosts)
        self._answers = SecurityHeaders(guarded)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._answers(scope, receive, send)

    def routes(self) -> list[BaseRoute]:
        """All that is answered to."""
        return [*self._api.routes, *(route for part in self._parts for route in part.routes)]

    def refused(self) -> Mapping[str, int]:
        """How many requests were refused, by cause."""
        gate = self.gate.refused
        return {"token": gate["token"], "rate": gate["rate"], "role": self.operators.refused}


def _health(api: FastAPI, view: StateView) -> None:
    # Not in the threads that wait for the store: a disk that hangs says nothing of the loop.
    @api.get("/livez", summary="Whether the program runs; 503 where its loop hangs")
    async def livez() -> PlainTextResponse:
        cause = standstill(view.snapshot())
        return PlainTextResponse(f"{cause or 'alive'}\n", status_code=503 if cause else 200)

    @api.get("/readyz", summary="Whether cameras are watched; 503 with the reasons where not")
    async def readyz() -> JSONResponse:
        judged = readiness(view.snapshot())
        body = {"ready": judged.ready, "reasons": list(judged.reasons)}
        return JSONResponse(body, status_code=200 if judged.ready else 503)


def _metrics(api: FastAPI, scrape: SharedScrape) -> None:
    @api.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        return await scrape.answer(request)

    @api.get("/api/v1/openapi.json", include_in_schema=False)
    async def described() -> JSONResponse:
        return JSONResponse(api.openapi())


def _assets(api: FastAPI) -> None:
    """Each is read once; no path of a request names a file."""

    def serve(path: str, media_type: str) -> None:
        text = asset(path.removeprefix("/"))

        async def answer() -> Response:
            return Response(text, media_type=media_type, headers={"cache-control": "no-cache"})

        api.add_api_route(path, answer, include_in_schema=False)

    for path, media_type in _ASSETS.items():
        serve(path, media_type)


def _refuse_in_words(
    api: FastAPI, templates: Templates, settings: Callable[[], WebSettings]
) -> None:
    """Every refusal is one sentence: as JSON, and as a page for who looks at pages."""

    def refusal(
        request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        path = request.url.path
        looks = "text/html" in request.headers.get("accept", "")
        if path.startswith("/api/") or path == "/metrics" or not looks:
            return JSONResponse({"detail": detail}, status_code=status, headers=headers)
        caller = getattr(request.state, "caller", ANYBODY)
        frame = frame_of(request, "", caller, settings())
        title = _TITLES.get(status, "That did not work")
        text = templates.render("problem.html", frame, title=title, detail=detail)
        return HTMLResponse(text, status_code=status, headers=headers)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHttpException)  # noqa: S101 - what it is registered for
        return refusal(request, error.status_code, str(error.detail), error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)  # noqa: S101 - as above
        skipped = 1 if isinstance(error, RequestValidationError) else 0
        return refusal(request, 422, faults(error.errors(), skipped))

    api.add_exception_handler(AnyHttpException, http)  # FastAPI's own is one of them
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(ValidationError, invalid)


def faults(errors: Iterable[Mapping[str, Any]], skipped: int) -> str:
    """What is wrong with each parameter, in one sentence; the first steps of each location, which
    say where the parameters were, are skipped."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'][skipped:])) or 'body'}: {error['msg']}"
        for error in errors
    )
