"""The JSON of state: ``/api/v1/status`` and ``/api/v1/cameras``; stable within ``v1``."""

from urllib.parse import quote

from pydantic import BaseModel, Field

from monitor.web.health import readiness, sight
from monitor.web.view import AlertView, CameraView, Snapshot


class AlertJson(BaseModel):
    """An alert of a camera."""

    alert: str
    label: str
    state: str = Field(description="inactive, pending or firing")
    since: float | None = Field(description="Unix time at which the state began")
    score_at_change: float | None = Field(
        description="what stood against the threshold when the state began, 0 to 1; null: nothing "
        "has happened yet, or the camera has no score now"
    )
    threshold: float = Field(description="what counts now, 0 to 1")
    holds: bool = Field(description="false: the rule does not hold now; what fires goes on")
    note: str = Field(description="why it does not hold or has another threshold; else empty")
    silenced: bool = Field(description="true: a silence keeps it from waking anybody")


class SilenceJson(BaseModel):
    """A silence in force at a camera."""

    id: int
    label: str | None = Field(description="alerts for this label alone; null: all alerts")
    ends_at: float = Field(description="Unix time")
    created_by: str
    comment: str


class StreamJson(BaseModel):
    """What a source turned out to be."""

    kind: str
    codec: str
    width: int
    height: int
    decoder: str = Field(description="software, vaapi or cuda")
    note: str = Field(description="what is not as it was configured")


class CameraJson(BaseModel):
    """A camera."""

    name: str
    sight: str = Field(description="watched, not scored, impaired, waiting, stale or down")
    up: bool
    reason: str = Field(description="why it is down, one of a fixed set of words; else empty")
    detail: str = Field(description="the last error as a sentence; empty while up")
    health: str | None = Field(
        description="ok, frozen, looped, dark, bright, covered, moved; null: no frame yet"
    )
    age_seconds: float | None = Field(description="age of the newest frame; null: no frame yet")
    last_frame_at: float | None = Field(description="Unix time of the newest frame")
    frames: int
    stream: StreamJson | None
    scores: dict[str, float] | None = Field(
        description="by label; null while there is no score of a picture that was just seen"
    )
    alerts: list[AlertJson]
    site: str | None = Field(description="the place that it sees")
    silences: list[SilenceJson] = Field(description="those in force")
    sampling_ratio: float | None = Field(
        description="how often its frames are scored, of how often they are wanted, 0 to 1"
    )


class FullCameraJson(CameraJson):
    """A camera with what is to be drawn of it."""

    thumbnail: str = Field(description="where its newest picture is, from the root of this server")
    trace: list[tuple[float, float]] = Field(
        description="lately: seconds ago, and the highest score of its rules' labels; oldest first"
    )


class CamerasJson(BaseModel):
    """All cameras that are watched."""

    at: float = Field(description="Unix time of this answer")
    cameras: list[FullCameraJson]


class ModelJson(BaseModel):
    """What scores."""

    bundle: str
    engine: str
    device: str
    labels: list[str]


class FaultJson(BaseModel):
    """Something that is wrong with the daemon itself."""

    part: str
    message: str
    critical: bool


class StatusJson(BaseModel):
    """The whole answer."""

    version: str
    at: float = Field(description="Unix time of this answer")
    started_at: float
    ready: bool
    reasons: list[str] = Field(description="why it is not ready")
    model: ModelJson | None
    faults: list[FaultJson]
    cameras: list[CameraJson]


def status_json(snapshot: Snapshot) -> StatusJson:
    """The answer for a snapshot."""
    judged = readiness(snapshot)
    model = snapshot.model
    return StatusJson(
        version=snapshot.version,
        at=snapshot.at,
        started_at=snapshot.started_at,
        ready=judged.ready,
        reasons=list(judged.reasons),
        model=model
        and ModelJson(
            bundle=model.bundle,
            engine=model.engine,
            device=model.device,
            labels=list(model.labels),
        ),
        faults=[
            FaultJson(part=fault.part, message=fault.message, critical=fault.critical)
            for fault in snapshot.faults
        ],
        cameras=[camera_json(snapshot, camera) for camera in snapshot.cameras],
    )


def full_camera_json(snapshot: Snapshot, camera: CameraView) -> FullCameraJson:
    """A camera of a snapshot with what is to be drawn of it."""
    return FullCameraJson(
        **dict(camera_json(snapshot, camera)),
        thumbnail=thumbnail_path(camera.name),
        trace=[(round(snapshot.monotonic - at, 1), score) for at, score in camera.trace],
    )


def thumbnail_path(camera: str) -> str:
    """Where the picture of a camera is."""
    return f"/api/v1/cameras/{quote(camera, safe='')}/thumbnail.jpg"


def camera_json(snapshot: Snapshot, camera: CameraView) -> CameraJson:
    """A camera of a snapshot."""
    status = camera.status
    info = status.info if status else None
    age = snapshot.age_seconds(camera)
    scores = snapshot.current_scores(camera)
    return CameraJson(
        name=camera.name,
        sight=sight(snapshot, camera).value,
        up=bool(status and status.up),
        reason=status.reason if status else "",
        detail=status.detail if status else "",
        health=status.health.label if status and age is not None else None,
        age_seconds=age,
        last_frame_at=status.last_frame_at if status else None,
        frames=status.frames if status else 0,
        stream=info
        and StreamJson(
            kind=info.kind,
            codec=info.codec,
            width=info.width,
            height=info.height,
            decoder=info.decoder,
            note=info.note,
        ),
        scores=None if scores is None else dict(scores),
        alerts=[_alert(alert) for alert in camera.alerts],
        site=camera.site or None,
        silences=[
            SilenceJson(
                id=silence.id,
                label=silence.label,
                ends_at=silence.ends_at,
                created_by=silence.created_by,
                comment=silence.comment,
            )
            for silence in camera.silences
        ],
        sampling_ratio=camera.sampling_ratio,
    )


def _alert(alert: AlertView) -> AlertJson:
    return AlertJson(
        alert=alert.alert,
        label=alert.label,
        state=alert.state.label,
        since=alert.since,
        score_at_change=alert.score_at_change,
        threshold=alert.threshold,
        holds=alert.holds,
        note=alert.note,
        silenced=alert.silenced,
    )
