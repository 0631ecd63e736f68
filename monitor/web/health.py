"""Whether the daemon does its work: pure judgement of a snapshot."""

import enum
from dataclasses import dataclass

from monitor.decision.state import AlertState
from monitor.web.view import LOOP, CameraView, Snapshot


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of ``/readyz``."""

    ready: bool
    reasons: tuple[str, ...]
    """Why not, one sentence each; empty when ready."""


def standstill(snapshot: Snapshot) -> str:
    """Why ``/livez`` says that the program is dead: its loop hangs; empty while it comes round.

    What a restart would not mend (a camera, a disk, a model) is a matter of readiness.
    """
    return "; ".join(fault.message for fault in snapshot.faults if fault.part == LOOP)


class Sight(enum.Enum):
    """How well a camera is watched, from bad to good; the value is shown to people."""

    DOWN = "down"
    STALE = "stale"
    WAITING = "waiting"
    """No frame yet, and nothing wrong so far."""
    IMPAIRED = "impaired"
    """Frames arrive, and show too little: frozen, looped, dark, covered."""
    UNSCORED = "not scored"
    """Fresh frames, but no current score."""
    WATCHED = "watched"


def readiness(snapshot: Snapshot) -> Readiness:
    """Ready means: the model scores at least one camera now, and nothing critical is wrong."""
    reasons = [f"{fault.part}: {fault.message}" for fault in snapshot.faults if fault.critical]
    if snapshot.model is None:
        reasons.append("engine: the model is not loaded yet")
    if not any(snapshot.current_scores(camera) is not None for camera in snapshot.cameras):
        reasons.append(f"cameras: none has a fresh score ({_census(snapshot)})")
    return Readiness(not reasons, tuple(reasons))


def sight(snapshot: Snapshot, camera: CameraView) -> Sight:
    """How well one camera is watched."""
    status = camera.status
    age = snapshot.age_seconds(camera)
    if status is not None and not status.up and status.reason:
        return Sight.DOWN
    if status is None or age is None:
        return Sight.WAITING
    if age > camera.stale_after_seconds:
        return Sight.STALE
    if status.health.value:
        return Sight.IMPAIRED
    if snapshot.current_scores(camera) is None:
        return Sight.UNSCORED
    return Sight.WATCHED


def worst_alert(camera: CameraView) -> AlertState:
    """The highest state of all alerts of a camera."""
    return max((alert.state for alert in camera.alerts), default=AlertState.INACTIVE)


def _census(snapshot: Snapshot) -> str:
    """``2 down, 1 waiting``: the cameras counted by sight."""
    if not snapshot.cameras:
        return "none is configured"
    seen = [sight(snapshot, camera) for camera in snapshot.cameras]
    return ", ".join(f"{seen.count(kind)} {kind.value}" for kind in Sight if kind in seen)
