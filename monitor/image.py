"""Pictures from files, and the one resize that trainer, ``label`` and daemon share.

Files are untrusted: the header is read before anything is decoded, so a picture of absurd size is
refused before memory is asked for, and a cut-off file is refused instead of being filled with grey.
"""

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.picture_limits import MAX_PIXELS, MIN_SIDE

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""Lower-case suffixes of the files that count as pictures in a folder."""

MAX_FILE_BYTES = 256 * 1024 * 1024

_JPEG_START = b"\xff\xd8\xff"
_PNG_START = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers carry the size; C4, C8 and CC lie among them and are something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


class _BrokenError(Exception):
    """The header is no valid one; the text completes 'the file …'."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture file.

    Returns:
        uint8 (height, width, 3), RGB, turned upright as its EXIF orientation says.

    Raises:
        ImageError: missing, not a file, empty, cut off, broken, of an unknown form, larger than
            MAX_PIXELS, or smaller than MIN_SIDE on a side.
    """
    return decode_image(_read_bytes(path), str(path))


def decode_image(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the bytes of a picture file; ``name`` is what an error calls it.

    Returns:
        uint8 (height, width, 3), RGB, upright.

    Raises:
        ImageError: as for :func:`read_image`.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty (0 bytes); remove it or fetch it again")
    try:
        width, height = _measure(data)
    except (_BrokenError, struct.error, IndexError) as error:
        detail = (
            str(error)
            if isinstance(error, _BrokenError)
            else "is cut off (it ends within its header)"
        )
        raise ImageError(f"{name}: the file {detail}; fetch it again or remove it") from error
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name}: {width}x{height} pixels are too few to show anything; {MIN_SIDE} on each "
            "side are needed"
        )
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width}x{height} pixels are more than the {MAX_PIXELS // 1_000_000} million "
            "that are read; scale the picture down"
        )
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError(f"{name}: the file cannot be decoded; fetch it again") from error
    if decoded is None:
        raise ImageError(f"{name}: the file cannot be decoded; fetch it again or remove it")
    # In place: at the size limit a second copy would be another 192 MB.
    pixels = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB, dst=decoded), dtype=np.uint8)
    if pixels.shape[:2] not in ((height, width), (width, height)):
        raise ImageError(f"{name}: the file holds another size than it says; remove it")
    return pixels


def resize(
    pixels: NDArray[np.uint8], width: int, height: int, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Scale to ``width`` x ``height``, not keeping the aspect: areas to shrink, linear to grow.

    Args:
        pixels: uint8 (h, w, 3).
        width: wanted width, pixels.
        height: wanted height, pixels.
        out: uint8 (height, width, 3), contiguous; is written to where given, and returned.

    Returns:
        uint8 (height, width, 3).
    """
    rows, columns = pixels.shape[:2]
    shrunk = (min(columns, width), min(rows, height))
    grows = shrunk != (width, height)
    result = pixels
    if shrunk != (columns, rows):
        # One axis at a time where the other grows: OpenCV's area method would alias both.
        target = None if grows else out
        result = np.asarray(
            cv2.resize(result, shrunk, dst=target, interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    if grows:
        result = np.asarray(
            cv2.resize(result, (width, height), dst=out, interpolation=cv2.INTER_LINEAR),
            dtype=np.uint8,
        )
    if out is None:
        return result.copy() if result is pixels else result
    if not np.may_share_memory(result, out):
        out[...] = result
    return out


def _read_bytes(path: Path) -> bytes:
    try:
        # Non-blocking, so that a pipe in a folder of pictures cannot hold up the reader.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: there is no such file; check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ImageError(f"{path}: the file cannot be opened: {reason}") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path}: this is no regular file; give a picture file")
        if status.st_size > MAX_FILE_BYTES:
            raise ImageError(
                f"{path}: the file has {status.st_size:,} bytes, more than the "
                f"{MAX_FILE_BYTES:,} that are read; scale the picture down"
            )
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise ImageError(f"{path}: the file cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)


def _measure(data: bytes) -> tuple[int, int]:
    """Width and height from the header, after checking that the file's end is there."""
    readers: tuple[tuple[bool, Callable[[bytes], tuple[int, int]]], ...] = (
        (data.startswith(_JPEG_START), _measure_jpeg),
        (data.startswith(_PNG_START), _measure_png),
        (data.startswith(b"RIFF") and data[8:12] == b"WEBP", _measure_webp),
        (data.startswith(b"BM"), _measure_bmp),
    )
    for matches, reader in readers:
        if matches:
            return reader(data)
    raise _BrokenError("is no JPEG, PNG, WebP or BMP picture")


def _measure_jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    size: tuple[int, int] | None = None
    while True:
        if data[at] != 0xFF:
            raise _BrokenError("is a JPEG with a broken header")
        marker = data[at + 1]
        if marker == 0xFF:  # padding between segments
            at += 1
            continue
        if marker in _JPEG_WITHOUT_LENGTH:
            at += 2
            continue
        if marker == _JPEG_SCAN:
            break
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + max(2, length)
    if size is None:
        raise _BrokenError("is a JPEG that does not say its size")
    # The decoder fills what is missing with grey and says nothing. Some cameras add bytes after
    # the end mark, so it is looked for anywhere behind the header.
    if data.rfind(b"\xff\xd9", at) < 0:
        raise _BrokenError("is cut off (a JPEG without its end)")
    return size


def _measure_png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise _BrokenError("is a PNG with a broken header")
    width, height = struct.unpack_from(">II", data, 16)
    if data.rfind(b"IEND") < 0:
        raise _BrokenError("is cut off (a PNG without its end)")
    return width, height


def _measure_webp(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise _BrokenError("is cut off (a WebP shorter than it says)")
    form = data[12:16]
    if form == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    elif form == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    else:
        raise _BrokenError("is a WebP with a broken header")
    return width, height


def _measure_bmp(data: bytes) -> tuple[int, int]:
    (header,) = struct.unpack_from("<I", data, 14)
    if header < 40:  # the form of OS/2, which has 16-bit sizes
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    (bits, compression) = struct.unpack_from("<HI", data, 28)
    (start,) = struct.unpack_from("<I", data, 10)
    row_bytes = (abs(width) * bits + 31) // 32 * 4
    if compression in (0, 3) and len(data) < start + row_bytes * abs(height):
        raise _BrokenError("is cut off (a BMP shorter than it says)")
    return abs(width), abs(height)
