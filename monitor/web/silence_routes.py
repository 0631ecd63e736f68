"""Silences below ``/api/v1``: listed, set and ended."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from monitor.alerts.silences import Silence
from monitor.web.access import Caller
from monitor.web.desk import Desk
from monitor.web.events_api import LARGEST_ID
from monitor.web.operators import Operating
from monitor.web.refusals import OPERATED, STORED, UNKNOWN, stored
from monitor.web.settings import WebSettings
from monitor.web.view import StateView

LONGEST_COMMENT = 500


class NewSilence(BaseModel):
    """What is to be silenced, and why."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    camera: str = Field(max_length=63, description="Its name.")
    label: str | None = Field(
        None, max_length=64, description="Alerts for this label alone; left out: all alerts."
    )
    seconds: float = Field(gt=0, le=1e9, description="For how long, from now on.")
    comment: str = Field(
        min_length=1, max_length=LONGEST_COMMENT, description="Why; other people read it."
    )


class SilenceJson(BaseModel):
    """A silence that has not ended."""

    id: int
    camera: str
    label: str | None = Field(description="alerts for this label alone; null: all alerts")
    created_at: float = Field(description="Unix time")
    ends_at: float = Field(description="Unix time")
    created_by: str
    comment: str


class SilencesJson(BaseModel):
    """All silences that have not ended."""

    silences: list[SilenceJson] = Field(description="the one that ends first at the front")


def silence_routes(desk: Desk, view: StateView, settings: Callable[[], WebSettings]) -> APIRouter:
    """The routes of silences."""
    routes = APIRouter(prefix="/api/v1", tags=["silences"])

    @routes.get("/silences", summary="Silences that have not ended", responses=STORED)
    def silences() -> SilencesJson:
        return SilencesJson(silences=[_json(silence) for silence in stored(desk.silences)])

    @routes.post(
        "/silences", status_code=201, summary="Keep a camera's alerts from waking anybody",
        responses=OPERATED,
    )  # fmt: skip
    def add(wanted: NewSilence, caller: Operating) -> SilenceJson:
        return _json(set_silence(desk, view, settings(), wanted, caller))

    @routes.delete("/silences/{id}", summary="End a silence now", responses=OPERATED | UNKNOWN)
    def end(id: Annotated[int, Path(ge=1, le=LARGEST_ID)], caller: Operating) -> SilenceJson:
        found = stored(lambda: desk.end_silence(id, caller.name))
        if found is None:
            raise HTTPException(404, f"no silence {id} is in force")
        return _json(found)

    return routes


def set_silence(
    desk: Desk, view: StateView, settings: WebSettings, wanted: NewSilence, caller: Caller
) -> Silence:
    """Silence a camera, where that can be.

    Raises:
        HTTPException: 422 for a camera or label that is not there, a time that is too long or a
            comment without a word; 503 where the store cannot be written.
    """
    camera = next((c for c in view.snapshot().cameras if c.name == wanted.camera), None)
    if camera is None:
        raise HTTPException(422, f"camera: there is no camera '{wanted.camera}' that is watched")
    labels = sorted({alert.label for alert in camera.alerts})
    if wanted.label is not None and wanted.label not in labels:
        known = ", ".join(labels) or "none"
        raise HTTPException(422, f"label: its rules have no '{wanted.label}'; known are {known}")
    longest = settings.longest_silence_seconds
    if wanted.seconds > longest:
        raise HTTPException(
            422, f"seconds: at most {longest:g}, the longest that silence.max_duration allows"
        )
    comment = " ".join(wanted.comment.split())
    if not comment or not comment.isprintable():
        raise HTTPException(422, "comment: say why, in plain words")
    return stored(
        lambda: desk.silence(
            wanted.camera,
            wanted.label,
            seconds=wanted.seconds,
            by=caller.name,
            comment=comment,
        )
    )


def _json(silence: Silence) -> SilenceJson:
    return SilenceJson(
        id=silence.id,
        camera=silence.camera,
        label=silence.label,
        created_at=silence.created_at,
        ends_at=silence.ends_at,
        created_by=silence.created_by,
        comment=silence.comment,
    )
