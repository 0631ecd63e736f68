"""Regions: which parts of a frame are scored, and how each becomes the model's input. Pure."""

import math

import numpy as np
from numpy.typing import NDArray

from monitor.config import Tiles
from monitor.image import resize
from monitor.inference.bundle import Geometry
from monitor.inference.scored import Region

_FULL = Region("full")


def full_view() -> Region:
    """The region that is the whole frame."""
    return _FULL


def plan_regions(tiles: Tiles | None) -> tuple[Region, ...]:
    """The regions of a camera: the full view and, where tiles are wanted, these.

    Tiles of one camera have one size; together they cover the frame, and neighbours share the part
    ``tiles.overlap`` of a tile, so that what lies on a border is seen whole by one of them.

    Returns:
        The full view first, then the tiles row by row.
    """
    if tiles is None:
        return (_FULL,)
    rows = _spans(tiles.rows, tiles.overlap)
    columns = _spans(tiles.columns, tiles.overlap)
    return (
        _FULL,
        *(
            Region(f"tile-{row}-{column}", left=left, top=top, right=right, bottom=bottom)
            for row, (top, bottom) in enumerate(rows)
            for column, (left, right) in enumerate(columns)
        ),
    )


def bounds(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    """The pixels of a region in a frame: left, top, right, bottom; the last two exclusive.

    Rounded outwards, inside the frame, and never empty.
    """
    left, right = _pixels(region.left, region.right, width)
    top, bottom = _pixels(region.top, region.bottom, height)
    return left, top, right, bottom


def cut(
    pixels: NDArray[np.uint8],
    region: Region,
    geometry: Geometry,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Cut a region out of a frame and scale it to the model's input.

    Args:
        pixels: uint8 (h, w, 3), RGB; is not changed.
        region: the part.
        geometry: the model's input.
        out: uint8 (geometry.height, geometry.width, 3), contiguous; is written to and returned
            where given.

    Returns:
        uint8 (geometry.height, geometry.width, 3), RGB.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = bounds(region, width, height)
    return resize(pixels[top:bottom, left:right], geometry.width, geometry.height, out)


def _spans(count: int, overlap: float) -> list[tuple[float, float]]:
    """``count`` equal spans from 0 to 1, neighbours sharing ``overlap`` of a span."""
    size = 1.0 / (1.0 + (count - 1) * (1.0 - overlap))
    step = size * (1.0 - overlap)
    spans = [(index * step, index * step + size) for index in range(count)]
    spans[-1] = (spans[-1][0], 1.0)  # where rounding missed it
    return spans


def _pixels(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(max(math.floor(start * length), 0), length - 1)
    last = max(min(math.ceil(end * length), length), first + 1)
    return first, last
