"""Stencils: what of a region is hidden from the model, filled in the picture that it gets.

A mask is filled and not cropped or subtracted from the scores: the model sees far around each
pixel, and what it never got cannot move its score. The fill happens at the model's input size, so
its cost does not grow with the camera's picture; a pixel of the input to which any hidden pixel of
the frame contributes is filled whole.
"""

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.inference.manifest import Geometry
from monitor.inference.regions import bounds
from monitor.inference.scored import Region
from monitor.polygon import Polygon

FILL = (0, 0, 0)
"""RGB. Chosen by measurement among plain colours, the colours around the mask and smooth
continuations of them: docs/decision.md has the figures."""

KEPT_STENCILS = 256
"""Most stencils that are kept, 90 KB each at 299 x 299; of more, those used last."""

_SUBPIXEL_BITS = 4
_SUBPIXELS = 1 << _SUBPIXEL_BITS


class Stencils:
    """Fills what is hidden, with stencils that are drawn once for each region and frame size.

    For one thread.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._filled = np.full((geometry.height, geometry.width, 3), FILL, np.uint8)
        self._kept: OrderedDict[tuple[Region, int, int], NDArray[np.uint8]] = OrderedDict()

    def fill(self, picture: NDArray[np.uint8], region: Region, width: int, height: int) -> None:
        """Fill what is hidden of a region, in place; without masks this does nothing.

        Args:
            picture: uint8 (geometry.height, geometry.width, 3), RGB: the region as it was cut.
            region: which says what is hidden.
            width: of the frame that it was cut from, pixels.
            height: likewise.
        """
        if not region.hidden:
            return
        cv2.copyTo(self._filled, self._stencil(region, width, height), picture)

    def _stencil(self, region: Region, width: int, height: int) -> NDArray[np.uint8]:
        key = (region, width, height)
        stencil = self._kept.get(key)
        if stencil is None:
            stencil = self._kept[key] = draw_stencil(region, width, height, self._geometry)
            if len(self._kept) > KEPT_STENCILS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return stencil


def draw_stencil(region: Region, width: int, height: int, geometry: Geometry) -> NDArray[np.uint8]:
    """Which pixels of a region's picture are hidden.

    Args:
        region: the region.
        width: of the frame, pixels.
        height: likewise.
        geometry: the model's input.

    Returns:
        uint8 (geometry.height, geometry.width); 1 is hidden, 0 is not.
    """
    hidden = np.zeros((geometry.height, geometry.width), np.uint8)
    for polygon in region.hidden:
        _draw(hidden, polygon, region, width, height)
    # A pixel of the input is a mean over pixels of the frame, and linear enlargement reaches one
    # pixel of the frame further: whatever may hold a trace of what is hidden is hidden too.
    left, top, right, bottom = bounds(region, width, height)
    reach_x = 1 + -(-geometry.width // (right - left))
    reach_y = 1 + -(-geometry.height // (bottom - top))
    reach = np.ones((2 * reach_y + 1, 2 * reach_x + 1), np.uint8)
    return np.asarray(cv2.dilate(hidden, reach), np.uint8)


def _draw(
    canvas: NDArray[np.uint8], polygon: Polygon, region: Region, width: int, height: int
) -> None:
    """Draw a polygon, in coordinates of the frame, into the picture of a region."""
    rows, columns = canvas.shape
    left, top, right, bottom = bounds(region, width, height)
    corners = np.array(polygon, np.float64) * (width, height) - (left, top)
    corners *= (columns / (right - left), rows / (bottom - top))
    # OpenCV means the centre of a pixel by its number; relative coordinates mean its corner.
    points = np.round((corners - 0.5) * _SUBPIXELS).astype(np.int32)
    cv2.fillPoly(canvas, [points], (1,), cv2.LINE_8, _SUBPIXEL_BITS)
