"""The fast way to the model's input gives what OpenCV's area method gives."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.image import resize
from monitor.inference.manifest import Geometry
from monitor.inference.shrink import KEPT_SIZES, Shrinker
from tests.support.scenes import scenes

GEOMETRY = Geometry(mode="squash", width=299, height=299)


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """A scene with a sensor's noise, which shows any difference."""
    scene = cv2.resize(scenes(1, side=512)[0], (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 25, scene.shape)
    return np.asarray(np.clip(scene + noise, 0, 255), np.uint8)


def shrunk(shrinker: Shrinker, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    out = np.zeros((299, 299, 3), np.uint8)
    shrinker.shrink(pixels, out)
    return out


@pytest.mark.parametrize(
    "size",
    [
        (640, 360),
        (1279, 720),
        (597, 597),
        (301, 299),
        (300, 2000),
        (641, 479),
        (352, 288),
        (299, 9),
    ],
)
def test_it_is_the_area_method_within_two_grey_levels(size: tuple[int, int]) -> None:
    pixels = picture(*size)
    found = shrunk(Shrinker(GEOMETRY), pixels)
    apart = np.abs(found.astype(int) - resize(pixels, 299, 299))
    assert apart.max() <= 2
    assert apart.mean() < 0.2


def test_colours_stay_apart() -> None:
    pixels = np.zeros((360, 640, 3), np.uint8)
    pixels[:] = (255, 0, 128)
    assert (shrunk(Shrinker(GEOMETRY), pixels) == (255, 0, 128)).all()


def test_a_part_of_a_larger_frame_is_scaled_as_the_part_alone() -> None:
    frame = picture(900, 700)
    part = frame[100:500, 50:650]
    assert (shrunk(Shrinker(GEOMETRY), part) == shrunk(Shrinker(GEOMETRY), part.copy())).all()


def test_sizes_may_change_as_they_like() -> None:
    shrinker = Shrinker(GEOMETRY)
    sizes = [(300 + 7 * number, 400) for number in range(KEPT_SIZES + 3)]
    for size in sizes + sizes[::-1]:
        assert (
            shrunk(shrinker, picture(*size)) == shrunk(Shrinker(GEOMETRY), picture(*size))
        ).all()
