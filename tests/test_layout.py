"""Planes and RGB: the same picture, whichever way it lies in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.layout import Image, Layout
from tests.support.planes import PLANAR, frame_of, noise, planes_of


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(Layout))
def test_shape_and_size_belong_together(width: int, height: int, layout: Layout) -> None:
    if not layout.fits(width, height):
        width, height = 16 + 2 * width, 16 + 2 * height
    pixels = np.random.default_rng(0).integers(0, 256, layout.shape(width, height), np.uint8)
    image = Image.of(pixels, layout)
    assert image.size == (width, height)
    assert image.nbytes == pixels.nbytes
    copy = np.zeros_like(pixels)
    image.write_to(copy)
    assert np.array_equal(copy, pixels)
    again = image.copy()
    pixels[:] = 0
    copy[:] = 0
    again.write_to(copy)
    assert copy.any(), "a copy has memory of its own"


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((20, 30), Layout.RGB),
        ((20, 30, 4), Layout.RGB),
        ((31, 30), Layout.I420_709),
        ((30, 31), Layout.I420_709),
        ((12, 30), Layout.I420_709),
        ((30, 30, 3), Layout.I420_601),
        ((0, 0), Layout.I420_601),
    ],
)
def test_what_is_not_of_its_layout_is_refused(shape: tuple[int, ...], layout: Layout) -> None:
    with pytest.raises(ValueError, match=rf"which is not uint8 {layout.name}"):
        Image.of(np.zeros(shape, np.uint8), layout)


def test_numbers_that_are_no_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        Image((np.zeros((20, 30, 3), np.float32),))


def test_planes_that_do_not_go_together_are_refused() -> None:
    brightness, colour = np.zeros((20, 30), np.uint8), np.zeros((10, 15), np.uint8)
    Image((brightness, colour, colour), Layout.I420_709)
    with pytest.raises(ValueError, match="which is not"):
        Image((brightness, colour, colour[:9]), Layout.I420_709)
    with pytest.raises(ValueError, match="which is not"):
        Image((brightness, colour), Layout.I420_709)


@pytest.mark.parametrize("layout", PLANAR)
@pytest.mark.parametrize("level", [0, 16, 128, 240, 255])
def test_grey_is_the_same_of_planes_and_of_rgb(layout: Layout, level: int) -> None:
    plain = np.full((36, 64, 3), level, np.uint8)
    of_planes = planes_of(frame_of(plain, layout), layout).grey(12, 16)
    of_rgb = Image.of(plain).grey(12, 16)
    assert of_planes.shape == of_rgb.shape == (12, 16)
    assert np.abs(of_planes.astype(int) - of_rgb).max() <= 2


def test_grey_keeps_to_the_brightness_of_planes() -> None:
    frame = frame_of(noise(64, 36), Layout.I420_709)
    image = planes_of(frame, Layout.I420_709)
    picked = image.grey(36, 64)
    levels = image.planes[0].astype(float)
    assert np.abs(picked - np.clip((levels - 16) * 255 / 219, 0, 255)).max() <= 0.51
