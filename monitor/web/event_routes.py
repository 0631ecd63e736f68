"""Events below ``/api/v1``: searched, read, acknowledged and judged; and the files of evidence."""

import os
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from monitor.alerts.events import Event, Verdict
from monitor.web.access import Caller
from monitor.web.desk import Desk
from monitor.web.events_api import (
    LARGEST_ID,
    EventJson,
    EventsJson,
    EventsQuery,
    FullEventJson,
    event_json,
    events_json,
    full_event_json,
)
from monitor.web.operators import Operating
from monitor.web.refusals import JUDGED, OPERATED, READING, STORED, UNKNOWN, stored

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]

EVIDENCE_PATH = "/api/v1/evidence/"


def event_routes(desk: Desk) -> APIRouter:
    """The routes of events and their evidence."""
    routes = APIRouter(prefix="/api/v1", tags=["events"])

    @routes.get("/events", summary="What alerts did, newest first, page by page", responses=STORED)
    def events(asked: Annotated[EventsQuery, Query()]) -> EventsJson:
        found = stored(
            lambda: desk.search(asked.where, limit=asked.limit + 1, before_id=asked.before_id)
        )
        return events_json(found, asked.limit)

    @routes.get("/events/{id}", summary="One event with its evidence", responses=STORED | UNKNOWN)
    def event(id: Id) -> FullEventJson:
        found = stored(lambda: desk.event(id))
        if found is None:
            raise _no_event(id)
        return full_event_json(*found)

    @routes.post(
        "/events/{id}/acknowledge", summary="Say that you have seen it; the first one counts",
        responses=OPERATED | UNKNOWN,
    )  # fmt: skip
    def acknowledge(id: Id, caller: Operating) -> EventJson:
        return _changed(id, stored(lambda: desk.acknowledge(id, caller.name)))

    @routes.post(
        "/events/{id}/confirm", summary="Say that it was what its label says", responses=JUDGED
    )  # fmt: skip
    def confirm(id: Id, caller: Operating) -> EventJson:
        return judged(id, "confirmed", caller)

    @routes.post(
        "/events/{id}/false-alarm", summary="Say that it was a false alarm", responses=JUDGED
    )  # fmt: skip
    def false_alarm(id: Id, caller: Operating) -> EventJson:
        return judged(id, "false", caller)

    @routes.delete(
        "/events/{id}/verdict", summary="Take back what was said of it",
        responses=OPERATED | UNKNOWN,
    )  # fmt: skip
    def take_back(id: Id, caller: Operating) -> EventJson:
        return judged(id, None, caller)

    def judged(number: int, verdict: Verdict | None, caller: Caller) -> EventJson:
        return _changed(number, stored(lambda: desk.judge(number, verdict, caller.name)))

    @routes.get(
        "/evidence/{id}", summary="A picture or film of an event", response_class=FileResponse,
        responses={
            **READING, **UNKNOWN,
            200: {"description": "The file", "content": {"image/jpeg": {}, "video/mp4": {}}},
            206: {"description": "The part that `Range` asked for"},
            416: {"description": "`Range` asked for what the file does not have"},
        },
    )  # fmt: skip
    def evidence(id: Id) -> FileResponse:
        found = stored(lambda: desk.picture(id))
        if found is None:
            raise HTTPException(404, f"there is no file of evidence {id}, or it is gone by now")
        # By its descriptor: what was opened is what is sent, also where it is deleted meanwhile.
        descriptor = found.file.fileno()
        return FileResponse(
            f"/proc/self/fd/{descriptor}",
            media_type=found.media_type,
            stat_result=os.fstat(descriptor),
            headers={"cache-control": "private, max-age=3600"},
            background=BackgroundTask(found.file.close),
        )

    return routes


def _no_event(number: int) -> HTTPException:
    return HTTPException(404, f"there is no event {number}")


def _changed(number: int, event: Event | None) -> EventJson:
    if event is None:
        raise _no_event(number)
    return event_json(event)
