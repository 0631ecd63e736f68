"""How the pixels of a picture lie in memory: as RGB, or as the planes that video is decoded to.

What a camera's stream gives is brightness at full size and colour at half of it, 1.5 bytes a pixel
(I420). It stays so until somebody needs colours: half as much memory as RGB, and no time for what
nobody looks at. An array says by its shape which of both it is, as OpenCV's do:

- RGB: uint8 (height, width, 3).
- I420: uint8 (height / 2 * 3, width), width and height even: the rows of Y, then those of U, then
  those of V, of both of which two make one row.
"""

import enum

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

LEAST_SIDE = 16
"""Pixels, of planes: FFmpeg's scaler refuses some that are smaller."""


class Layout(enum.IntEnum):
    """What the numbers of an array mean. The value stands in shared memory."""

    RGB = 0
    I420_601 = 1
    """Standard definition's matrix (ITU-R BT.601), levels 16 to 235."""
    I420_709 = 2
    """High definition's matrix (ITU-R BT.709), levels 16 to 235."""
    I420_601_FULL = 3
    """The same with levels 0 to 255."""
    I420_709_FULL = 4

    @property
    def full_range(self) -> bool:
        """Whether black is 0 and white 255."""
        return self in (Layout.RGB, Layout.I420_601_FULL, Layout.I420_709_FULL)

    @property
    def high_definition(self) -> bool:
        """Whether its matrix is high definition's. Not of RGB."""
        return self in (Layout.I420_709, Layout.I420_709_FULL)

    def shape(self, width: int, height: int) -> tuple[int, ...]:
        """Of the array that holds a picture of this size, in pixels."""
        return (height, width, 3) if self is Layout.RGB else (height // 2 * 3, width)

    def size(self, pixels: Pixels) -> tuple[int, int]:
        """Width and height of the picture that an array holds, in pixels."""
        rows, width = pixels.shape[:2]
        return (width, rows) if self is Layout.RGB else (width, rows // 3 * 2)

    def holds(self, pixels: Pixels) -> bool:
        """Whether an array may be a picture of this layout."""
        if pixels.dtype != np.uint8:
            return False
        if self is Layout.RGB:
            return pixels.ndim == 3 and pixels.shape[2] == 3
        planes = pixels.ndim == 2 and pixels.shape[0] % 3 == 0
        return planes and self.fits(*self.size(pixels))

    def fits(self, width: int, height: int) -> bool:
        """Whether there are pictures of this size in it."""
        if self is Layout.RGB:
            return True
        return min(width, height) >= LEAST_SIDE and width % 2 == 0 and height % 2 == 0


# Levels 16 to 235 spread over 0 to 255.
_SPREAD = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


def grey(pixels: Pixels, layout: Layout, rows: int, columns: int) -> Pixels:
    """Evenly spread pixels of a picture, in grey, not averaged: noise stays as it is.

    Args:
        pixels: as ``layout`` says.
        layout: of these.
        rows: at most so many.
        columns: likewise.

    Returns:
        uint8 (at most ``rows``, at most ``columns``), black 0 and white 255.
    """
    width, height = layout.size(pixels)
    step_y, step_x = -(-height // rows), -(-width // columns)
    if layout is not Layout.RGB:
        picked = pixels[:height:step_y, ::step_x]
        return picked.copy() if layout.full_range else _SPREAD[picked]
    picked = pixels[::step_y, ::step_x]
    # Colour by colour: pixels as they lie are rows of three, and numpy is slow with short rows.
    made = picked[..., 1].astype(np.uint16)
    made += made
    made += picked[..., 0]
    made += picked[..., 2]
    made >>= 2
    return made.astype(np.uint8)
