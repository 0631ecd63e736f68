import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pictures import picture
from trainer import augment, degrade
from trainer.augment import Recipe, view
from trainer.size import SIZE


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300), st.booleans())
def test_any_picture_gives_a_view_of_the_models_size(
    seed: int, height: int, width: int, small: bool
) -> None:
    pixels = np.full((height, width, 3), 77, np.uint8)
    scene = np.zeros((width, height, 3), np.uint8) if small else None
    made = view(pixels, scene, Recipe(degraded=0.9), np.random.default_rng(seed))
    assert made.shape == (SIZE, SIZE, 3)
    assert made.dtype == np.uint8


def test_the_same_seed_gives_the_same_view() -> None:
    views = [
        view(picture("fire", 1), picture("misc", 1), Recipe(), np.random.default_rng(5))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(views[0], views[1])


def test_a_small_view_keeps_most_of_the_scene() -> None:
    scene = np.zeros((SIZE, SIZE, 3), np.uint8)
    bright = np.full((SIZE, SIZE, 3), 255, np.uint8)
    for seed in range(20):
        made = augment.paste(scene, bright, 0.2, np.random.default_rng(seed))
        assert 0 < (made > 10).mean() < 0.08


FAULTS = (
    degrade.low_resolution, degrade.night, degrade.noise, degrade.blur, degrade.compress,
    degrade.grey, degrade.haze, degrade.colour_temperature, degrade.exposure, degrade.text,
    degrade.video,
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_changes_the_picture_and_keeps_what_it_shows(fault: object) -> None:
    assert callable(fault)
    pixels = picture("smoke", 3, SIZE, SIZE)
    made = fault(pixels, np.random.default_rng(2))
    assert made.shape == pixels.shape
    assert (made != pixels).any()
    likeness = np.corrcoef(made.mean(axis=2).ravel(), pixels.mean(axis=2).ravel())[0, 1]
    assert likeness > 0.7


def test_a_grey_view_has_less_colour() -> None:
    pixels = picture("fire", 1, SIZE, SIZE)
    made = degrade.grey(pixels, np.random.default_rng(1))
    assert np.ptp(made.astype(int), axis=2).mean() < 0.6 * np.ptp(pixels.astype(int), axis=2).mean()


def test_a_recipe_of_nothing_shows_the_picture_as_it_is_but_for_its_light() -> None:
    plain = Recipe(degraded=0, small=0, mirrored=0, least_area=1, brightness=0)
    pixels = picture("fire", 1, SIZE, SIZE)
    for seed in range(12):
        made = view(pixels, None, plain, np.random.default_rng(seed))
        assert np.corrcoef(made.mean(axis=2).ravel(), pixels.mean(axis=2).ravel())[0, 1] > 0.95


def test_crops_keep_as_much_as_is_asked_and_mirroring_can_be_left_out() -> None:
    left_dark = np.zeros((SIZE, SIZE, 3), np.uint8)
    left_dark[:, SIZE // 2 :] = 200
    for mirrored in (0.0, 1.0):
        recipe = Recipe(degraded=0, mirrored=mirrored, least_area=0.9, brightness=0)
        for seed in range(12):
            made = view(left_dark, None, recipe, np.random.default_rng(seed)).mean(axis=2)
            darker = made[:, : SIZE // 3].mean() < made[:, -SIZE // 3 :].mean()
            assert darker == (mirrored == 0)


def test_brightness_stays_in_its_bounds() -> None:
    grey = np.full((SIZE, SIZE, 3), 200, np.uint8)
    spread = {
        share: np.ptp(
            [augment.relight(grey, np.random.default_rng(n), share).mean() for n in range(40)]
        )
        for share in (0.0, 0.6)
    }
    assert spread[0.6] > spread[0.0] + 20
