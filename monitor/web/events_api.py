"""The JSON of ``/api/v1/events``: for programs, stable within ``v1``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.alerts.event_search import EventFilter, Judged
from monitor.alerts.events import Event, Evidence, EvidenceKind, Verdict
from monitor.inference.scored import Box

MOST_EVENTS = 500
"""Of one answer; a page of so many is read and written in some 50 ms."""

LARGEST_ID = 2**63 - 1
LATEST = 1e11
"""Unix time, far beyond every clock."""


class EventsQuery(BaseModel):
    """What is asked for. An unknown parameter is refused: one that is misspelt would be ignored,
    and the answer taken for what it is not."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=MOST_EVENTS, description="At most so many.")
    camera: str | None = Field(None, max_length=63, description="Of this camera alone.")
    site: str | None = Field(None, max_length=63, description="Of the cameras of this site.")
    label: str | None = Field(None, max_length=64, description="Whose alert is for this label.")
    state: Literal["pending", "firing", "resolved", "inactive"] | None = Field(
        None, description="How they stand; inactive: they ended without firing."
    )
    verdict: Judged | None = Field(
        None, description="What people found them to be; none: nobody said."
    )
    acknowledged: bool | None = Field(None, description="Whether somebody has seen them.")
    since: float | None = Field(
        None, ge=0, le=LATEST, description="Unix time: those that went on then, or began later."
    )
    until: float | None = Field(
        None, ge=0, le=LATEST, description="Unix time: those that began before."
    )
    before_id: int | None = Field(
        None, ge=1, le=LARGEST_ID, description="`next_before_id` of the page before."
    )
    open_only: bool = Field(False, description="Those that have not ended.")

    @property
    def where(self) -> EventFilter:
        """The same without what pages are made of."""
        return EventFilter(
            camera=self.camera,
            site=self.site,
            label=self.label,
            state=self.state,
            verdict=self.verdict,
            acknowledged=self.acknowledged,
            open_only=self.open_only,
            since=self.since,
            until=self.until,
        )


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


class DeliveryJson(BaseModel):
    """What one sink was to be told of an event, and what came of it."""

    sink: str
    kind: str = Field(description="pending, firing, upgraded, escalation or resolved")
    created_at: float = Field(description="Unix time; of an escalation: when it is due")
    attempts: int = Field(description="tries so far")
    next_try_at: float = Field(description="Unix time")
    done_at: float | None = Field(description="Unix time; null: it waits")
    result: str | None = Field(
        description="delivered, rejected, expired or cancelled; null: it waits"
    )
    error: str | None = Field(description="why the last try failed, or why it was cancelled")


class EvidenceJson(BaseModel):
    """A file that shows what an event was about."""

    id: int
    kind: EvidenceKind = Field(
        description="snapshot: with box, heat and score; original: the same picture untouched; "
        "clip: film; heat: where the model saw something"
    )
    size_bytes: int
    captured_at: float = Field(description="Unix time of its first picture")
    url: str = Field(description="where it is, from the root of this server")


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
    acknowledged_at: float | None = Field(
        description="Unix time at which somebody said first that they have seen it"
    )
    acknowledged_by: str | None
    verdict: Verdict | None = Field(
        description="what a person found it to be: confirmed or false; null: nobody said"
    )
    verdict_at: float | None
    verdict_by: str | None
    deliveries: list[DeliveryJson] = Field(description="what sinks were told of it, oldest first")


class FullEventJson(EventJson):
    """An event with the files that show it."""

    evidence: list[EvidenceJson] = Field(description="in the order in which they came")


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
        events=[event_json(event) for event in page],
        next_before_id=page[-1].id if page and len(found) > limit else None,
    )


def _box(box: Box | None) -> BoxJson | None:
    return None if box is None else BoxJson(**asdict(box))


def full_event_json(event: Event, evidence: Sequence[Evidence]) -> FullEventJson:
    """One event with its files."""
    return FullEventJson(
        **dict(event_json(event)),
        evidence=[
            EvidenceJson(
                id=file.id,
                kind=file.kind,
                size_bytes=file.size_bytes,
                captured_at=file.captured_at,
                url=f"/api/v1/evidence/{file.id}",
            )
            for file in evidence
        ],
    )


def event_json(event: Event) -> EventJson:
    """One event."""
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
        acknowledged_at=event.acknowledged_at,
        acknowledged_by=event.acknowledged_by,
        verdict=event.verdict,
        verdict_at=event.verdict_at,
        verdict_by=event.verdict_by,
        deliveries=[DeliveryJson(**asdict(one)) for one in event.deliveries],
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
