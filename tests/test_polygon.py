"""Polygons: area, cover, and sides that meet."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.polygon import Point, Polygon, area, bounding_box, crossing_sides, share_covered

SQUARE: Polygon = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
WHOLE: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def star(angles: Sequence[float], radii: Sequence[float]) -> Polygon:
    """A polygon about the middle of the picture: corners by angle, so that no sides cross."""
    step = math.tau / len(radii)
    return tuple(
        (
            0.5 + radius * math.cos(step * (index + angle)),
            0.5 + radius * math.sin(step * (index + angle)),
        )
        for index, (angle, radius) in enumerate(zip(angles, radii, strict=True))
    )


simple_polygons = st.integers(4, 9).flatmap(
    lambda count: st.builds(
        star,
        st.lists(st.floats(0.1, 0.9), min_size=count, max_size=count),
        st.lists(st.floats(0.05, 0.5), min_size=count, max_size=count),
    )
)


def test_area_is_the_share_of_the_picture() -> None:
    assert area(SQUARE) == 0.25
    assert area(SQUARE[:3]) == 0.125
    assert area(tuple(reversed(SQUARE))) == 0.25


@pytest.mark.parametrize(
    ("polygon", "crossed"),
    [
        (((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)), (0, 2)),  # a bow tie
        (((0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 1.0)), (0, 1)),  # a corner twice
        (((0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)), (0, 1)),  # back on its own way
        (((0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.0, 1.0)), (0, 1)),
        # A corner on another side:
        (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.0, 1.0)), (0, 2)),
    ],
)
def test_sides_that_meet_are_found(polygon: Polygon, crossed: tuple[int, int]) -> None:
    assert crossing_sides(polygon) == crossed


@settings(max_examples=30)
@given(simple_polygons)
def test_sides_in_their_order_around_do_not_meet(polygon: Polygon) -> None:
    assert crossing_sides(polygon) is None


@settings(max_examples=30)
@given(simple_polygons)
def test_cover_is_the_area(polygon: Polygon) -> None:
    assert share_covered([polygon]) == pytest.approx(area(polygon), abs=0.02)
    assert share_covered([polygon, polygon]) == share_covered([polygon])
    assert share_covered([WHOLE], within=polygon) == pytest.approx(1.0)


def test_cover_counts_what_lies_in_two_once() -> None:
    right: tuple[Point, ...] = tuple((x + 0.25, y) for x, y in SQUARE)
    assert share_covered([SQUARE, right]) == pytest.approx(0.375)
    assert share_covered([right], within=SQUARE) == pytest.approx(0.5)
    assert share_covered([]) == 0.0


def test_the_bounding_box_holds_all_corners() -> None:
    assert bounding_box(((0.5, 0.1), (0.9, 0.4), (0.2, 0.8))) == (0.2, 0.1, 0.9, 0.8)
