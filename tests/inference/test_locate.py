"""Heat maps and boxes from cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.inference.locate import BOX_FROM, enlarge, find_box, heat_map
from monitor.inference.scored import Box, Region

FIRE, MISC, SMOKE = range(3)
FULL = Region("full")


def cells_with(*places: tuple[int, int, int, float]) -> NDArray[np.float32]:
    """Cells of 8 x 8 that say misc, but for places: row, column, label, its logit."""
    cells = np.zeros((8, 8, 3), np.float32)
    cells[..., MISC] = 4.0
    for row, column, label, logit in places:
        cells[row, column, label] = logit
    return cells


def middle(index: int) -> float:
    """Where the middle of a cell lies in a picture of 299 pixels, by Inception v3's strides."""
    return (37 + 32 * index + 0.5) / 299


def test_heat_is_strongest_where_the_label_is_and_nothing_elsewhere() -> None:
    heat = heat_map(cells_with((2, 5, FIRE, 30.0), (3, 5, FIRE, 17.0)), [FIRE])
    assert heat.shape == (8, 8)
    assert heat[2, 5] == 1.0
    assert heat[3, 5] == pytest.approx(0.5, abs=0.01)
    assert np.count_nonzero(heat) == 2


def test_nothing_to_see_gives_no_box() -> None:
    heat = heat_map(cells_with(), [FIRE])
    assert not heat.any()
    assert find_box(heat, FULL) is None


def test_box_is_around_the_place() -> None:
    box = find_box(heat_map(cells_with((2, 5, FIRE, 30.0)), [FIRE]), FULL)
    assert box is not None
    # One cell, and three quarters of the way to its neighbours.
    reach = (1 - BOX_FROM) * 32 / 299
    wanted = (middle(5) - reach, middle(2) - reach, middle(5) + reach, middle(2) + reach)
    found = (box.left, box.top, box.right, box.bottom)
    assert found == pytest.approx(wanted, abs=1.5 / 64)


def test_box_holds_the_strongest_place_alone() -> None:
    cells = cells_with((1, 1, FIRE, 30.0), (1, 2, FIRE, 25.0), (6, 6, FIRE, 29.0))
    box = find_box(heat_map(cells, [FIRE]), FULL)
    assert box is not None
    assert box.left < middle(1)
    assert box.right > middle(2)
    assert box.right < middle(4)
    assert box.bottom < middle(3)


def test_box_of_two_labels_holds_both() -> None:
    cells = cells_with((4, 3, FIRE, 30.0), (3, 3, SMOKE, 30.0), (2, 3, SMOKE, 30.0))
    both = find_box(heat_map(cells, [SMOKE, FIRE]), FULL)
    fire = find_box(heat_map(cells, [FIRE]), FULL)
    assert both is not None
    assert fire is not None
    assert both.top < middle(2) < middle(4) < both.bottom
    assert fire.top > middle(3) - 1 / 64


def test_whole_picture_gives_the_whole_region() -> None:
    heat = np.ones((8, 8), np.float32)
    tile = Region("tile-0-1", 0.5, 0.0, 1.0, 0.5)
    assert find_box(heat, FULL) == Box(0.0, 0.0, 1.0, 1.0)
    assert find_box(heat, tile) == Box(0.5, 0.0, 1.0, 0.5)


def test_box_of_a_tile_is_relative_to_the_frame() -> None:
    heat = heat_map(cells_with((2, 5, FIRE, 30.0)), [FIRE])
    whole = find_box(heat, FULL)
    part = find_box(heat, Region("tile-1-0", 0.0, 0.6, 0.4, 1.0))
    assert whole is not None
    assert part is not None
    assert part.left == pytest.approx(0.4 * whole.left, abs=1e-3)
    assert part.bottom == pytest.approx(0.6 + 0.4 * whole.bottom, abs=1e-3)


def test_enlarged_map_has_the_cells_at_their_middles() -> None:
    heat = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    large = enlarge(heat, 299, 299)
    assert large.shape == (299, 299)
    assert np.allclose(large[37::32, 37::32][:8, :8], heat, atol=1e-5)
    assert enlarge(heat, 20, 10).shape == (10, 20)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.floats(0.1, 60.0))
def test_any_cells_give_a_sound_box_or_none(
    seed: int, rows: int, columns: int, spread: float
) -> None:
    cells = np.random.default_rng(seed).normal(0.0, spread, (rows, columns, 3))
    heat = heat_map(cells.astype(np.float32), [FIRE])
    assert heat.min() >= 0.0
    assert heat.max() <= 1.0
    region = Region("tile", 0.25, 0.5, 0.75, 1.0)
    box = find_box(heat, region)
    assert (box is None) == (not heat.any())
    if box is not None:
        assert region.left <= box.left < box.right <= region.right
        assert region.top <= box.top < box.bottom <= region.bottom
