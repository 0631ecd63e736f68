"""A camera that was turned is told from all that passes before one that was not."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from monitor.ingest.scenery import SceneryWatch, edge_field

Grey = NDArray[np.uint8]
ROWS, COLUMNS = 144, 256
EVERY_SECONDS = 10.0
LEARN = 90
"""Pictures: 15 minutes."""


def view(seed: int) -> NDArray[np.float64]:
    """A still scene with objects of several sizes."""
    random = np.random.default_rng(seed)
    picture = np.full((ROWS, COLUMNS), 110.0)
    for side in (8, 24, 60):
        cells = random.normal(0, 20, (ROWS // side + 1, COLUMNS // side + 1))
        picture += np.kron(cells, np.ones((side, side)))[:ROWS, :COLUMNS]
    return picture


def seen(picture: NDArray[np.float64], index: int, noise: float = 3.0) -> Grey:
    random = np.random.default_rng(1000 + index)
    return np.clip(picture + random.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def moved(pictures: Iterator[Grey] | list[Grey], watch: SceneryWatch | None = None) -> list[bool]:
    watch = watch or SceneryWatch()
    return [watch.update(grey, index * EVERY_SECONDS) for index, grey in enumerate(pictures)]


def learned() -> list[Grey]:
    return [seen(view(1), index) for index in range(LEARN)]


def night(index: int) -> NDArray[np.float64]:
    return 255 - view(1) * 0.7


def dim(index: int) -> NDArray[np.float64]:
    return view(1) * 0.35


def fog(index: int) -> NDArray[np.float64]:
    return 180 + (view(1) - 110) * 0.25


def lorry(index: int) -> NDArray[np.float64]:
    picture = view(1)
    picture[30:, 60:180] = view(9)[30:, 60:180]
    return picture


def flames(index: int) -> NDArray[np.float64]:
    picture = view(1)
    picture[60:, 40:140] = 200 + np.random.default_rng(index).normal(0, 40, (84, 100))
    return picture


def shaken(index: int) -> NDArray[np.float64]:
    return np.roll(view(1), index % 3 - 1, axis=1)


@pytest.mark.parametrize("change", [night, dim, fog, lorry, flames, shaken])
def test_what_passes_is_no_other_view(change: Callable[[int], NDArray[np.float64]]) -> None:
    later = [seen(change(index), index) for index in range(LEARN, LEARN + 30)]
    assert not any(moved(learned() + later))


@pytest.mark.parametrize(
    "other", [view(2), np.roll(view(1), 70, axis=1), np.roll(view(1), 40, axis=0), view(1)[::-1]]
)
def test_another_view_is_told_after_a_minute_and_no_more_once_it_is_back(
    other: NDArray[np.float64],
) -> None:
    turned = [seen(other, index) for index in range(LEARN, LEARN + 12)]
    back = [seen(view(1), index) for index in range(LEARN + 12, LEARN + 15)]
    states = moved(learned() + turned + back)
    assert states[: LEARN + 6] == [False] * (LEARN + 6)
    assert states[LEARN + 6 : LEARN + 12] == [True] * 6
    assert states[LEARN + 12 :] == [False] * 3


def test_a_view_that_is_not_known_yet_is_not_missed() -> None:
    assert not any(moved(learned()[:20] + [seen(view(2), index) for index in range(30)]))


def test_a_camera_that_pans_by_itself_never_counts_as_moved() -> None:
    tour = [seen(view(index // 3 % 6), index) for index in range(300)]
    assert not any(moved(tour))


def test_another_view_becomes_the_usual_one_within_a_day() -> None:
    watch = SceneryWatch()
    moved(learned(), watch)
    minutes = range(LEARN // 6, LEARN // 6 + 24 * 60)
    states = [watch.update(seen(view(2), minute), 60.0 * minute) for minute in minutes]
    assert any(states)
    assert not any(states[-60:])


def test_a_picture_without_edges_says_nothing() -> None:
    fallen = [np.full((ROWS, COLUMNS), 128, np.uint8)] * 20
    assert not any(moved([*learned(), *fallen]))


@settings(max_examples=25)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_edges_of_any_picture_are_at_most_1(grey: Grey) -> None:
    field = edge_field(grey)
    assert field.size == 0 or float(np.abs(field).max()) <= 1.0
    SceneryWatch().update(grey, 0.0)
