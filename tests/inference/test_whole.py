"""Whole frames of planes become what the model is judged by, but for a grey level."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.image import resize
from monitor.inference.manifest import Geometry
from monitor.inference.whole import WholeScaler
from monitor.layout import Image, Layout
from tests.support.guard import with_guard
from tests.support.planes import PLANAR, frame_of, planes_of
from tests.support.scenes import scenes

GEOMETRY = Geometry(mode="squash", width=299, height=299)
HALVED = [(1920, 1080), (2560, 1440), (904, 900), (1600, 900)]
NOT_HALVED = [(1280, 720), (640, 480), (640, 450), (1922, 1080), (1920, 1082), (300, 300)]


def planes(width: int, height: int, layout: Layout) -> Image:
    """A scene with a sensor's noise."""
    scene = cv2.resize(scenes(1, side=512)[0], (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 8, scene.shape)
    return planes_of(frame_of(np.clip(scene + noise, 0, 255).astype(np.uint8), layout), layout)


def scaled(image: Image) -> NDArray[np.uint8]:
    out = np.zeros((299, 299, 3), np.uint8)
    WholeScaler(*image.size, image.layout, GEOMETRY).scale(image, out)
    return out


@pytest.mark.parametrize("layout", PLANAR)
@pytest.mark.parametrize("size", HALVED + NOT_HALVED)
def test_it_is_the_plain_way_but_for_a_grey_level(size: tuple[int, int], layout: Layout) -> None:
    image = planes(*size, layout)
    apart = scaled(image).astype(int) - resize(image.rgb(), 299, 299)
    assert np.abs(apart).mean() < (1.5 if size in HALVED else 0.8)
    # Neither brighter nor of another tint: of a bias the model would see more than of noise.
    assert np.abs(apart.mean(axis=(0, 1))).max() < 0.5


@pytest.mark.parametrize("layout", PLANAR)
@pytest.mark.parametrize("colour", [(200, 30, 40), (20, 60, 220), (255, 255, 255), (0, 0, 0)])
def test_a_colour_is_itself_again(layout: Layout, colour: tuple[int, int, int]) -> None:
    plain = np.full((1080, 1920, 3), colour, np.uint8)
    made = scaled(planes_of(frame_of(plain, layout), layout))
    assert np.abs(made.astype(int) - colour).max() <= 5


@pytest.mark.parametrize("size", HALVED + NOT_HALVED)
def test_what_is_far_too_large_is_halved(size: tuple[int, int]) -> None:
    assert WholeScaler(*size, Layout.I420_709, GEOMETRY).halves is (size in HALVED)


def test_one_picture_leaves_nothing_behind_for_the_next() -> None:
    layout = Layout.I420_709
    scaler = WholeScaler(1920, 1080, layout, GEOMETRY)
    first, second = np.zeros((2, 299, 299, 3), np.uint8)
    bright = planes(1920, 1080, layout)
    scaler.scale(bright, first)
    kept = first.copy()
    even = Image.of(np.full(layout.shape(1920, 1080), 90, np.uint8), layout)
    scaler.scale(even, second)
    assert (first == kept).all()
    assert (second == scaled(even)).all()


SCALES = """
from monitor.inference.manifest import Geometry
from monitor.inference.whole import WholeScaler
geometry = Geometry(mode="squash", width=299, height=299)
out = np.zeros((299, 299, 3), np.uint8)
WholeScaler(width, height, Layout.I420_709, geometry).scale(image, out)
"""


@pytest.mark.parametrize(("width", "height"), [(328, 304), (1280, 720), (1920, 1080)])
def test_nothing_is_read_beyond_the_end_of_a_picture(width: int, height: int) -> None:
    with_guard(SCALES, width, height)
