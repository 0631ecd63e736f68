"""Line charts as numbers in pixels, ready for a template to draw as SVG.

Nothing here knows of HTML: a :class:`Chart` says where each line, mark, tick and text stands, and
a template writes it down: ``monitor/pictures`` as a picture of its own, ``trainer/pages`` within a
page.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 340, 210
"""Of the area of the plot, in the units of the drawing, where nothing else is asked for."""

MOST_POINTS = 300
"""Of a line that is drawn."""

ZERO_SHARE = 0.08
"""Of a logarithmic axis, left for zero, which has no logarithm."""

_TICKS = 5
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be drawn, in the units of the data."""

    name: str
    points: tuple[Point, ...]
    """Points that are no finite numbers are left out."""
    colour: int = 0
    """Which of the page's colours of lines, counted from 0."""
    note: str = ""
    """Stands behind the name in the legend."""
    dashed: bool = False
    dots: bool = False
    """Mark each point."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A single point that is pointed out."""

    name: str
    at: Point
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Axis:
    """What one direction of a chart means."""

    name: str
    low: float
    high: float
    percent: bool = False
    logarithmic: bool = False
    """``low`` is above 0 then, and zero stands before it, at the very end."""

    def place(self, value: float) -> float:
        """Share of the axis at which a value stands, 0 to 1; values beyond it stand at its end."""
        if self.logarithmic:
            if value <= 0:
                return 0.0
            share = math.log(value / self.low) / math.log(self.high / self.low)
            return ZERO_SHARE + (1 - ZERO_SHARE) * min(1.0, max(0.0, share))
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis."""

    at: float
    """Pixels."""
    text: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line in pixels."""

    name: str
    note: str
    colour: int
    dashed: bool
    path: str
    """``x,y`` pairs, separated by spaces."""
    dots: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in pixels; y grows downwards."""

    title: str
    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...]
    marks: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT


def chart(
    title: str,
    x: Axis,
    y: Axis,
    lines: Iterable[Line],
    marks: Iterable[Mark] = (),
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    most_points: int = MOST_POINTS,
) -> Chart:
    """Place lines and marks on two axes; a line without a finite point is left out."""

    def place(point: Point) -> Point:
        return round(x.place(point[0]) * width, 1), round((1 - y.place(point[1])) * height, 1)

    drawn = []
    for line in lines:
        finite = [p for p in line.points if math.isfinite(p[0]) and math.isfinite(p[1])]
        if not finite:
            continue
        placed = [place(point) for point in _thinned(finite, most_points)]
        # A line of one point cannot be seen.
        dots = tuple(placed) if line.dots or len(placed) == 1 else ()
        path = " ".join(f"{across:g},{down:g}" for across, down in placed)
        drawn.append(DrawnLine(line.name, line.note, line.colour, line.dashed, path, dots))
    return Chart(
        title,
        x.name,
        y.name,
        tuple(Tick(round(x.place(v) * width, 1), _text(v, x.percent)) for v in ticks(x)),
        tuple(Tick(round((1 - y.place(v)) * height, 1), _text(v, y.percent)) for v in ticks(y)),
        tuple(drawn),
        tuple(Mark(mark.name, place(mark.at), mark.colour) for mark in marks),
        width,
        height,
    )


def ticks(axis: Axis) -> list[float]:
    """About five round numbers along an axis: multiples of 1, 2 or 5 times a power of 10; along a
    logarithmic one zero and the powers of 10."""
    if axis.logarithmic:
        first = math.ceil(math.log10(axis.low) - 1e-9)
        last = math.floor(math.log10(axis.high) + 1e-9)
        return [0.0, *(10.0**power for power in range(first, last + 1))]
    span = axis.high - axis.low
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def fitting(name: str, values: Iterable[float], *, percent: bool = False) -> Axis:
    """An axis from 0, or for shares from what is worth seeing, that all finite values fit on."""
    finite = [value for value in values if math.isfinite(value)]
    if percent:
        least = min(finite, default=0.0)
        # What lies below the least share is empty: the axis starts at a round number under it.
        return Axis(name, max(0.0, min(0.9, math.floor(least * 10) / 10)), 1.0, percent=True)
    most = max(finite, default=0.0)
    return Axis(name, 0.0, most * 1.05 if most > 0 else 1.0)


def peaks(points: Sequence[Point], stretches: int) -> tuple[Point, ...]:
    """Of each of some stretches of a line the first, the lowest, the highest and the last point: no
    peak is lost, however short it is."""
    if len(points) <= 4 * stretches:
        return tuple(points)
    kept: list[Point] = []
    for number in range(stretches):
        first = number * len(points) // stretches
        last = (number + 1) * len(points) // stretches - 1
        within = range(first, last + 1)
        wanted = {
            first,
            min(within, key=lambda index: points[index][1]),
            max(within, key=lambda index: points[index][1]),
            last,
        }
        kept += [points[index] for index in sorted(wanted)]
    return tuple(kept)


def _thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(number * step)] for number in range(most)]


def _text(value: float, percent: bool) -> str:
    if percent:
        return f"{value * 100:.4g} %"
    return f"{value:,.6g}"
