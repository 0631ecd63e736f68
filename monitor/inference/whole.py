"""Scales whole frames of planes to the model's input.

Colours are mixed last, of no more pixels than the model sees, and what is far too large is halved
first, by OpenCV: of 1080p all takes 0.3 ms, where FFmpeg's scaler takes 1.1 for the same in one
step, and coloured at full size and averaged by OpenCV it takes 5.3. Of 1,200 pictures as frames of
1080p, the values are 0.6 grey levels from those of the latter on average (1.05 in one step).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.inference.manifest import Geometry
from monitor.layout import Image, Layout
from monitor.planes import PlaneScaler, plane_views

_LEAST_HALF = 1.5
"""What is halved is left so many times as large as the model's input, on each side: less would
blur it."""

_RED_BLUE = {False: (0.299, 0.114), True: (0.2126, 0.0722)}
"""Shares of red and blue in brightness: ITU-R BT.601, and BT.709 of high definition."""
_BLACK, _GREY = 16.0, 128.0
_SPANS = {False: (219.0, 224.0), True: (255.0, 255.0)}
"""Levels from darkest to lightest, of brightness and of colour; the second of full range."""
_ROUNDED_OFF = {False: (0.9, 1.45, 0.9), True: (0.45, 1.0, 0.45)}
"""FFmpeg's way from planes to RGB at full size rounds off: by so much, R, G and B, on average over
twelve random pictures (FFmpeg 8 on x86-64). The model is judged by pictures that went that way."""


class WholeScaler:
    """For frames of one size and layout. Not for two threads at once."""

    def __init__(self, width: int, height: int, layout: Layout, geometry: Geometry) -> None:
        """
        Args:
            width: of the frames, pixels; no smaller than the model's input.
            height: likewise.
            layout: of planes.
            geometry: of the model's input.
        """
        self._geometry = geometry
        self.halves = (
            width % 4 == height % 4 == 0  # so that colours have whole sizes then
            and width >= 2 * _LEAST_HALF * geometry.width
            and height >= 2 * _LEAST_HALF * geometry.height
        )
        """Whether frames are halved first."""
        size = (width // 2, height // 2) if self.halves else (width, height)
        self._scaler = PlaneScaler(*size, layout)
        self._merged = np.empty((geometry.height, geometry.width, 3), np.uint8)
        self._to_rgb = _to_rgb(layout)

    def scale(self, image: Image, out: NDArray[np.uint8]) -> None:
        """Scale and colour a frame.

        Args:
            image: of this size and layout.
            out: uint8 (geometry.height, geometry.width, 3), contiguous; is written to.

        Raises:
            av.error.FFmpegError: FFmpeg cannot.
        """
        if self.halves:
            for plane, half in zip(image.planes, self._scaler.planes, strict=True):
                cv2.resize(plane, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
        else:
            self._scaler.fill(image)
        scaled = self._scaler.scaled(self._geometry.width, self._geometry.height)
        cv2.merge(plane_views(scaled), dst=self._merged)
        cv2.transform(self._merged, self._to_rgb, dst=out)


def _to_rgb(layout: Layout) -> NDArray[np.float32]:
    """The matrix (3, 4) from Y, U, V and 1 to R, G and B (ITU-R BT.601 and BT.709, section 3)."""
    red, blue = _RED_BLUE[layout.high_definition]
    green = 1.0 - red - blue
    brightness, colour = _SPANS[layout.full_range]
    light, strong = 255.0 / brightness, 255.0 / colour
    of_red, of_blue = 2.0 * (1.0 - red) * strong, 2.0 * (1.0 - blue) * strong
    matrix = np.array(
        [
            [light, 0.0, of_red],
            [light, -of_blue * blue / green, -of_red * red / green],
            [light, of_blue, 0.0],
        ]
    )
    zero = matrix @ (0.0 if layout.full_range else _BLACK, _GREY, _GREY)
    offset = -zero - _ROUNDED_OFF[layout.full_range]
    return np.column_stack([matrix, offset]).astype(np.float32)
