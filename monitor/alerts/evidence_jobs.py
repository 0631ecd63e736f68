"""What the watch hands to the clerk of evidence, and what the clerk asks for."""

from dataclasses import dataclass

from monitor.alerts.evidence_picture import Sight


@dataclass(frozen=True, slots=True)
class ClipWish:
    """The clip that an alert should have, in monotonic time."""

    since: float
    until: float


@dataclass(frozen=True, slots=True, eq=False)
class First:
    """An alert became pending."""

    sight: Sight


@dataclass(frozen=True, slots=True, eq=False)
class Fired:
    """An alert fires."""

    sight: Sight
    pictures: bool
    """Whether pictures are wanted, too."""
    clip: ClipWish | None


@dataclass(frozen=True, slots=True)
class Over:
    """No alert of an incident is pending or firing any more."""

    camera: str
    incident: str


@dataclass(frozen=True, slots=True)
class ClipEnd:
    """What became of a clip."""

    clip: int
    container: str
    began_at: float
    cut: str


@dataclass(frozen=True, slots=True)
class ClipTask:
    """A clip that is to be written by whoever reads the camera."""

    clip: int
    camera: str
    descriptor: int
    since: float
    until: float
    max_bytes: int


Job = First | Fired | Over | ClipEnd
"""What the watch hands over."""
