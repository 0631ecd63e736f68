"""The pages of events: the list, and one event with its evidence and its timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode

from monitor.alerts.events import Event, Evidence
from monitor.chart import Axis, Chart, Line, Mark, chart
from monitor.web.desk import MEDIA_TYPES
from monitor.web.events_api import EventsQuery
from monitor.web.templating import Frame, Templates

PAGE = 50
"""Events on one page."""

CHART_WIDTH, CHART_HEIGHT = 720, 180

_WORDS = {
    "pending": "pending",
    "firing": "firing",
    "resolved": "resolved",
    "inactive": "ended without firing",
}
_OUTAGE_WORDS = {"firing": "not watched", "resolved": "watched again"}
_CLASSES = {"pending": "attention", "firing": "bad", "resolved": "good", "inactive": "muted"}
_VERDICTS = {"confirmed": "confirmed", "false": "false alarm", None: ""}
_KINDS = {
    "snapshot": "Picture with box and heat map",
    "original": "The same picture, untouched",
    "clip": "Film around the start",
    "heat": "Where the model saw something",
}


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the pages show it."""

    event: Event
    words: str
    css: str
    verdict: str
    lasted: float
    """Seconds, until now where it has not ended."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A camera that was not watched."""

    reason: str
    """In the words of the metrics."""
    since: float
    """Unix time; people were told of it later."""
    lasted: float
    """Seconds, until now where it has not ended."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A file of evidence."""

    evidence: Evidence
    url: str
    title: str
    film: bool


def row(event: Event, now: float) -> Row:
    """An event in words."""
    ended = now if event.ended_at is None else event.ended_at
    words = _OUTAGE_WORDS if event.outage else _WORDS
    return Row(
        event,
        words.get(event.state, event.state),
        _CLASSES.get(event.state, "muted"),
        _VERDICTS[event.verdict],
        max(0.0, ended - event.began_at),
    )


def outage_of(event: Event, now: float) -> Outage | None:
    """What an outage was; None where the event is none, or nothing of it was kept."""
    if not event.outage or not event.steps:
        return None
    first, last = event.steps[0], event.steps[-1]
    since = first.at - first.why.seconds
    # A camera counts as watched again only after a while: that while is no part of the outage.
    over = now if event.ended_at is None else event.ended_at
    if last.event == "resolved":
        over = max(first.at, last.at - last.why.seconds)
    return Outage(first.why.region, since, max(0.0, over - since))


def event_list(
    templates: Templates,
    frame: Frame,
    found: Sequence[Event],
    *,
    asked: EventsQuery,
    cameras: Sequence[str],
    labels: Sequence[str],
    now: float,
) -> str:
    """The list as HTML.

    Args:
        templates: how it is written.
        frame: what stands around it.
        found: the events, and one more where there is another page.
        asked: what was looked for.
        cameras: names to choose from.
        labels: likewise.
        now: Unix time.
    """
    page = found[: asked.limit]
    more = asked.model_dump(exclude_none=True, exclude_defaults=True)
    older = urlencode(more | {"before_id": page[-1].id}) if len(found) > asked.limit else ""
    newest = urlencode({key: value for key, value in more.items() if key != "before_id"})
    return templates.render(
        "events.html",
        frame,
        rows=[row(event, now) for event in page],
        asked=asked,
        cameras=cameras,
        labels=labels,
        older=older,
        newest=newest if asked.before_id is not None else None,
        filtered=bool({*more} - {"before_id", "limit"}),
    )


def event_page(
    templates: Templates, frame: Frame, event: Event, evidence: Sequence[Evidence], *, now: float
) -> str:
    """One event as HTML."""
    shown = [
        Shown(file, f"/api/v1/evidence/{file.id}", _KINDS[file.kind], file.kind == "clip")
        for file in evidence
        if file.file[file.file.rfind(".") :].lower() in MEDIA_TYPES
    ]
    return templates.render(
        "event.html",
        frame,
        row=row(event, now),
        event=event,
        shown=shown,
        timeline=None if event.outage else timeline(event),
        outage=outage_of(event, now),
        css=_CLASSES,
    )


def timeline(event: Event) -> Chart | None:
    """What stood against the threshold over the time of the event, from the last samples that each
    step kept; None where none kept any."""
    points: dict[float, float] = {}
    marks = []
    for number, step in enumerate(event.steps, start=1):
        for seconds, value in step.why.evidence:
            points[round(step.at + seconds - event.began_at, 3)] = value
        at = round(step.at - event.began_at, 3)
        points.setdefault(at, step.score)
        marks.append(Mark(str(number), (at, step.score), _mark_colour(step.event)))
    ordered = sorted(points.items())
    if len(ordered) < 2:
        return None
    low, high = ordered[0][0], ordered[-1][0]
    across = Axis("seconds since the event began", low, high if high > low else low + 1.0)
    up = Axis("against the threshold", 0.0, 1.0, percent=True)
    threshold = event.steps[0].why.threshold
    lines = [
        Line("threshold", ((low, threshold), (high, threshold)), 1, dashed=True),
        *_pieces(ordered),
    ]
    return chart(
        f"Event {event.id}", across, up, lines, marks, width=CHART_WIDTH, height=CHART_HEIGHT
    )


def _pieces(points: Sequence[tuple[float, float]]) -> list[Line]:
    """Lines through samples that follow each other; between steps there may be minutes of which
    nothing was kept."""
    gaps = sorted(b[0] - a[0] for a, b in pairwise(points))
    usual = max(gaps[len(gaps) // 2], 1.0)
    pieces = [[points[0]]]
    for before, point in pairwise(points):
        if point[0] - before[0] > 5 * usual:
            pieces.append([])
        pieces[-1].append(point)
    return [Line("evidence", tuple(piece), 0) for piece in pieces]


def _mark_colour(event: str) -> int:
    return {"firing": 2, "pending": 3}.get(event, 4)
