"""Logging in with a token, by a form, and out again."""

from collections.abc import Callable
from hmac import compare_digest
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from monitor.logs import Throttle
from monitor.web.access import ANYBODY, known
from monitor.web.gate import Gate, same_origin
from monitor.web.operators import Asking
from monitor.web.page_routes import frame_of, local_path
from monitor.web.rate import retry_after
from monitor.web.sessions import COOKIE, SECURE_COOKIE, Session, Sessions
from monitor.web.settings import WebSettings
from monitor.web.templating import Templates

log = structlog.get_logger(__name__)


def login_routes(
    templates: Templates,
    sessions: Sessions,
    gate: Callable[[], Gate],
    settings: Callable[[], WebSettings],
    monotonic: Callable[[], float],
) -> APIRouter:
    """The routes of logins.

    Args:
        templates: how pages are written.
        sessions: the logins.
        gate: counts wrong tokens.
        settings: what counts now.
        monotonic: gives monotonic time, seconds.
    """
    routes = APIRouter(include_in_schema=False)
    throttle = Throttle()

    def page(request: Request, next: str, error: str = "", status: int = 200) -> HTMLResponse:
        now = settings()
        text = templates.render(
            "login.html",
            frame_of(request, "", ANYBODY, now),
            next=local_path(next),
            error=error,
            tokens=bool(now.tokens),
            lasts=now.session_seconds,
        )
        return HTMLResponse(text, status_code=status)

    @routes.get("/login", response_model=None)
    async def login(request: Request, next: str = "/") -> HTMLResponse | RedirectResponse:
        if request.state.session is not None:
            return RedirectResponse(local_path(next), status_code=303)
        return page(request, next)

    @routes.post("/login", response_model=None)
    async def log_in(
        request: Request,
        token: Annotated[str, Form(max_length=4096)],
        next: Annotated[str, Form()] = "/",
    ) -> HTMLResponse | RedirectResponse:
        # Else a foreign page could log a browser in as somebody else.
        if not same_origin(list(request.scope["headers"])):
            raise HTTPException(403, "a page of another site asked for this; log in here")
        client: str = request.state.client
        now = settings()
        found = known(now.tokens, token.strip())
        if found is None:
            if wait := gate().guessing.take(client):
                answer = page(
                    request, next, "Too many wrong tokens from your address; wait a bit.", 429
                )
                answer.headers["retry-after"] = retry_after(wait)
                return answer
            gate().refused["token"] += 1
            kept_back = throttle.admit("login", monotonic())
            if kept_back is not None:
                log.warning("login_refused", client=client, kept_back=kept_back)
            return page(request, next, "This token is not known here, or is no longer.", 401)
        log.info("login", who=found.name, role=found.role.label, client=client)
        session = sessions.begin(found, now.session_seconds)
        done = RedirectResponse(local_path(next), status_code=303)
        secure = request.url.scheme == "https"
        done.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            session.cookie,
            max_age=int(now.session_seconds),
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return done

    @routes.post("/logout")
    async def log_out(
        request: Request, caller: Asking, csrf: Annotated[str, Form(max_length=128)] = ""
    ) -> RedirectResponse:
        if not same_origin(list(request.scope["headers"])):
            raise HTTPException(403, "a page of another site asked for this; log out here")
        session: Session | None = request.state.session
        if session is not None:
            if not compare_digest(csrf.encode(), caller.csrf.encode()):
                raise HTTPException(403, "the form is not of this login; load the page again")
            sessions.end(session)
            await run_in_threadpool(sessions.keep)
        answer = RedirectResponse("/", status_code=303)
        for name, secure in ((COOKIE, False), (SECURE_COOKIE, True)):
            answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
        return answer

    return routes
