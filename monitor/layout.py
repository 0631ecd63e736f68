"""How the pixels of a picture lie in memory: as RGB, or as the planes that video is decoded to.

What a camera's stream gives is brightness at full size and colour at half of it, 1.5 bytes a pixel
(I420). It stays so until somebody needs colours: half as much memory as RGB, and no time for what
nobody looks at. An array says by its shape which of both it is, as OpenCV's do:

- RGB: uint8 (height, width, 3).
- I420: uint8 (height / 2 * 3, width), width and height even: the rows of Y, then those of U, then
  those of V, of both of which two make one row.
"""

import enum
from dataclasses import dataclass

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

    def fits(self, width: int, height: int) -> bool:
        """Whether there are pictures of this size in it."""
        if self is Layout.RGB:
            return True
        return min(width, height) >= LEAST_SIDE and width % 2 == 0 and height % 2 == 0


# Levels 16 to 235 spread over 0 to 255.
_SPREAD = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An image in memory: of one array or of planes that may lie anywhere.

    Raises:
        ValueError: the planes are not what the layout says.
    """

    planes: tuple[Pixels, ...]
    """uint8: of RGB (height, width, 3) alone; else Y (height, width), and U and V, of half of
    both. Not to be changed."""
    layout: Layout = Layout.RGB

    def __post_init__(self) -> None:
        if not self._is_as_said():
            shapes = ", ".join(f"{plane.dtype} {plane.shape}" for plane in self.planes)
            raise ValueError(f"an image is of {shapes}, which is not uint8 {self.layout.name}")

    @classmethod
    def of(cls, pixels: Pixels, layout: Layout = Layout.RGB) -> "Image":
        """The image that one array holds; is not copied.

        Args:
            pixels: as ``layout`` says.
            layout: of these.

        Raises:
            ValueError: it is none of this layout.
        """
        if layout is Layout.RGB or pixels.ndim != 2 or pixels.shape[0] % 3:
            return cls((pixels,), layout)
        height, width = pixels.shape[0] // 3 * 2, pixels.shape[1]
        if not layout.fits(width, height):
            return cls((pixels,), layout)
        blue, red = pixels[height:].reshape(2, height // 2, width // 2)
        return cls((pixels[:height], blue, red), layout)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        height, width = self.planes[0].shape[:2]
        return width, height

    @property
    def nbytes(self) -> int:
        """What its numbers take."""
        return sum(plane.nbytes for plane in self.planes)

    def rgb(self) -> Pixels:
        """uint8 (height, width, 3); not to be changed, as it may be the image itself."""
        # Loaded late: who only names the types of frames, as `check` does, needs no FFmpeg.
        from monitor.colour import to_rgb

        return to_rgb(self)

    def copy(self) -> "Image":
        """The same in memory of its own."""
        pixels = np.empty(self.layout.shape(*self.size), np.uint8)
        self.write_to(pixels)
        return Image.of(pixels, self.layout)

    def write_to(self, pixels: Pixels) -> None:
        """Copy it into one array of the shape that the layout says."""
        copy = Image.of(pixels, self.layout)
        for plane, own in zip(copy.planes, self.planes, strict=True):
            plane[...] = own

    def grey(self, rows: int, columns: int) -> Pixels:
        """Evenly spread pixels, in grey, not averaged: noise stays as it is.

        Args:
            rows: at most so many.
            columns: likewise.

        Returns:
            uint8 (at most ``rows``, at most ``columns``), black 0 and white 255.
        """
        width, height = self.size
        picked = self.planes[0][:: -(-height // rows), :: -(-width // columns)]
        if self.layout is not Layout.RGB:
            return picked.copy() if self.layout.full_range else _SPREAD[picked]
        # Colour by colour: pixels as they lie are rows of three, and numpy is slow with short rows.
        made = picked[..., 1].astype(np.uint16)
        made += made
        made += picked[..., 0]
        made += picked[..., 2]
        made >>= 2
        return made.astype(np.uint8)

    def _is_as_said(self) -> bool:
        planes, layout = self.planes, self.layout
        if any(plane.dtype != np.uint8 for plane in planes):
            return False
        if layout is Layout.RGB:
            return len(planes) == 1 and planes[0].ndim == 3 and planes[0].shape[2] == 3
        if len(planes) != 3 or planes[0].ndim != 2:
            return False
        height, width = planes[0].shape
        half = (height // 2, width // 2)
        return layout.fits(width, height) and planes[1].shape == planes[2].shape == half
