"""Stencils: nothing of what is hidden reaches the model, and nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.inference import stencil
from monitor.inference.manifest import Geometry
from monitor.inference.regions import cut, full_view
from monitor.inference.scored import Region
from monitor.inference.stencil import FILL, Stencils, draw_stencil
from monitor.polygon import Polygon
from tests.test_polygon import simple_polygons

GEOMETRY = Geometry(width=60, height=40)
BORDER = 3
"""Pixels of the model's input around a mask that may be filled too, where the frame is larger."""

frame_sides = st.integers(70, 160)


def noise(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), np.uint8)


def seen(pixels: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    """What the model gets of a region."""
    picture = cut(pixels, region, GEOMETRY)
    Stencils(GEOMETRY).fill(picture, region, pixels.shape[1], pixels.shape[0])
    return picture


def holds(polygon: Polygon, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points are inside a polygon, by counting the sides to their right."""
    inside = np.zeros(np.broadcast(xs, ys).shape, np.bool_)
    for (x0, y0), (x1, y1) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if y0 != y1:
            inside ^= ((y0 <= ys) != (y1 <= ys)) & (xs < x0 + (ys - y0) * (x1 - x0) / (y1 - y0))
    return inside


def touched(polygon: Polygon, width: int, height: int) -> NDArray[np.bool_]:
    """The pixels of a frame of which any of 3 x 3 points is inside."""
    xs = (np.arange(3 * width) + 0.5)[None, :] / (3 * width)
    ys = (np.arange(3 * height) + 0.5)[:, None] / (3 * height)
    return np.asarray(holds(polygon, xs, ys).reshape(height, 3, width, 3).any(axis=(1, 3)))


def crossed(polygon: Polygon) -> NDArray[np.bool_]:
    """The pixels of the model's input that a side runs through: a spike may hold no point."""
    found = np.zeros((GEOMETRY.height, GEOMETRY.width), np.bool_)
    for begin, end in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        x, y = np.linspace(begin, end, 10 * GEOMETRY.width).T
        rows = np.clip(y * GEOMETRY.height, 0, GEOMETRY.height - 1).astype(int)
        columns = np.clip(x * GEOMETRY.width, 0, GEOMETRY.width - 1).astype(int)
        found[rows, columns] = True
    return found


@settings(max_examples=20)
@given(simple_polygons, frame_sides, frame_sides)
def test_what_is_masked_cannot_change_what_the_model_gets(
    polygon: Polygon, width: int, height: int
) -> None:
    region = Region("full", hidden=(polygon,))
    pixels = noise(width, height)
    other = np.where(touched(polygon, width, height)[:, :, None], noise(width, height, 1), pixels)
    assert (seen(pixels, region) == seen(other, region)).all()


@settings(max_examples=20)
@given(simple_polygons, frame_sides, frame_sides)
def test_a_mask_changes_nothing_outside_of_its_border(
    polygon: Polygon, width: int, height: int
) -> None:
    pixels = noise(width, height)
    changed = (seen(pixels, Region("full", hidden=(polygon,))) != seen(pixels, full_view())).any(2)
    rows, columns = np.nonzero(changed)
    near = touched(polygon, GEOMETRY.width, GEOMETRY.height) | crossed(polygon)
    for row, column in zip(rows, columns, strict=True):
        around = near[
            max(row - BORDER, 0) : row + BORDER + 1, max(column - BORDER, 0) : column + BORDER + 1
        ]
        assert around.any()


@settings(max_examples=20)
@given(simple_polygons, st.tuples(frame_sides, frame_sides), st.tuples(frame_sides, frame_sides))
def test_a_mask_hides_the_same_part_of_a_frame_of_any_size(
    polygon: Polygon, first: tuple[int, int], second: tuple[int, int]
) -> None:
    region = Region("full", hidden=(polygon,))
    one, two = (draw_stencil(region, *size, GEOMETRY) for size in (first, second))
    assert (one == two).all()


def test_stencils_serve_frames_that_change_their_size() -> None:
    region = Region("full", hidden=(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)),))
    stencils = Stencils(GEOMETRY)
    for width, height in ((320, 240), (1280, 720), (320, 240)):
        picture = cut(np.full((height, width, 3), 200, np.uint8), region, GEOMETRY)
        stencils.fill(picture, region, width, height)
        assert (picture[:, 32:] == FILL).all()
        assert (picture[:, :26] == 200).all()


def test_only_the_stencils_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    draw = stencil.draw_stencil

    def count(region: Region, width: int, height: int, geometry: Geometry) -> NDArray[np.uint8]:
        drawn.append(region.name)
        return draw(region, width, height, geometry)

    monkeypatch.setattr(stencil, "draw_stencil", count)
    monkeypatch.setattr(stencil, "KEPT_STENCILS", 2)
    stencils = Stencils(GEOMETRY)
    corner: Polygon = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    picture = np.zeros((40, 60, 3), np.uint8)
    for name in ("a", "b", "a", "c", "a", "b"):
        stencils.fill(picture, Region(name, hidden=(corner,)), 100, 100)
    assert drawn == ["a", "b", "c", "b"]
