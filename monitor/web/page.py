"""The status page: one table, made on the server, nothing to load but its style sheet."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from monitor.decision.state import AlertState
from monitor.web.health import Readiness, Sight, readiness, sight, worst_alert
from monitor.web.view import AlertView, CameraView, Snapshot

_TEMPLATES = Path(__file__).parent / "templates"

REFRESH_SECONDS = 10
"""The page renews itself this often, unless it was asked not to."""

_GOOD, _ATTENTION, _BAD = "good", "attention", "bad"

_SIGHT_CLASS = {
    Sight.DOWN: _BAD,
    Sight.STALE: _BAD,
    Sight.WAITING: _ATTENTION,
    Sight.IMPAIRED: _ATTENTION,
    Sight.UNSCORED: _ATTENTION,
    Sight.WATCHED: _GOOD,
}


@dataclass(frozen=True, slots=True)
class _Alert:
    name: str
    state: str
    css: str
    since: str


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    sight: str
    css: str
    note: str
    """Why it is down, or what its health is; empty where all is well."""
    stream: str
    age: str
    scores: tuple[tuple[str, str], ...]
    """Label and score, highest first; empty where none is current."""
    alerts: tuple[_Alert, ...]


class StatusPage:
    """Renders snapshots to HTML; all text is escaped."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("status.html")
        self.style = (_TEMPLATES / "status.css").read_text(encoding="utf-8")

    def render(self, snapshot: Snapshot, *, refresh: bool = True) -> str:
        """The page as HTML. Cameras that need attention stand first."""
        judged = readiness(snapshot)
        cameras = sorted(snapshot.cameras, key=lambda camera: _urgency(snapshot, camera))
        return self._template.render(
            headline=headline(snapshot, judged),
            css=_headline_class(snapshot, judged),
            reasons=judged.reasons,
            notices=[fault for fault in snapshot.faults if not fault.critical],
            rows=[_row(snapshot, camera) for camera in cameras],
            model=snapshot.model,
            version=snapshot.version,
            at=_clock_time(snapshot.at),
            up_for=duration(snapshot.at - snapshot.started_at),
            refresh_seconds=REFRESH_SECONDS if refresh else 0,
        )


def headline(snapshot: Snapshot, judged: Readiness) -> str:
    """The whole state in one sentence, the worst first."""
    firing = [c.name for c in snapshot.cameras if worst_alert(c) is AlertState.FIRING]
    if firing:
        return f"Alert on {', '.join(firing[:3])}{' and more' if len(firing) > 3 else ''}"
    watched = [c for c in snapshot.cameras if sight(snapshot, c) is Sight.WATCHED]
    count = f"{len(watched)} of {len(snapshot.cameras)} cameras watched"
    if not judged.ready:
        return f"Not ready: {count}"
    return count if len(watched) < len(snapshot.cameras) else f"All is quiet: {count}"


def _headline_class(snapshot: Snapshot, judged: Readiness) -> str:
    alarmed = any(worst_alert(camera) is AlertState.FIRING for camera in snapshot.cameras)
    if alarmed or not judged.ready:
        return _BAD
    quiet = all(sight(snapshot, camera) is Sight.WATCHED for camera in snapshot.cameras)
    return _GOOD if quiet else _ATTENTION


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min``, ``5 h 2 min``, ``12 d 3 h``."""
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _urgency(snapshot: Snapshot, camera: CameraView) -> tuple[int, int]:
    order = {_BAD: 0, _ATTENTION: 1, _GOOD: 2}
    return -int(worst_alert(camera)), order[_SIGHT_CLASS[sight(snapshot, camera)]]


def _row(snapshot: Snapshot, camera: CameraView) -> _Row:
    seen = sight(snapshot, camera)
    status = camera.status
    age = snapshot.age_seconds(camera)
    scores = snapshot.current_scores(camera) or {}
    info = status.info if status else None
    return _Row(
        name=camera.name,
        sight=seen.value,
        css=_SIGHT_CLASS[seen],
        note=_note(seen, camera),
        stream=f"{info.kind} {info.codec} {info.width}x{info.height}" if info else "",
        age="none yet" if age is None else duration(age),
        scores=tuple(
            (label, f"{score:.3f}")
            for label, score in sorted(scores.items(), key=lambda pair: -pair[1])
        ),
        alerts=tuple(_alert(snapshot, alert) for alert in camera.alerts),
    )


def _note(seen: Sight, camera: CameraView) -> str:
    status = camera.status
    if status is None:
        return ""
    if seen is Sight.IMPAIRED:
        return status.health.label
    if seen is Sight.DOWN:
        return status.detail or status.reason
    return ""


def _alert(snapshot: Snapshot, alert: AlertView) -> _Alert:
    css = {AlertState.INACTIVE: _GOOD, AlertState.PENDING: _ATTENTION, AlertState.FIRING: _BAD}
    begun = alert.since if alert.state is not AlertState.INACTIVE else None
    return _Alert(
        name=alert.alert,
        state=_state_text(alert),
        css=css[alert.state],
        since="" if begun is None else f"for {duration(snapshot.at - begun)}",
    )


def _state_text(alert: AlertView) -> str:
    """The state, with what is not as usual about the alert."""
    remarks = ["silenced"] if alert.silenced else []
    if alert.note:
        remarks.append(alert.note)
    return f"{alert.state.label} ({', '.join(remarks)})" if remarks else alert.state.label


def _clock_time(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
