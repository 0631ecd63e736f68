"""Reading pictures: every kind that counts, upright, and each kind of broken file refused."""

import os
import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import IMAGE_SUFFIXES, decode_image, read_image, resize
from monitor.picture_limits import MAX_PIXELS


def scene(width: int = 40, height: int = 24) -> NDArray[np.uint8]:
    """A red picture with a blue left half, uint8 (height, width, 3), RGB."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = 200
    pixels[:, : width // 2] = (0, 0, 200)
    return pixels


def encode(pixels: NDArray[np.uint8], suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data.tobytes())


def png_header(width: int, height: int) -> bytes:
    """A complete PNG that says a size and holds nothing of it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF block that says how the camera was held."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    body = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_each_kind_is_read_as_rgb(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(encode(scene(), suffix))
    pixels = read_image(path)
    assert pixels.shape == (24, 40, 3)
    assert pixels.dtype == np.uint8
    assert abs(pixels.astype(int) - scene()).mean() < 8


def test_grey_and_transparent_pictures_become_rgb() -> None:
    grey = np.full((5, 7), 99, np.uint8)
    clear = np.full((5, 7, 4), 99, np.uint8)
    deep = np.full((5, 7), 99 * 257, np.uint16)
    for pixels in (grey, clear, deep):
        data = cv2.imencode(".png", pixels)[1].tobytes()
        assert (decode_image(data, "x") == np.full((5, 7, 3), 99)).all()


def test_orientation_of_the_camera_is_honoured() -> None:
    upright = decode_image(with_orientation(encode(scene(), ".jpg"), 6), "x")
    assert upright.shape == (40, 24, 3)
    assert upright[2, 12, 2] > 150  # what was left is at the top now: blue
    assert upright[-3, 12, 0] > 150


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 500), (500, 3)])
def test_a_picture_too_small_to_show_anything_is_refused(width: int, height: int) -> None:
    dot = np.zeros((height, width, 3), np.uint8)
    with pytest.raises(ImageError, match=f"{width}x{height} pixels are too few"):
        decode_image(encode(dot, ".png"), "dot.png")


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_cut_off_file_is_refused(suffix: str) -> None:
    data = encode(scene(400, 300), suffix)
    for share in (0.02, 0.1, 0.5, 0.9, 0.99):
        with pytest.raises(ImageError, match="x: the file "):
            decode_image(data[: int(len(data) * share)], "x")


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError, match=r"empty\.jpg: the file is empty"):
        read_image(path)


@pytest.mark.parametrize("data", [b"GIF89a" + b"\0" * 50, b"hello", b"%PDF-1.7", b"\0" * 100])
def test_other_kinds_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="no JPEG, PNG, WebP or BMP"):
        decode_image(data, "x")


def test_picture_of_20000_a_side_is_refused_without_memory_for_it() -> None:
    jpeg = bytearray(encode(scene(), ".jpg"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 20_000, 20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (bytes(jpeg), png_header(20_000, 20_000), png_header(2**31 - 1, 2**31 - 1)):
        with pytest.raises(ImageError, match="pixels are more than the 64 million"):
            decode_image(data, "x")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_limit_is_above_what_cameras_give() -> None:
    assert MAX_PIXELS >= 9504 * 6336


def test_size_of_zero_is_refused() -> None:
    with pytest.raises(ImageError, match="0x5"):
        decode_image(png_header(0, 5), "x")


def test_header_without_content_is_refused() -> None:
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode_image(png_header(300, 300), "x")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "absent.jpg")


def test_folder_and_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(ImageError, match="no regular file"):
            read_image(path)


def test_name_with_a_nul_is_refused() -> None:
    with pytest.raises(ImageError, match="cannot be opened"):
        read_image(Path("a\0b.jpg"))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(IMAGE_SUFFIXES)), st.data())
def test_damaged_bytes_give_a_picture_or_an_image_error(suffix: str, data: st.DataObject) -> None:
    content = bytearray(encode(scene(), suffix))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode_image(bytes(content), "x")
    except ImageError:
        return
    assert pixels.ndim == 3
    assert pixels.dtype == np.uint8


sides = st.integers(1, 64)


@settings(deadline=None)
@given(sides, sides, sides, sides)
def test_resize_gives_the_size_and_keeps_plain_colour(w: int, h: int, to_w: int, to_h: int) -> None:
    pixels = np.full((h, w, 3), (10, 100, 200), np.uint8)
    out = np.zeros((to_h, to_w, 3), np.uint8)
    assert resize(pixels, to_w, to_h, out) is out
    assert (out == (10, 100, 200)).all()
    assert (resize(pixels, to_w, to_h) == out).all()


def test_resize_does_not_alias() -> None:
    stripes = np.zeros((4, 600, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (resize(stripes, 300, 8) == 100).all()  # shrinks one way, grows the other


def test_resize_to_the_same_size_is_a_copy() -> None:
    pixels = scene()
    result = resize(pixels, 40, 24)
    assert (result == pixels).all()
    assert not np.may_share_memory(result, pixels)
