"""What the web pages ask of the daemon: one consistent picture of its state, without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.alerts.silences import Silence
from monitor.decision.state import AlertState
from monitor.freshness import is_current
from monitor.ingest.status import CameraStatus


@dataclass(frozen=True, slots=True)
class ScoresView:
    """The scores of a camera's newest scored frame."""

    values: Mapping[str, float]
    """Calibrated score by label, 0 to 1."""
    captured_at: float
    """Unix time at which the frame was received."""
    captured_monotonic: float


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert of one camera: a rule and how it stands."""

    alert: str
    """The rule's name."""
    label: str
    """The model's label that the rule is for."""
    state: AlertState
    since: float | None
    """Unix time at which the state began; None where nothing has happened yet."""
    score_at_change: float | None
    """What stood against the threshold when the state began, 0 to 1; None where nothing has
    happened yet, or the camera has no score now."""
    threshold: float = 0.0
    """What counts now, 0 to 1."""
    holds: bool = True
    """Whether the rule holds now; what fires goes on either way."""
    note: str = ""
    """Why it does not hold or has another threshold than its own; else empty."""
    silenced: bool = False


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera, as ingest, scores and alerts know it."""

    name: str
    stale_after_seconds: float
    status: CameraStatus | None
    """None until ingest has said anything of it."""
    scores: ScoresView | None
    """None where there are none; what is too old is left out by the reader."""
    alerts: tuple[AlertView, ...]
    site: str = ""
    """The place that it sees; empty where it has none."""
    silences: tuple[Silence, ...] = ()
    """Those in force."""
    sampling_ratio: float | None = None
    """How often its frames are scored, of how often they are wanted, 0 to 1; None while nothing is
    known."""
    trace: tuple[tuple[float, float], ...] = ()
    """Lately: monotonic time and highest score of the rules' labels, oldest first."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """What scores."""

    bundle: str
    """The begin of the bundle's SHA-256."""
    engine: str
    device: str
    labels: tuple[str, ...]


LOOP = "loop"
"""The part of a :class:`Fault` that says: the loop which scores and decides does not come round."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with the daemon itself now."""

    part: str
    """``engine``, ``store``, ``config``, LOOP, …"""
    message: str
    """What is wrong and what to do, one sentence, without secrets."""
    critical: bool = True
    """Whether the daemon is not ready because of it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The daemon at one moment."""

    at: float
    """Unix time of this picture."""
    monotonic: float
    version: str
    started_at: float
    """Unix time."""
    cameras: tuple[CameraView, ...]
    """In the order of the configuration."""
    model: ModelView | None
    """None until it is loaded."""
    faults: tuple[Fault, ...]

    def current_scores(self, camera: CameraView) -> Mapping[str, float] | None:
        """Scores that tell of what the camera sees now; None where none do."""
        scores = camera.scores
        if scores is None or not is_current(
            scores.captured_monotonic,
            now=self.monotonic,
            stale_after_seconds=camera.stale_after_seconds,
            status=camera.status,
        ):
            return None
        return scores.values

    def age_seconds(self, camera: CameraView) -> float | None:
        """Age of the camera's newest frame; None before the first."""
        status = camera.status
        if status is None or status.last_frame_monotonic is None:
            return None
        return max(0.0, self.monotonic - status.last_frame_monotonic)


class StateView(Protocol):
    """The daemon, as seen from the web."""

    def snapshot(self) -> Snapshot:
        """The state now. Called from other threads, often; must not block."""
        ...
