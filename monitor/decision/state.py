"""The words of the decision room: states of an alert, and the change from one to another."""

import enum
from dataclasses import dataclass

from monitor.inference.scored import Box


class AlertState(enum.IntEnum):
    """Prometheus's own states. The value is what ``emberwatch_alert_state`` shows."""

    INACTIVE = 0
    PENDING = 1
    FIRING = 2

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an alert changed its state, in numbers."""

    threshold: float
    score: float
    """The newest evidence of the deciding region, before smoothing, 0 to 1."""
    smoothed: float
    """What stood against the threshold, 0 to 1."""
    baseline: float
    """What this region of this camera usually shows, 0 to 1; 0 where none is known."""
    region: str
    """Of an outage: why the camera is not watched."""
    frames: int
    """Frames seen since the state before began."""
    seconds: float
    """Time since the state before began."""
    evidence: tuple[tuple[float, float], ...] = ()
    """The last samples up to this one, oldest first: seconds since it (0 or less), and what stood
    against the threshold then; rounded to three digits."""


@dataclass(frozen=True, slots=True)
class RuleLevels:
    """What a rule stands at in one frame."""

    alert: str
    """The rule's name."""
    state: AlertState
    """After the frame."""
    holds: bool
    """Whether the rule holds at this time; what fires already goes on either way."""
    region: str
    """The region with the strongest evidence: the one that decides."""
    score: float
    """Its evidence before smoothing, 0 to 1."""
    smoothed: float
    """What stands against the threshold, 0 to 1."""
    baseline: float
    """What the region usually shows, 0 to 1; 0 where none is known."""
    threshold: float
    """The region's own where it has one."""
    clear_level: float
    """Below this the alert begins to clear."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state of one alert of one camera."""

    camera: str
    alert: str
    """The rule's name."""
    label: str
    """``fire`` or ``smoke``: what the rule is for."""
    previous: AlertState
    state: AlertState
    captured_at: float
    """Unix time of the frame that brought it, seconds."""
    captured_monotonic: float
    score: float
    """What stood against the threshold, 0 to 1."""
    why: Explanation
    incident: str = ""
    """Alerts of one camera with the same word here are one event: ``hazard`` for labels that share
    their evidence, else the alert's name."""
    box: Box | None = None
    """Where in the frame the label of a pending or firing alert, or a graver one, is seen, within
    the deciding region; None where it ended, or the model does not tell."""
    site: str = ""
    """The site of the camera; empty where it has none. Not for the decider to know."""
    silenced: bool = False
    """Whether somebody silenced the alert. Not for the decider to know."""

    @property
    def event(self) -> str:
        """``pending``, ``firing``, ``resolved`` (firing ended) or ``inactive`` (pending ended)."""
        if self.state is AlertState.INACTIVE and self.previous is AlertState.FIRING:
            return "resolved"
        return self.state.label
