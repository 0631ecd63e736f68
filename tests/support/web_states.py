"""States of a daemon to show on the web, made by hand."""

from collections.abc import Mapping
from dataclasses import replace

from monitor.decision.state import AlertState
from monitor.ingest.frame import Health
from monitor.ingest.status import CameraStatus, StreamInfo
from monitor.web.view import AlertView, CameraView, Fault, ModelView, ScoresView, Snapshot

NOW = 100.0
WALL = 1_700_000_000.0
SCORES = {"fire": 0.02, "smoke": 0.03, "misc": 0.95}


def camera(
    name: str,
    *,
    age: float | None = 1.0,
    up: bool = True,
    reason: str = "",
    detail: str = "",
    health: Health = Health.OK,
    scores: Mapping[str, float] | None = SCORES,
    fire: AlertState = AlertState.INACTIVE,
) -> CameraView:
    """A camera whose newest frame, and score, are ``age`` seconds old; None: no frame yet."""
    seen = None if age is None else NOW - age
    status = CameraStatus(
        camera=name,
        up=up,
        reason=reason,
        detail=detail,
        health=health,
        info=None if age is None else StreamInfo("rtsp", "h264", 1920, 1080),
        frames=0 if age is None else 7,
        dropped={},
        reconnects={},
        last_frame_at=None if age is None else WALL - age,
        last_frame_monotonic=seen,
    )
    return CameraView(
        name=name,
        stale_after_seconds=15.0,
        status=status,
        scores=None if scores is None or seen is None else ScoresView(scores, WALL, seen),
        alerts=(AlertView("fire", "fire", fire, WALL - 65, 0.02),),
    )


def snapshot(*cameras: CameraView, faults: tuple[Fault, ...] = ()) -> Snapshot:
    """A daemon that is otherwise well, with these cameras."""
    return Snapshot(
        at=WALL,
        monotonic=NOW,
        version="1.2.3",
        started_at=WALL - 3 * 3600,
        cameras=cameras,
        model=ModelView("0123456789ab", "openvino", "CPU (int8)", ("fire", "smoke", "misc")),
        faults=faults,
    )


class FixedState:
    """A daemon that stands still; ``shown`` can be replaced."""

    def __init__(self, shown: Snapshot) -> None:
        self.shown = shown

    def snapshot(self) -> Snapshot:
        return self.shown

    def add_fault(self, fault: Fault) -> None:
        self.shown = replace(self.shown, faults=(*self.shown.faults, fault))
