"""The JSON of ``/api/v1/events``: for programs, stable within ``v1``."""

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from monitor.alerts.events import Event
from monitor.inference.scored import Box

MOST_EVENTS = 500
"""Of one answer; a page of so many is read and written in some 50 ms."""

_LARGEST_ID = 2**63 - 1


class EventsQuery(BaseModel):
    """What is asked for. An unknown parameter is refused: one that is misspelt would be ignored,
    and the answer taken for what it is not."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=MOST_EVENTS, description="At most so many.")
    camera: str | None = Field(None, max_length=63, description="Of this camera alone.")
    before_id: int | None = Field(
        None, ge=1, le=_LARGEST_ID, description="`next_before_id` of the page before."
    )
    open_only: bool = Field(False, description="Those that have not ended.")


class FaultDetail(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="one sentence: the parameter or the file, and what is wrong")


class BoxJson(BaseModel):
    """A part of the frame, in coordinates from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


class StepJson(BaseModel):
    """One change of state of one alert within an event."""

    alert: str
    label: str
    event: str = Field(description="pending, firing, resolved or inactive")
    at: float = Field(description="Unix time of the frame that brought it")
    score: float = Field(description="what stood against the threshold then, 0 to 1")
    threshold: float
    region: str = Field(description="the part of the picture that decided")
    raw_score: float = Field(description="its newest evidence as the model gave it, 0 to 1")
    baseline: float = Field(description="what it usually shows, 0 to 1; 0: not known")
    frames: int = Field(description="frames since the state before began")
    seconds: float = Field(description="time since the state before began")
    evidence: list[tuple[float, float]] = Field(
        description="the last samples up to this one, oldest first: seconds since it (0 or less), "
        "and what stood against the threshold then"
    )
    box: BoxJson | None = Field(
        description="where in the frame it was seen; null: it ended, or the model does not tell"
    )
    silenced: bool = Field(description="whether the alert was silenced then")


class EventJson(BaseModel):
    """One incident of one camera, from the first pending alert to the end of the last."""

    id: int
    camera: str
    incident: str = Field(description="hazard for alerts that share their evidence, else the alert")
    alert: str = Field(description="the alert that fired last, or was pending last if none did")
    label: str
    state: str = Field(description="pending, firing, resolved, or inactive: ended without firing")
    began_at: float = Field(description="Unix time")
    fired_at: float | None = Field(description="Unix time; null: it did not fire")
    ended_at: float | None = Field(description="Unix time; null: it has not ended")
    peak_score: float = Field(description="highest score of its steps, 0 to 1")
    box: BoxJson | None = Field(description="where its alert was seen last; null: not known")
    steps: list[StepJson] = Field(description="oldest first")
    site: str | None = Field(description="the place that the camera sees")
    incident_id: int = Field(
        description="the id of the event that began the incident; events of one site that overlap "
        "share it"
    )


class EventsJson(BaseModel):
    """One page of events."""

    events: list[EventJson] = Field(description="newest first")
    next_before_id: int | None = Field(
        description="before_id of the page of older events; null: there are none"
    )


def events_json(found: Sequence[Event], limit: int) -> EventsJson:
    """The answer for events of which one more than ``limit`` was looked for."""
    page = found[:limit]
    return EventsJson(
        events=[_event(event) for event in page],
        next_before_id=page[-1].id if page and len(found) > limit else None,
    )


def _box(box: Box | None) -> BoxJson | None:
    return None if box is None else BoxJson(**asdict(box))


def _event(event: Event) -> EventJson:
    return EventJson(
        id=event.id,
        camera=event.camera,
        incident=event.incident,
        alert=event.alert,
        label=event.label,
        state=event.state,
        began_at=event.began_at,
        fired_at=event.fired_at,
        ended_at=event.ended_at,
        peak_score=event.peak_score,
        box=_box(event.box),
        site=event.site or None,
        incident_id=event.incident_id or event.id,
        steps=[
            StepJson(
                alert=step.alert,
                label=step.label,
                event=step.event,
                at=step.at,
                score=step.score,
                threshold=step.why.threshold,
                region=step.why.region,
                raw_score=step.why.score,
                baseline=step.why.baseline,
                frames=step.why.frames,
                seconds=step.why.seconds,
                evidence=list(step.why.evidence),
                box=_box(step.box),
                silenced=step.silenced,
            )
            for step in event.steps
        ],
    )
