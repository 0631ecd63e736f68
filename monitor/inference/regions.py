"""Regions: which parts of a frame are scored, and how each becomes the model's input. Pure."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.config import Tiles, Zone
from monitor.image import resize
from monitor.inference.manifest import Geometry
from monitor.inference.scored import Region
from monitor.polygon import bounding_box

LONGEST_ASPECT = 2.0
"""A zone's sides, as shares of the frame's, differ by no more: the model has seen pictures of
ordinary aspect alone."""

_FULL = Region("full")


def full_view() -> Region:
    """The region that is the whole frame."""
    return _FULL


def plan_regions(tiles: Tiles | None, zones: Sequence[Zone] = ()) -> tuple[Region, ...]:
    """The regions of a camera: the full view and, where they are wanted, tiles and zones.

    Tiles of one camera have one size; together they cover the frame, and neighbours share the part
    ``tiles.overlap`` of a tile, so that what lies on a border is seen whole by one of them.

    Returns:
        The full view first, then the tiles row by row, then the zones.
    """
    return (_FULL, *_tiles(tiles), *(_zone(zone) for zone in zones))


def _tiles(tiles: Tiles | None) -> tuple[Region, ...]:
    if tiles is None:
        return ()
    rows = _spans(tiles.rows, tiles.overlap)
    columns = _spans(tiles.columns, tiles.overlap)
    return tuple(
        Region(name, left=left, top=top, right=right, bottom=bottom)
        for names, (top, bottom) in zip(tiles.names(), rows, strict=True)
        for name, (left, right) in zip(names, columns, strict=True)
    )


def _zone(zone: Zone) -> Region:
    """A zone's bounding box, its shorter side lengthened where the longer is far longer.

    What is in the box and not in the zone is not filled: docs/decision.md has the figures.
    """
    left, top, right, bottom = bounding_box(zone.points)
    width, height = right - left, bottom - top
    left, right = _lengthened(left, right, height / LONGEST_ASPECT)
    top, bottom = _lengthened(top, bottom, width / LONGEST_ASPECT)
    return Region(zone.name, left, top, right, bottom)


def _lengthened(start: float, end: float, least: float) -> tuple[float, float]:
    """A span of at least this length, about the same middle as far as the frame allows."""
    short = least - (end - start)
    if short <= 0:
        return start, end
    start = min(max(start - short / 2, 0.0), 1.0 - least)
    return start, start + least


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
    return resize(part_of(pixels, region, geometry), geometry.width, geometry.height, out)


def part_of(pixels: NDArray[np.uint8], region: Region, geometry: Geometry) -> NDArray[np.uint8]:
    """A region of a frame, not yet at the size of the model's input.

    Args:
        pixels: uint8 (h, w, 3), RGB; is not changed.
        region: the part.
        geometry: the model's input.

    Returns:
        uint8 (rows, columns, 3), RGB: a view of the frame, or half as large.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = bounds(region, width, height)
    return _halved(pixels[top:bottom, left:right], geometry)


def _halved(part: NDArray[np.uint8], geometry: Geometry) -> NDArray[np.uint8]:
    """The part at half its size where that is still more than the model takes in.

    OpenCV averages 2 x 2 pixels many times faster than other areas: 1280 x 720 to 299 x 299 takes
    2.3 ms so, and 4.4 otherwise. Of 180 pictures none scored otherwise by more than 0.05.
    """
    height, width = part.shape[:2]
    even = height % 2 == 0 and width % 2 == 0
    if not even or height < 2 * geometry.height or width < 2 * geometry.width:
        return part
    half = cv2.resize(part, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)


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
