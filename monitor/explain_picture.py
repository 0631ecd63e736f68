"""The picture of a timeline: where each line, strip, mark and word of it stands.

One panel for each alert: the evidence over time against what decides, a strip with the alert's
states, one with the regions that decided where there are several, and the changes of state in
numbers. ``pictures/timeline.svg.jinja`` writes it down.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, pairwise
from statistics import median

from monitor.chart import Axis, Chart, Line, Tick, chart, peaks
from monitor.decision.state import AlertState, RuleLevels
from monitor.explain import Moment, Timeline
from monitor.svg import render_svg

WIDTH, HEIGHT = 960, 190
"""Of the plot of one panel, in the units of the drawing."""

_STRETCHES = 480
"""A line is drawn with four points for each two units of the width."""
_MOST_DOTTED = 90
"""With more samples the dots of the scores would be a band."""
_MOST_TOLD = 12
"""Changes of state told in words for each alert."""
_BADGE = 18.0
"""Room for a number above the plot."""
_GAP_STEPS = 5.0
"""Frames that are so many usual steps apart are not joined by a line."""
_STRIP, _HEAD, _TICKS, _LINE, _FOOT = 14, 44, 46, 17, 22
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_CURVES: tuple[tuple[str, Callable[[RuleLevels], float], int, bool], ...] = (
    ("threshold", lambda levels: levels.threshold, 3, True),
    ("clearing level", lambda levels: levels.clear_level, 4, True),
    ("usual in this view (baseline)", lambda levels: levels.baseline, 2, False),
    ("score", lambda levels: levels.score, 0, False),
    ("smoothed", lambda levels: levels.smoothed, 1, False),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend."""

    name: str
    colour: int
    dashed: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a strip, in pixels."""

    at: float
    width: float
    kind: str
    """``inactive``, ``pending``, ``firing``, ``off`` (the rule does not hold), or ``region``."""
    text: str
    """What is read aloud, and shown where the pointer rests."""
    shown: str
    """What is written on it; empty where it is too narrow."""


@dataclass(frozen=True, slots=True)
class Badge:
    """One change of state, in pixels."""

    number: int
    at: float
    """Across, where it happened."""
    up: float
    """Down from the top of the plot: what stood against the threshold."""
    label_at: float
    """Across, where its number stands: numbers do not overlap."""
    kind: str
    """The state that it began."""
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One alert."""

    alert: str
    top: int
    """Down from the top of the picture to the top of the plot."""
    chart: Chart
    states: tuple[Span, ...]
    regions: tuple[Span, ...]
    """Empty where one region alone decided."""
    badges: tuple[Badge, ...]
    more: int
    """Changes of state that are not told."""
    strips: int
    """Height of plot and strips together."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it, ready for the template."""

    title: str
    summary: str
    description: str
    keys: tuple[Key, ...]
    panels: tuple[Panel, ...]
    height: int


def timeline_svg(timeline: Timeline) -> str:
    """A timeline as the text of an SVG file.

    Raises:
        ValueError: it has no sample.
    """
    return render_svg("timeline.svg.jinja", picture=picture(timeline))


def picture(timeline: Timeline) -> Picture:
    """Place all of a timeline.

    Raises:
        ValueError: it has no sample.
    """
    if not timeline.samples:
        raise ValueError(f"{timeline.title}: a timeline without a frame cannot be drawn")
    axis = _time_axis(timeline)
    panels = []
    top = 84
    for index, levels in enumerate(timeline.samples[0].levels):
        panel = _panel(timeline, index, levels.alert, axis, top + _HEAD)
        panels.append(panel)
        told = len(panel.badges) + (panel.more > 0)
        top = panel.top + panel.strips + _TICKS + told * _LINE + _FOOT
    keys = tuple(Key(name, colour, dashed) for name, _, colour, dashed in reversed(_CURVES))
    return Picture(
        timeline.title, _summary(timeline), _description(timeline), keys, tuple(panels), top
    )


def _panel(timeline: Timeline, index: int, alert: str, axis: Axis, top: int) -> Panel:
    rows = [(sample.at, sample.levels[index]) for sample in timeline.samples]
    drawn = _plot(rows, alert, axis, timeline.unix)
    told = [moment for moment in timeline.moments if moment.transition.alert == alert]
    states = _spans(rows, axis, _state, timeline.unix)
    regions = _spans(rows, axis, lambda levels: levels.region, timeline.unix)
    several = len({span.kind for span in regions}) > 1
    named = tuple(replace(span, kind="region") for span in regions) if several else ()
    strips = HEIGHT + (2 if several else 1) * (_STRIP + 4)
    badges = _badges(told[:_MOST_TOLD], axis, timeline.unix)
    return Panel(alert, top, drawn, states, named, badges, len(told) - len(badges), strips)


def _state(levels: RuleLevels) -> str:
    if levels.state is AlertState.INACTIVE and not levels.holds:
        return "off"
    return levels.state.label


def _plot(rows: Sequence[tuple[float, RuleLevels]], alert: str, axis: Axis, unix: bool) -> Chart:
    lines = []
    stretches = list(_unbroken(rows))
    for name, value_of, colour, dashed in _CURVES:
        for stretch in stretches:
            points = tuple((at, value_of(levels)) for at, levels in stretch)
            share = max(1, _STRETCHES * len(stretch) // len(rows))
            dots = name == "score" and len(rows) <= _MOST_DOTTED
            lines.append(Line(name, peaks(points, share), colour, dashed=dashed, dots=dots))
    drawn = chart(
        alert, axis, Axis("evidence", 0.0, 1.0), lines,
        width=WIDTH, height=HEIGHT, most_points=8 * _STRETCHES,
    )  # fmt: skip
    return replace(drawn, x_ticks=_clock_ticks(axis)) if unix else drawn


def _unbroken(
    rows: Sequence[tuple[float, RuleLevels]],
) -> Iterator[Sequence[tuple[float, RuleLevels]]]:
    """Stretches without a gap, and without a clock that was set back."""
    steps = [later[0] - earlier[0] for earlier, later in pairwise(rows)]
    longest = _GAP_STEPS * median(steps) if steps else 0.0
    first = 0
    for index, step in enumerate(steps, 1):
        if step < 0 or step > longest:
            yield rows[first:index]
            first = index
    yield rows[first:]


def _spans(
    rows: Sequence[tuple[float, RuleLevels]],
    axis: Axis,
    word_of: Callable[[RuleLevels], str],
    unix: bool,
) -> tuple[Span, ...]:
    """Stretches with one word; each lasts up to the first frame of the next."""
    runs = [(word, next(run)[0]) for word, run in groupby(rows, lambda row: word_of(row[1]))]
    ends = [began for _, began in runs[1:]] + [rows[-1][0]]
    spans = []
    for (word, began), ended in zip(runs, ends, strict=True):
        at, end = axis.place(began) * WIDTH, axis.place(ended) * WIDTH
        width = max(1.0, end - at)
        text = f"{word} from {_clock(began, unix)} to {_clock(ended, unix)}"
        shown = word if width > 7.0 * len(word) + 8 else ""
        spans.append(Span(round(at, 1), round(width, 1), word, text, shown))
    return tuple(spans)


def _badges(moments: Sequence[Moment], axis: Axis, unix: bool) -> tuple[Badge, ...]:
    """Numbers stand above what they mark, side by side where that is too close."""
    across = [axis.place(moment.at) * WIDTH for moment in moments]
    places: list[float] = []
    for at in across:
        places.append(max(at, places[-1] + _BADGE) if places else at)
    limit = float(WIDTH)
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - _BADGE
    return tuple(
        Badge(
            number,
            round(at, 1),
            round((1 - min(1.0, max(0.0, moment.transition.score))) * HEIGHT, 1),
            round(place, 1),
            moment.transition.state.label,
            _in_words(moment, unix),
        )
        for number, (moment, at, place) in enumerate(zip(moments, across, places, strict=True), 1)
    )


def _in_words(moment: Moment, unix: bool) -> str:
    transition, why = moment.transition, moment.transition.why
    return (
        f"{_clock(moment.at, unix)}  {transition.event}: {why.smoothed:.3f} against "
        f"{why.threshold:.3f}; score {why.score:.3f}, usual {why.baseline:.3f}, region "
        f"{why.region}; after {why.frames} {'frame' if why.frames == 1 else 'frames'} "
        f"({why.seconds:.1f} s) {transition.previous.label}"
    )


def _summary(timeline: Timeline) -> str:
    first, last = timeline.samples[0].at, timeline.samples[-1].at
    return (
        f"{len(timeline.samples)} frames, {_clock(first, timeline.unix)} to "
        f"{_clock(last, timeline.unix)}"
    )


def _description(timeline: Timeline) -> str:
    told = [
        f"{moment.transition.alert} {_in_words(moment, timeline.unix)}."
        for moment in timeline.moments[:_MOST_TOLD]
    ]
    more = len(timeline.moments) - len(told)
    if more > 0:
        told.append(f"And {more} more changes.")
    return f"{_summary(timeline)}. {' '.join(told) or 'No alert changed its state.'}"


def _time_axis(timeline: Timeline) -> Axis:
    times = [sample.at for sample in timeline.samples]
    low, high = min(times), max(times)
    name = "time of day, UTC" if timeline.unix else "seconds of the clip"
    return Axis(name, low, high if high > low else low + 1.0)


def _clock_ticks(axis: Axis) -> tuple[Tick, ...]:
    """About eight round times of day; the date stands with the first of each day."""
    span = axis.high - axis.low
    days = 86400.0 * math.ceil(span / 8 / 86400.0)
    step = next((float(step) for step in _STEPS if span / step <= 9), days)
    found = []
    day = ""
    for number in range(math.ceil(axis.low / step), math.floor(axis.high / step) + 1):
        moment = datetime.fromtimestamp(number * step, UTC)
        today = moment.strftime("%Y-%m-%d")
        time = moment.strftime("%H:%M:%S" if step < 60 else "%H:%M")
        text = time if today == day else f"{today} {time}"
        day = today
        found.append(Tick(round(axis.place(number * step) * WIDTH, 1), text))
    return tuple(found)


def _clock(at: float, unix: bool) -> str:
    if not unix:
        return f"{at:.2f} s"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
