"""Scales frames and regions to the model's input.

Of a region in RGB, OpenCV averages areas of any ratio pixel by pixel: 640 x 360 to 299 x 299 takes
it 1.4 ms. FFmpeg's scaler does the same sums with the processor's wide registers: 0.4 ms, and no
value differs by more than two grey levels. It would turn RGB into YUV and back, so the three
colours are handed to it as the three planes of a picture that it takes for YUV already.
"""

from functools import lru_cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from monitor.image import resize
from monitor.inference.manifest import Geometry
from monitor.inference.whole import WholeScaler
from monitor.layout import Image, Layout
from monitor.planes import plane_views

KEPT_SIZES = 8
"""Sizes of regions, and of frames, for which a scaler is kept; of more, those used last."""


class _Scaler:
    """For regions of one size."""

    def __init__(self, width: int, height: int, geometry: Geometry) -> None:
        self._geometry = geometry
        self._source = VideoFrame(width, height, "yuv444p")
        self._planes = plane_views(self._source)
        self._reformatter = VideoReformatter()

    def scale(self, pixels: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        cv2.split(pixels, self._planes)
        scaled = self._reformatter.reformat(
            self._source,
            width=self._geometry.width,
            height=self._geometry.height,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        cv2.merge(plane_views(scaled), dst=out)


class Shrinker:
    """Scales regions of any size to the input of one model. Not for two threads at once."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._scaler_for = lru_cache(KEPT_SIZES)(_Scaler)
        self._whole_for = lru_cache(KEPT_SIZES)(WholeScaler)

    def whole(self, image: Image, out: NDArray[np.uint8]) -> bool:
        """Scale and colour a whole frame of planes, if it is one and not too small.

        Args:
            image: the frame.
            out: as for :meth:`shrink`.

        Returns:
            Whether it was done.
        """
        width, height = image.size
        small = width < self._geometry.width or height < self._geometry.height
        if image.layout is Layout.RGB or small:
            return False
        self._whole_for(width, height, image.layout, self._geometry).scale(image, out)
        return True

    def shrink(self, pixels: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """Scale a region; one that is smaller than the input on a side grows as ever.

        Args:
            pixels: uint8 (h, w, 3).
            out: uint8 (geometry.height, geometry.width, 3), contiguous; is written to.
        """
        height, width = pixels.shape[:2]
        wanted = (self._geometry.width, self._geometry.height)
        if (width, height) == wanted or width < wanted[0] or height < wanted[1]:
            resize(pixels, *wanted, out)
            return
        self._scaler_for(width, height, self._geometry).scale(pixels, out)
