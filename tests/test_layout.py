"""Planes and RGB: the same picture, whichever way it lies in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.layout import Layout, grey
from tests.support.planes import PLANAR, frame_of, noise, planes_of


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(Layout))
def test_shape_and_size_belong_together(width: int, height: int, layout: Layout) -> None:
    if not layout.fits(width, height):
        width, height = 16 + 2 * width, 16 + 2 * height
    pixels = np.zeros(layout.shape(width, height), np.uint8)
    assert layout.holds(pixels)
    assert layout.size(pixels) == (width, height)


@pytest.mark.parametrize("layout", PLANAR)
@pytest.mark.parametrize("level", [0, 16, 128, 240, 255])
def test_grey_is_the_same_of_planes_and_of_rgb(layout: Layout, level: int) -> None:
    plain = np.full((36, 64, 3), level, np.uint8)
    of_planes = grey(planes_of(frame_of(plain, layout)), layout, 12, 16)
    of_rgb = grey(plain, Layout.RGB, 12, 16)
    assert of_planes.shape == of_rgb.shape == (12, 16)
    assert np.abs(of_planes.astype(int) - of_rgb).max() <= 2


def test_grey_keeps_to_the_brightness_of_planes() -> None:
    frame = frame_of(noise(64, 36), Layout.I420_709)
    picked = grey(planes_of(frame), Layout.I420_709, 36, 64)
    levels = planes_of(frame)[:36].astype(float)
    assert np.abs(picked - np.clip((levels - 16) * 255 / 219, 0, 255)).max() <= 0.51
