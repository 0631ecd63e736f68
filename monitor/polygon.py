"""Polygons in coordinates relative to a picture: 0 to 1 from left to right, and from top to bottom.

Pure Python: configuration and ingest use it without loading numpy or OpenCV.
"""

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Polygon = tuple[Point, ...]
"""The corners in their order around it; the last is joined with the first."""

SCAN_LINES = 128
"""Lines that shares are measured on. Along a line they are exact, so that a share is right to
about one part in this."""

Span = tuple[float, float]


def area(polygon: Polygon) -> float:
    """The share of the picture inside a polygon whose sides do not cross (shoelace formula)."""
    return abs(sum(_cross(a, b) for a, b in _sides(polygon))) / 2


def bounding_box(polygon: Polygon) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what it covers."""
    xs = [x for x, _ in polygon]
    ys = [y for _, y in polygon]
    return min(xs), min(ys), max(xs), max(ys)


def crossing_sides(polygon: Polygon) -> tuple[int, int] | None:
    """Two sides that meet where they should not, by the index of their first corner; None if no
    two do. Sides that run back over their neighbour count, and corners that stand twice."""
    sides = _sides(polygon)
    for first in range(len(sides)):
        for second in range(first + 1, len(sides)):
            a, b = sides[first], sides[second]
            if second - first in (1, len(sides) - 1):
                shared, before, after = (
                    (a[1], a[0], b[1]) if second == first + 1 else (a[0], a[1], b[0])
                )
                if _turns_back(before, shared, after):
                    return first, second
            elif _meet(a, b):
                return first, second
    return None


def share_covered(polygons: Sequence[Polygon], within: Polygon | None = None) -> float:
    """The share of the picture, or of ``within``, that polygons cover together, 0 to 1."""
    covered = whole = 0.0
    for line in range(SCAN_LINES):
        y = (line + 0.5) / SCAN_LINES
        inside = [(0.0, 1.0)] if within is None else _spans(within, y)
        whole += sum(end - start for start, end in inside)
        union = _union([span for polygon in polygons for span in _spans(polygon, y)])
        covered += sum(
            max(0.0, min(end, right) - max(start, left))
            for start, end in inside
            for left, right in union
        )
    return covered / whole if whole else 0.0


def _sides(polygon: Polygon) -> list[tuple[Point, Point]]:
    return list(pairwise((*polygon, polygon[0])))


def _spans(polygon: Polygon, y: float) -> list[Span]:
    """Where a horizontal line is inside the polygon."""
    found = sorted(
        a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
        for a, b in _sides(polygon)
        if (a[1] <= y) != (b[1] <= y)
    )
    return list(zip(found[::2], found[1::2], strict=True))


def _union(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]


def _turn(a: Point, b: Point, c: Point) -> float:
    """Above 0 where the way from a over b to c turns one way, below 0 the other, 0 on a line."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _turns_back(before: Point, corner: Point, after: Point) -> bool:
    back = (before[0] - corner[0]) * (after[0] - corner[0]) + (before[1] - corner[1]) * (
        after[1] - corner[1]
    )
    return corner in (before, after) or (_turn(before, corner, after) == 0 and back > 0)


def _meet(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    """Whether two sides cross or touch."""
    apart = (_turn(*a, b[0]), _turn(*a, b[1]), _turn(*b, a[0]), _turn(*b, a[1]))
    if (apart[0] > 0) != (apart[1] > 0) and (apart[2] > 0) != (apart[3] > 0) and all(apart):
        return True
    touched = ((b[0], a), (b[1], a), (a[0], b), (a[1], b))
    return any(
        turn == 0 and _within(point, side)
        for turn, (point, side) in zip(apart, touched, strict=True)
    )


def _within(point: Point, side: tuple[Point, Point]) -> bool:
    """Whether a point on the line of a side lies between its ends."""
    (x0, y0), (x1, y1) = side
    return min(x0, x1) <= point[0] <= max(x0, x1) and min(y0, y1) <= point[1] <= max(y0, y1)
