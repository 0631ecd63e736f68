"""From decoded pictures to what is handed on."""

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.ingest.convert import Converter, fitted
from monitor.layout import Layout
from tests.support.scenes import scenes

COLOURS = [(200, 30, 20), (30, 200, 60), (20, 40, 220), (128, 128, 128)]


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(299, 4096))
def test_fitted_sizes_keep_the_aspect_and_never_grow(width: int, height: int, limit: int) -> None:
    wide, high = fitted(width, height, limit)
    assert 1 <= wide <= min(width, limit)
    assert 1 <= high <= min(height, limit)
    if max(width, height) > limit:
        assert max(wide, high) == limit
        assert abs(wide * height - high * width) <= max(width, height)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "form", ["yuv420p", "yuvj420p", "nv12", "yuv420p10le", "yuyv422", "rgb24", "gray", "pal8"]
)
def test_colours_are_kept(colour: tuple[int, int, int], form: str) -> None:
    picture = np.full((240, 320, 3), colour, np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="rgb8" if form == "pal8" else form
    )
    if form == "pal8":
        palette = np.zeros((256, 4), np.uint8)
        palette[7] = (255, *colour)
        indices = np.full((240, 320), 7, np.uint8)
        pair = (indices, palette)  # its stubs know nothing of palettes
        frame = av.VideoFrame.from_ndarray(pair, format="pal8")  # type: ignore[arg-type]
    pixels = Converter(160).rgb(frame)
    assert pixels.shape == (120, 160, 3)
    assert pixels.flags.c_contiguous
    wanted = np.array(colour, float)
    if form == "gray":
        wanted[:] = wanted @ (0.299, 0.587, 0.114)
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - wanted).max() < 5


@pytest.mark.parametrize("max_side", [1280, 640])
def test_high_definition_is_taken_for_bt709_where_it_does_not_say(max_side: int) -> None:
    picture = np.full((720, 1280, 3), COLOURS[0], np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709"
    )
    frame.colorspace = 2
    pixels = Converter(max_side).rgb(frame)
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - COLOURS[0]).max() < 5


def test_one_converter_takes_pictures_of_changing_size() -> None:
    converter = Converter(1280)
    for side in (16, 400, 16, 1):
        frame = av.VideoFrame.from_ndarray(np.zeros((side, side, 3), np.uint8), format="rgb24")
        assert converter.rgb(frame).shape == (side, side, 3)


def test_scaled_picture_is_the_mean_of_what_it_covers() -> None:
    """Scaled by FFmpeg in one step with the colours, its error is 1.4."""
    full = scenes(1)[0].repeat(4, axis=0).repeat(4, axis=1)[:1080, :1080]
    full = cv2.GaussianBlur(full, (0, 0), 3)
    frame = av.VideoFrame.from_ndarray(full, format="rgb24").reformat(format="yuv420p")
    wanted = cv2.resize(Converter(1080).rgb(frame), (720, 720), interpolation=cv2.INTER_AREA)
    found = Converter(720).rgb(frame)
    assert np.abs(found.astype(int) - wanted).mean() < 0.6


def decoded(form: str, width: int = 640, height: int = 360) -> av.VideoFrame:
    """Soft colours as a decoder gives them."""
    soft = cv2.resize(scenes(1)[0], (width, height), interpolation=cv2.INTER_CUBIC)
    return av.VideoFrame.from_ndarray(np.asarray(soft, np.uint8), format="rgb24").reformat(
        format=form
    )


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "nv12"])
@pytest.mark.parametrize("matrix", [1, 2, 5, 6])
@pytest.mark.parametrize("size", [(640, 360), (1280, 720)])
def test_planes_show_the_picture_that_rgb_shows(
    form: str, matrix: int, size: tuple[int, int]
) -> None:
    frame = decoded(form, *size)
    frame.colorspace = matrix
    image = Converter(1920).picture(frame)
    assert image.layout is not Layout.RGB
    assert image.layout.full_range == (form == "yuvj420p")
    shown, wanted = image.rgb(), Converter(1920).rgb(frame)
    # FFmpeg spreads colour in another way where hardware gives its planes mixed.
    assert np.abs(shown.astype(int) - wanted).mean() <= (1.5 if form == "nv12" else 0.0)


def test_a_range_that_is_told_counts() -> None:
    frame = decoded("yuv420p")
    frame.color_range = 2
    assert Converter(1920).picture(frame).layout is Layout.I420_601_FULL


@pytest.mark.parametrize(
    ("form", "size"),
    [
        ("yuv420p", (641, 360)),
        ("yuv420p", (640, 361)),
        ("yuv420p", (14, 360)),
        ("yuv422p", (640, 360)),
        ("yuv420p10le", (640, 360)),
        ("gray", (640, 360)),
    ],
)
def test_what_planes_cannot_hold_becomes_rgb(form: str, size: tuple[int, int]) -> None:
    frame = decoded(form, *size)
    image = Converter(1920).picture(frame)
    assert image.layout is Layout.RGB
    assert np.array_equal(image.rgb(), Converter(1920).rgb(frame))


def test_unknown_matrices_are_left_to_ffmpeg() -> None:
    frame = decoded("yuv420p")
    frame.colorspace = 9
    assert Converter(1920).picture(frame).layout is Layout.RGB


@given(st.integers(299, 1500), st.integers(16, 1200), st.integers(16, 1200))
@settings(max_examples=50, deadline=None)
def test_pictures_of_any_size_come_out(max_side: int, width: int, height: int) -> None:
    frame = av.VideoFrame(2 * (width // 2), 2 * (height // 2), "yuv420p")
    assert max(Converter(max_side).picture(frame).size) <= max_side
