"""Regions: tiles cover the frame, never leave it, and share what they should."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Tiles, Zone
from monitor.image import resize
from monitor.inference.manifest import Geometry
from monitor.inference.regions import bounds, cut, full_view, plan_regions
from monitor.inference.scored import Region
from tests.support.scenes import scenes

tile_plans = st.builds(
    lambda rows, columns, overlap: Tiles(rows=rows, columns=columns, overlap=overlap),
    st.integers(1, 8),
    st.integers(1, 8),
    st.floats(0, 0.89),
)
sides = st.integers(1, 4096)


def test_without_tiles_the_full_view_alone_is_scored() -> None:
    assert plan_regions(None) == (full_view(),)
    assert full_view() == Region("full", 0.0, 0.0, 1.0, 1.0)


def test_tiles_are_named_by_row_and_column() -> None:
    names = [region.name for region in plan_regions(Tiles(rows=1, columns=2))]
    assert names == ["full", "tile-0-0", "tile-0-1"]


@given(tile_plans, sides, sides)
def test_tiles_cover_every_pixel_and_none_outside(tiles: Tiles, width: int, height: int) -> None:
    _, *regions = plan_regions(tiles)
    columns, rows = np.zeros(width, bool), np.zeros(height, bool)
    for region in regions:
        left, top, right, bottom = bounds(region, width, height)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        columns[left:right] = True
        rows[top:bottom] = True
    # Tiles are a grid, so each axis covered is the frame covered.
    assert columns.all()
    assert rows.all()


@given(tile_plans)
def test_tiles_have_one_size_and_share_the_overlap(tiles: Tiles) -> None:
    first, *_ = regions = plan_regions(tiles)[1:]
    assert len({region.name for region in regions}) == tiles.rows * tiles.columns
    size = first.right - first.left
    for region in regions:
        assert abs((region.right - region.left) - size) < 1e-9
        assert 0 <= region.left < region.right <= 1
    if tiles.columns > 1:
        assert abs((first.right - regions[1].left) - tiles.overlap * size) < 1e-9


def test_a_zone_is_the_box_around_its_polygon() -> None:
    zone = Zone(name="gate", polygon=[[0.2, 0.4], [0.5, 0.3], [0.4, 0.6]])
    *others, region = plan_regions(Tiles(rows=1, columns=2), [zone])
    assert [other.name for other in others] == ["full", "tile-0-0", "tile-0-1"]
    assert region == Region("gate", 0.2, 0.3, 0.5, 0.6)


def test_a_long_zone_is_given_room_inside_the_frame() -> None:
    belt = Zone(name="belt", polygon=[[0.0, 0.95], [0.8, 0.95], [0.8, 1.0], [0.0, 1.0]])
    (_, region) = plan_regions(None, [belt])
    box = (region.left, region.top, region.right, region.bottom)
    assert [round(side, 6) for side in box] == [0.0, 0.6, 0.8, 1.0]


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_any_region_of_any_frame_can_be_cut(
    width: int, height: int, left: float, right: float, top: float, bottom: float
) -> None:
    pixels = np.full((height, width, 3), (1, 2, 3), np.uint8)
    region = Region("r", min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    picture = cut(pixels, region, Geometry(width=9, height=7))
    assert picture.shape == (7, 9, 3)
    assert (picture == (1, 2, 3)).all()


def test_cut_takes_its_part_of_the_frame() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[50:, 100:] = 255
    corner = Region("corner", left=0.5, top=0.5)
    assert (cut(pixels, corner, Geometry()) == 255).all()
    assert 60 < cut(pixels, full_view(), Geometry()).mean() < 68


def test_cut_never_changes_nor_shares_the_frame() -> None:
    pixels = np.zeros((299, 299, 3), np.uint8)
    picture = cut(pixels, full_view(), Geometry())
    picture[:] = 9
    assert not pixels.any()


@pytest.mark.parametrize("size", [(1280, 720), (1279, 720), (1920, 1080), (598, 598), (640, 480)])
def test_large_pictures_are_halved_first_and_give_the_same_within_a_grey_level(
    size: tuple[int, int],
) -> None:
    geometry = Geometry(mode="squash", width=299, height=299)
    picture = cv2.resize(scenes(1, side=512)[0], size, interpolation=cv2.INTER_CUBIC)
    picture = np.asarray(picture, np.uint8)
    found = cut(picture, full_view(), geometry)
    assert np.abs(found.astype(int) - resize(picture, 299, 299)).mean() < 0.8
