"""RGB of planes: the colours that went in, and those that decoding to RGB would give."""

import subprocess
import sys

import numpy as np
import pytest
from av.video.reformatter import Colorspace

from monitor.colour import Colourer, to_rgb
from monitor.layout import Layout
from tests.support.planes import PLANAR, frame_of, noise, planes_of

COLOURS = {"red": (200, 30, 40), "blue": (20, 60, 220), "grey": (128, 128, 128), "dark": (9, 9, 9)}


@pytest.mark.parametrize("layout", PLANAR)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_itself_again(layout: Layout, colour: str) -> None:
    plain = np.full((32, 48, 3), COLOURS[colour], np.uint8)
    made = to_rgb(planes_of(frame_of(plain, layout)), layout)
    assert made.shape == plain.shape
    assert np.abs(made.astype(int) - plain).max() <= 5


def test_at_full_size_it_is_what_decoding_to_rgb_gives() -> None:
    frame = frame_of(noise(640, 360), Layout.I420_709)
    plain = frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU709)
    assert np.array_equal(to_rgb(planes_of(frame), Layout.I420_709), plain)


def test_rgb_is_itself() -> None:
    picture = noise(31, 21)
    assert to_rgb(picture, Layout.RGB) is picture


def test_a_colourer_goes_from_form_to_form() -> None:
    colourer = Colourer()
    for layout in (*PLANAR, *PLANAR):
        for colour in COLOURS.values():
            pixels = planes_of(frame_of(np.full((64, 96, 3), colour, np.uint8), layout))
            small = colourer.rgb(pixels, layout, (33, 21))
            assert small.shape == (21, 33, 3)
            assert np.abs(small.astype(int) - colour).max() <= 5


GUARDED = """
import ctypes, mmap, sys
import numpy as np
from monitor.colour import to_rgb
from monitor.layout import Layout
width, height = int(sys.argv[1]), int(sys.argv[2])
size = width * height * 3 // 2
pages = -(-size // mmap.PAGESIZE)
memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc = ctypes.CDLL(None, use_errno=True)
guard = ctypes.c_void_p(start + pages * mmap.PAGESIZE)
assert libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
shape = Layout.I420_709.shape(width, height)
pixels = np.ndarray(shape, np.uint8, memory, pages * mmap.PAGESIZE - size)
assert to_rgb(pixels, Layout.I420_709).shape == (height, width, 3)
"""


@pytest.mark.parametrize(("width", "height"), [(24, 64), (328, 304), (1080, 1920), (1920, 1080)])
def test_nothing_is_read_beyond_the_end_of_a_picture(width: int, height: int) -> None:
    """FFmpeg's scaler does; a worker that was taken over could end the daemon by it."""
    subprocess.run([sys.executable, "-c", GUARDED, str(width), str(height)], check=True, timeout=60)
