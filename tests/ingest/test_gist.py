"""What is blank shows nothing but one dark level and noise; all else is looked at."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.ingest.gist import NO_GIST, gist, is_blank
from monitor.ingest.health import thumbnail
from monitor.layout import Image
from tests.support.scenes import scenes

SIZE = (1080, 1920)


def gist_of(pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    grey = np.clip(pixels, 0, 255).astype(np.uint8)
    return gist(thumbnail(Image.of(np.dstack([grey, grey, grey]))))


def noise(deviation: float, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.0, deviation, SIZE)


@given(st.floats(0, 45), st.floats(0, 12), st.integers(0, 99))
def test_a_dark_level_with_noise_is_blank(level: float, deviation: float, seed: int) -> None:
    assert is_blank(gist_of(level + noise(deviation, seed)))


@given(
    st.floats(0, 45), st.floats(0, 8), st.integers(24, 60), st.integers(0, 1900),
    st.integers(0, 1030),
)  # fmt: skip
def test_a_flame_in_the_dark_is_not_blank(
    level: float, deviation: float, side: int, left: int, top: int
) -> None:
    pixels = level + noise(deviation, 1)
    left, top = min(left, SIZE[1] - side), min(top, SIZE[0] - side)
    pixels[top : top + side, left : left + side] = 250
    assert not is_blank(gist_of(pixels))


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("light", [1.0, 0.3, 0.1, 0.06])
def test_a_dim_scene_is_not_blank(number: int, light: float) -> None:
    scene = cv2.resize(scenes(8, side=256)[number], SIZE[::-1]).mean(axis=2)
    assert not is_blank(gist_of(light * scene + noise(1.5, number)))


@pytest.mark.parametrize("level", [110, 128, 200, 255])
def test_thick_smoke_is_not_blank(level: float) -> None:
    assert not is_blank(gist_of(level + noise(2.0, 0)))


def test_of_no_gist_nothing_is_known() -> None:
    assert not is_blank(NO_GIST)
