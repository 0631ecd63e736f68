"""The wall: every camera with what it sees, how well, and what is found; the worst stands first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.alerts.events import Event
from monitor.chart import Axis, Line, chart
from monitor.decision.state import AlertState
from monitor.ingest.status import SOFTWARE, StreamInfo
from monitor.web.api import thumbnail_path
from monitor.web.health import Readiness, Sight, readiness, sight, worst_alert
from monitor.web.templating import Frame, Templates, clock_time, duration
from monitor.web.view import AlertView, CameraView, Snapshot

REFRESH_SECONDS = 10
"""A page without scripts renews itself this often, unless it was asked not to."""

SPARK_WIDTH, SPARK_HEIGHT = 240, 36
SPARK_SECONDS = 120.0

_MOST_FIRING = 3
"""Cameras that the headline names of each label."""
_MOST_UNWATCHED = 12

_GOOD, _ATTENTION, _BAD = "good", "attention", "bad"

_SIGHT_CLASS = {
    Sight.DOWN: _BAD,
    Sight.STALE: _BAD,
    Sight.WAITING: _ATTENTION,
    Sight.IMPAIRED: _ATTENTION,
    Sight.UNSCORED: _ATTENTION,
    Sight.WATCHED: _GOOD,
}
_STATE_CLASS = {
    AlertState.INACTIVE: _GOOD,
    AlertState.PENDING: _ATTENTION,
    AlertState.FIRING: _BAD,
}


@dataclass(frozen=True, slots=True)
class AlertMark:
    """An alert that is not inactive, or that is not as usual."""

    name: str
    text: str
    css: str


@dataclass(frozen=True, slots=True)
class Card:
    """One camera."""

    name: str
    state: str
    """The worst of its alerts: ``inactive``, ``pending`` or ``firing``."""
    sight: str
    css: str
    note: str
    """Why it is down, or what its health is; empty where all is well."""
    stream: str
    age: str
    picture: str
    """Where its picture is; empty where there is none to show."""
    scores: tuple[tuple[str, str], ...]
    """Label and score, highest first; empty where none is current."""
    alerts: tuple[AlertMark, ...]
    spark: str
    """Points of a line; empty where nothing was scored lately."""
    threshold: float
    """Where the lowest threshold stands beside the line, pixels from the top."""
    event: int | None
    """The id of its newest open event."""
    acknowledged: str
    """Who has seen that event; empty where nobody has."""


def wall(
    templates: Templates,
    frame: Frame,
    snapshot: Snapshot,
    *,
    events: Iterable[Event] = (),
    refresh: bool = True,
    fault: str = "",
) -> str:
    """The page as HTML.

    Args:
        templates: how it is written.
        frame: what stands around it.
        snapshot: the state.
        events: those that are open, the newest first.
        refresh: whether it renews itself where scripts do not run.
        fault: why the events are not known; empty where they are.
    """
    judged = readiness(snapshot)
    newest: dict[str, Event] = {}
    for event in events:
        newest.setdefault(event.camera, event)
    cameras = sorted(snapshot.cameras, key=lambda camera: _urgency(snapshot, camera))
    return templates.render(
        "wall.html",
        frame,
        headline=headline(snapshot, judged),
        css=_headline_class(snapshot, judged),
        reasons=judged.reasons,
        notices=[fault for fault in snapshot.faults if not fault.critical],
        unwatched=unwatched(snapshot),
        fault=fault,
        cards=[card(snapshot, camera, newest) for camera in cameras],
        spark=(SPARK_WIDTH, SPARK_HEIGHT),
        model=snapshot.model,
        version=snapshot.version,
        at=clock_time(snapshot.at),
        up_for=duration(snapshot.at - snapshot.started_at),
        refresh_seconds=REFRESH_SECONDS if refresh else 0,
    )


def headline(snapshot: Snapshot, judged: Readiness) -> str:
    """The whole state in one sentence, the worst first: what fires where, and how many cameras are
    watched unless all are and something fires."""
    watched = [c for c in snapshot.cameras if sight(snapshot, c) is Sight.WATCHED]
    count = f"{len(watched)} of {len(snapshot.cameras)} cameras watched"
    complete = len(watched) == len(snapshot.cameras)
    said = _fires(snapshot)
    if not judged.ready:
        said.append(f"not ready: {count}")
    elif not complete:
        said.append(count)
    elif not said:
        said.append(f"all is quiet: {count}")
    sentence = "; ".join(said)
    return sentence[:1].upper() + sentence[1:]


def unwatched(snapshot: Snapshot) -> str:
    """The cameras that are not watched and should be, each with what is wrong: ``gate (down), dock
    (frozen)``; empty where none is."""
    named = []
    for camera in snapshot.cameras:
        seen = sight(snapshot, camera)
        if seen not in (Sight.WATCHED, Sight.WAITING):
            status = camera.status
            wrong = status.health.label if status and seen is Sight.IMPAIRED else seen.value
            named.append(f"{camera.name} ({wrong})")
    return _some(named, _MOST_UNWATCHED)


def card(snapshot: Snapshot, camera: CameraView, newest: Mapping[str, Event]) -> Card:
    """A camera of a snapshot, with the newest open event of each."""
    seen = sight(snapshot, camera)
    age = snapshot.age_seconds(camera)
    scores = snapshot.current_scores(camera) or {}
    info = camera.status.info if camera.status else None
    event = newest.get(camera.name)
    lowest = min((alert.threshold for alert in camera.alerts), default=1.0)
    return Card(
        name=camera.name,
        state=worst_alert(camera).label,
        sight=seen.value,
        css=_SIGHT_CLASS[seen],
        note=_note(seen, camera),
        stream=_stream(info) if info else "",
        age="no picture yet" if age is None else f"{duration(age)} ago",
        picture="" if age is None else thumbnail_path(camera.name),
        scores=tuple(
            (label, f"{score:.2f}")
            for label, score in sorted(scores.items(), key=lambda pair: -pair[1])
        ),
        alerts=tuple(
            _alert(snapshot, alert, watched=seen is Sight.WATCHED)
            for alert in camera.alerts
            if alert.state or alert.silenced or alert.note
        ),
        spark=spark(snapshot, camera),
        threshold=round((1 - lowest) * SPARK_HEIGHT, 1),
        event=event.id if event else None,
        acknowledged=(event.acknowledged_by or "") if event else "",
    )


def spark(snapshot: Snapshot, camera: CameraView) -> str:
    """The line of a camera's last scores: ``x,y`` pairs in pixels; empty where there are none."""
    ages = [(at - snapshot.monotonic, score) for at, score in camera.trace]
    recent = tuple(point for point in ages if point[0] >= -SPARK_SECONDS)
    if len(recent) < 2:
        return ""
    drawn = chart(
        "", Axis("", -SPARK_SECONDS, 0), Axis("", 0, 1), [Line("", recent)],
        width=SPARK_WIDTH, height=SPARK_HEIGHT,
    )  # fmt: skip
    return drawn.lines[0].path


def _headline_class(snapshot: Snapshot, judged: Readiness) -> str:
    alarmed = any(worst_alert(camera) is AlertState.FIRING for camera in snapshot.cameras)
    if alarmed or not judged.ready:
        return _BAD
    quiet = all(sight(snapshot, camera) is Sight.WATCHED for camera in snapshot.cameras)
    return _GOOD if quiet else _ATTENTION


def _fires(snapshot: Snapshot) -> list[str]:
    """What fires, and where: ``fire at hall, yard``; fire comes first."""
    where: dict[str, list[str]] = {}
    for camera in snapshot.cameras:
        for alert in camera.alerts:
            names = where.setdefault(alert.label, [])
            if alert.state is AlertState.FIRING and camera.name not in names:
                names.append(camera.name)
    labels = sorted(where, key=lambda label: label != "fire")
    return [f"{label} at {_some(where[label], _MOST_FIRING)}" for label in labels if where[label]]


def _some(names: Sequence[str], most: int) -> str:
    """Names in a row, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _urgency(snapshot: Snapshot, camera: CameraView) -> tuple[int, int]:
    order = {_BAD: 0, _ATTENTION: 1, _GOOD: 2}
    return -int(worst_alert(camera)), order[_SIGHT_CLASS[sight(snapshot, camera)]]


def _stream(info: StreamInfo) -> str:
    hardware = f" by {info.decoder}" if info.decoder != SOFTWARE else ""
    return f"{info.kind} {info.codec} {info.width}x{info.height}{hardware}"


def _note(seen: Sight, camera: CameraView) -> str:
    status = camera.status
    if status is None:
        return ""
    if seen is Sight.IMPAIRED:
        return status.health.label
    if seen is Sight.DOWN:
        return status.detail or status.reason
    return ""


def _alert(snapshot: Snapshot, alert: AlertView, *, watched: bool) -> AlertMark:
    remarks = ["silenced"] if alert.silenced else []
    if alert.note:
        remarks.append(alert.note)
    text, css = alert.state.label, _STATE_CLASS[alert.state]
    if not alert.state:
        # Nobody knows whether it is quiet where nobody looks.
        text, css = ("quiet", css) if watched else ("not watched", "muted")
    if alert.state and alert.since is not None:
        text += f" for {duration(snapshot.at - alert.since)}"
    if remarks:
        text += f" ({', '.join(remarks)})"
    return AlertMark(alert.alert, text, css)
