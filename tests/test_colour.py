"""RGB of planes: the colours that went in, and those that decoding to RGB would give."""

import numpy as np
import pytest
from av.video.reformatter import Colorspace

from monitor.colour import Colourer, to_rgb
from monitor.layout import Image, Layout
from tests.support.guard import with_guard
from tests.support.planes import PLANAR, frame_of, noise, planes_of

COLOURS = {"red": (200, 30, 40), "blue": (20, 60, 220), "grey": (128, 128, 128), "dark": (9, 9, 9)}


@pytest.mark.parametrize("layout", PLANAR)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_itself_again(layout: Layout, colour: str) -> None:
    plain = np.full((32, 48, 3), COLOURS[colour], np.uint8)
    made = to_rgb(planes_of(frame_of(plain, layout), layout))
    assert made.shape == plain.shape
    assert np.abs(made.astype(int) - plain).max() <= 5


@pytest.mark.parametrize("size", [(640, 360), (480, 270), (802, 450), (34, 18)])
def test_it_is_what_decoding_to_rgb_gives(size: tuple[int, int]) -> None:
    frame = frame_of(noise(*size), Layout.I420_709)
    plain = frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU709)
    assert np.array_equal(to_rgb(planes_of(frame, Layout.I420_709)), plain)


def test_rgb_is_itself() -> None:
    picture = noise(31, 21)
    assert to_rgb(Image.of(picture)) is picture


def test_a_colourer_goes_from_form_to_form() -> None:
    colourer = Colourer()
    for layout in (*PLANAR, *PLANAR):
        for colour in COLOURS.values():
            image = planes_of(frame_of(np.full((64, 96, 3), colour, np.uint8), layout), layout)
            assert np.abs(colourer.rgb(image).astype(int) - colour).max() <= 5


COLOURS_ALL = """
from monitor.colour import to_rgb
assert to_rgb(image).shape == (height, width, 3)
"""


@pytest.mark.parametrize(("width", "height"), [(24, 64), (328, 304), (1080, 1920), (1920, 1080)])
def test_nothing_is_read_beyond_the_end_of_a_picture(width: int, height: int) -> None:
    """FFmpeg's scaler does; a worker that was taken over could end the daemon by it."""
    with_guard(COLOURS_ALL, width, height)
