"""Events: what the alerts of a camera add up to, as the store keeps it and people read it."""

from dataclasses import dataclass
from typing import Literal

from monitor.decision.outage import OUTAGE
from monitor.decision.state import Explanation
from monitor.errors import EmberwatchError
from monitor.inference.scored import Box

Verdict = Literal["confirmed", "false"]
"""What a person found an event to be: what its label says, or a false alarm."""

EvidenceKind = Literal["snapshot", "original", "clip", "heat"]
"""``snapshot``: the picture with box, heat and score; ``original``: the same picture untouched;
``clip``: film from before to after the start; ``heat``: where the model saw something."""


class VerdictError(EmberwatchError):
    """An event is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One file that shows what an event was about."""

    id: int
    event_id: int
    kind: EvidenceKind
    file: str
    """Relative to the evidence folder."""
    size_bytes: int
    captured_at: float
    """Unix time of its first picture, seconds."""
    created_at: float
    """Unix time, seconds."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one sink was to be told of an event, and what came of it. Times are Unix times."""

    sink: str
    kind: str
    """``firing``, ``upgraded``, ``resolved``, … (:data:`monitor.alerts.routing.Kind`)."""
    created_at: float
    attempts: int
    """Tries so far."""
    next_try_at: float
    done_at: float | None
    """None while it waits."""
    result: str | None
    """``delivered``, ``rejected`` (for good), ``expired`` (tried for as long as configured) or
    ``cancelled`` (nothing to tell any more); None while it waits."""
    error: str | None
    """Why the last try failed; None where none did."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transition within an event."""

    alert: str
    label: str
    event: str
    """``pending``, ``firing``, ``resolved`` or ``inactive``."""
    at: float
    """Unix time of the frame that brought it, seconds."""
    score: float
    why: Explanation
    box: Box | None = None
    """Where in the frame it was seen; None where it ended, or the model did not tell."""
    silenced: bool = False
    """Whether the alert was silenced then."""


@dataclass(frozen=True, slots=True)
class Event:
    """One incident of one camera: from the first alert that was pending to the last that ended.

    Alerts that share their evidence make one event: smoke that becomes fire is one event, which
    is called fire from then on.
    """

    id: int
    camera: str
    incident: str
    """``hazard`` for the alerts that share evidence, else the alert's name."""
    alert: str
    """The alert that fired last; before any fired, the one that was pending last."""
    label: str
    """The label of that alert."""
    state: str
    """``pending``, ``firing``, ``resolved``, or ``inactive`` (it ended without firing)."""
    began_at: float
    """Unix time, seconds."""
    fired_at: float | None
    """When the first of its alerts fired."""
    ended_at: float | None
    peak_score: float
    """The highest score of its transitions, 0 to 1."""
    steps: tuple[Step, ...]
    """All transitions, oldest first."""
    site: str = ""
    """The site of the camera; empty where it has none."""
    incident_id: int = 0
    """The id of the event that began the incident: events of one site that overlap share it."""
    acknowledged_at: float | None = None
    """When somebody first said that they have seen it, Unix time; None while nobody did."""
    acknowledged_by: str | None = None
    verdict: Verdict | None = None
    """What a person found it to be; None while nobody said."""
    verdict_at: float | None = None
    verdict_by: str | None = None
    harvested_at: float | None = None
    """When its pictures were written out for training; None before."""
    deliveries: tuple[Delivery, ...] = ()
    """What sinks were to be told of it, oldest first."""

    @property
    def box(self) -> Box | None:
        """Where in the frame its alert was seen last: the newest box of its steps."""
        boxes = [step.box for step in self.steps if step.alert == self.alert and step.box]
        return boxes[-1] if boxes else None

    @property
    def outage(self) -> bool:
        """Whether it tells that the camera was not watched, and not what it saw. No rule may have
        that name, so no other event is called so."""
        return self.alert == self.label == OUTAGE

    @property
    def open(self) -> bool:
        return self.ended_at is None


def check_verdict(event: Event, verdict: Verdict | None) -> None:
    """Whether an event can be judged so; what was said before can always be taken back.

    Raises:
        VerdictError: it is an outage: there is no picture that anybody could be right about.
    """
    if verdict is not None and event.outage:
        raise VerdictError(
            f"event {event.id} is an outage of camera '{event.camera}', and nothing to judge; "
            "acknowledge it instead"
        )
