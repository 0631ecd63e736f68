"""What ``emberwatch tune`` tried, as a picture: hazards found over false alarms."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from monitor.chart import Axis, Chart, Line, Mark, Point, chart, fitting
from monitor.svg import render_svg
from trainer.sweep import Score
from trainer.tune_output import Findings, describe

_WIDTH, _HEIGHT = 860, 420
_TRIED, _FRONT, _PROPOSED, _NOW, _BUDGET = 0, 1, 2, 3, 4
"""Colours of ``monitor/pictures/style.css``."""


def plot_svg(found: Findings) -> str:
    """The picture as the text of an SVG file."""
    drawn = plot(found)
    return render_svg(
        "scatter.svg.jinja",
        chart=drawn,
        summary=_summary(found),
        description=_description(found),
    )


def plot(found: Findings) -> Chart:
    """Every setting that was tried, the front, and the settings of now and of the proposal.

    False alarms stand on a logarithmic axis, with zero at its left end. Without a hazard recall is
    not known, and all stand at 0.
    """
    tried = tuple(sorted({_point(score) for score in found.tried}))
    front = tuple(_point(score) for score in found.front)
    budget = found.budget_per_week
    across = _axis([*(x for x, _ in tried), *(x for x, _ in front), budget])
    up = fitting("hazards found in time", [y for _, y in tried], percent=True)
    lines = [
        Line("budget", ((budget, up.low), (budget, up.high)), _BUDGET, dashed=True),
        *(Line("tried", (point,), _TRIED, dots=True) for point in tried),
        Line("front", _stairs(front), _FRONT),
        *(Line("front", (point,), _FRONT, dots=True) for point in front),
    ]
    marks = [Mark("now", _point(found.now), _NOW)]
    if found.proposed is not None:
        marks.append(Mark("proposed", _point(found.proposed), _PROPOSED))
    return chart(
        "What the settings of the decision come to", across, up, lines, marks,
        width=_WIDTH, height=_HEIGHT,
    )  # fmt: skip


def _point(score: Score) -> Point:
    return round(score.per_week, 6), 0.0 if math.isnan(score.recall) else score.recall


def _stairs(points: Sequence[Point]) -> tuple[Point, ...]:
    """Between two settings the one with fewer false alarms is the best there is."""
    corners = [(later[0], earlier[1]) for earlier, later in pairwise(points)]
    return tuple(sorted([*points, *corners]))


def _axis(values: Iterable[float]) -> Axis:
    positive = [value for value in values if value > 0]
    low = 10.0 ** math.floor(math.log10(min(positive)) + 1e-9)
    high = 10.0 ** math.ceil(math.log10(max(positive)) - 1e-9)
    name = "false alarms a camera and week"
    return Axis(name, low, high if high > low else 10 * low, logarithmic=True)


def _summary(found: Findings) -> str:
    now = found.now
    return (
        f"{now.hazards} times fire or smoke, {now.quiet_seconds / 3600:.1f} camera-hours without; "
        f"{len(found.tried)} settings tried"
    )


def _description(found: Findings) -> str:
    told = [("now", found.now), ("proposed", found.proposed)]
    return f"{_summary(found)}. " + " ".join(
        f"{name}: level, for, smoothing {' '.join(describe(score.candidate).split())}; found "
        f"{score.found} of {score.hazards}, {score.per_week:.2f} false alarms a camera and week."
        for name, score in told
        if score is not None
    )
