"""The pages for people, and what their buttons do."""

from collections.abc import Callable
from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from monitor.alerts.event_search import EventFilter
from monitor.alerts.events import Event
from monitor.config_values import parse_duration
from monitor.errors import StoreError
from monitor.web.access import Caller
from monitor.web.desk import Desk
from monitor.web.event_pages import PAGE, event_list, event_page
from monitor.web.events_api import LARGEST_ID, EventsQuery
from monitor.web.operators import Asking, Operating
from monitor.web.page import wall
from monitor.web.refusals import stored
from monitor.web.settings import WebSettings
from monitor.web.silence_routes import LONGEST_COMMENT, NewSilence, set_silence
from monitor.web.templating import Frame, Templates
from monitor.web.view import StateView

MOST_OPEN = 500
"""Open events that the wall shows; a camera has one for each incident."""

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Text = Annotated[str, Form(max_length=1024)]


def operator_with_form(
    caller: Operating, csrf: Annotated[str, Form(max_length=128)] = ""
) -> Caller:
    """Who operates by a form of ours: it carries what only our page knows.

    Raises:
        HTTPException: 403 where it does not.
    """
    if not caller.csrf or not compare_digest(csrf.encode(), caller.csrf.encode()):
        raise HTTPException(403, "the form is not of this login; load the page again")
    return caller


FormOperator = Annotated[Caller, Depends(operator_with_form)]


_LONGEST_PATH = 1024
"""Characters; no page's own is nearly as long."""


def local_path(path: str) -> str:
    """A path on this server to go on to; the wall, for whatever could lead elsewhere.

    >>> [local_path(path) for path in ("/events?state=firing", "//evil.example", "https://e.com")]
    ['/events?state=firing', '/', '/']
    """
    plain = (
        path.isascii() and path.isprintable() and "\\" not in path and len(path) <= _LONGEST_PATH
    )
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def frame_of(request: Request, here: str, caller: Caller, settings: WebSettings) -> Frame:
    """What stands around a page."""
    query = f"?{request.url.query}" if request.url.query else ""
    path = request.url.path + query if request.method == "GET" else here or "/"
    return Frame(here, caller, bool(settings.tokens), path)


def page_routes(
    view: StateView, desk: Desk, templates: Templates, settings: Callable[[], WebSettings]
) -> APIRouter:
    """The pages, but for the login."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    def names() -> tuple[list[str], list[str]]:
        """Cameras and labels to choose from."""
        cameras = view.snapshot().cameras
        labels = {alert.label for camera in cameras for alert in camera.alerts}
        return [camera.name for camera in cameras], sorted(labels)

    @routes.get("/")
    def index(
        request: Request, caller: Asking, refresh: Annotated[str, Query(max_length=16)] = ""
    ) -> HTMLResponse:
        events: list[Event] = []
        fault = ""
        try:
            events = desk.search(EventFilter(open_only=True), limit=MOST_OPEN, steps=False)
        except StoreError as error:
            fault = str(error)  # cameras are shown all the same
        frame = frame_of(request, "/", caller, settings())
        text = wall(
            templates, frame, view.snapshot(), events=events, refresh=refresh != "0", fault=fault
        )
        return HTMLResponse(text)

    @routes.get("/events")
    def events(request: Request, caller: Asking) -> HTMLResponse:
        # A form sends what is not chosen as well, as an empty text.
        given = {key: value for key, value in request.query_params.items() if value}
        asked = EventsQuery.model_validate({"limit": PAGE, **given})
        found = stored(
            lambda: desk.search(
                asked.where, limit=asked.limit + 1, before_id=asked.before_id, steps=False
            )
        )
        cameras, labels = names()
        text = event_list(
            templates, frame_of(request, "/events", caller, settings()), found,
            asked=asked, cameras=cameras, labels=labels, now=view.snapshot().at,
        )  # fmt: skip
        return HTMLResponse(text)

    @routes.get("/events/{id}")
    def event(request: Request, id: Id, caller: Asking) -> HTMLResponse:
        found = stored(lambda: desk.event(id))
        if found is None:
            raise HTTPException(404, f"there is no event {id}")
        frame = frame_of(request, "/events", caller, settings())
        return HTMLResponse(event_page(templates, frame, *found, now=view.snapshot().at))

    @routes.post("/events/{id}/feedback")
    def feedback(
        id: Id, caller: FormOperator, say: Annotated[str, Form(max_length=32)], next: Text = ""
    ) -> RedirectResponse:
        ways: dict[str, Callable[[], Event | None]] = {
            "acknowledge": lambda: desk.acknowledge(id, caller.name),
            "confirm": lambda: desk.judge(id, "confirmed", caller.name),
            "false-alarm": lambda: desk.judge(id, "false", caller.name),
            "take-back": lambda: desk.judge(id, None, caller.name),
        }
        if say not in ways:
            raise HTTPException(422, f"say: one of {', '.join(ways)}")
        if stored(ways[say]) is None:
            raise HTTPException(404, f"there is no event {id}")
        return RedirectResponse(local_path(next or f"/events/{id}"), status_code=303)

    def silences_page(
        request: Request, caller: Caller, wanted: dict[str, str], error: str = ""
    ) -> HTMLResponse:
        cameras, labels = names()
        text = templates.render(
            "silences.html",
            frame_of(request, "/silences", caller, settings()),
            silences=stored(desk.silences),
            now=view.snapshot().at,
            cameras=cameras,
            labels=labels,
            operates=caller.operates and bool(caller.csrf),
            longest_comment=LONGEST_COMMENT,
            wanted={"camera": "", "label": "", "lasts": "", "comment": ""} | wanted,
            error=error,
        )
        return HTMLResponse(text, status_code=422 if error else 200)

    @routes.get("/silences")
    def silences(
        request: Request, caller: Asking, camera: Annotated[str, Query(max_length=63)] = ""
    ) -> HTMLResponse:
        return silences_page(request, caller, {"camera": camera})

    @routes.post("/silences", response_model=None)
    def add(
        request: Request, caller: FormOperator, camera: Text, lasts: Text, comment: Text,
        label: Text = "",
    ) -> HTMLResponse | RedirectResponse:  # fmt: skip
        try:
            seconds = parse_duration(lasts)
            wanted = NewSilence(
                camera=camera, label=label or None, seconds=float(str(seconds)), comment=comment
            )
            set_silence(desk, view, settings(), wanted, caller)
        except (ValueError, HTTPException) as error:
            if isinstance(error, HTTPException) and error.status_code != 422:
                raise
            detail = error.detail if isinstance(error, HTTPException) else _in_words(error)
            typed = {"camera": camera, "label": label, "lasts": lasts, "comment": comment}
            return silences_page(request, caller, typed, detail)
        return RedirectResponse("/silences", status_code=303)

    @routes.post("/silences/{id}/end")
    def end(id: Id, caller: FormOperator) -> RedirectResponse:
        stored(lambda: desk.end_silence(id, caller.name))  # one that has just ended is ended
        return RedirectResponse("/silences", status_code=303)

    @routes.get("/settings")
    def shown(request: Request, caller: Asking) -> HTMLResponse:
        now = settings()
        frame = frame_of(request, "/settings", caller, now)
        return HTMLResponse(templates.render("settings.html", frame, sections=now.shown))

    return routes


def _in_words(error: ValueError) -> str:
    """What is wrong with a form, one sentence."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{fault['loc'][0]}: {fault['msg']}"
    return str(error)
