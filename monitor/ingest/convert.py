"""From decoded video pictures to what is handed on: planes as they are, or else RGB, upright."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from monitor.layout import Image, Layout
from monitor.planes import plane_views

_UNSPECIFIED = 2
"""FFmpeg's AVCOL_SPC_UNSPECIFIED."""
_STANDARD = (5, 6)
"""FFmpeg's AVCOL_SPC_BT470BG and AVCOL_SPC_SMPTE170M: BT.601, both."""
_HD_ROWS = 720
_PLANAR = ("yuv420p", "yuvj420p", "nv12")
"""What FFmpeg calls the planes that I420 has; the last, of hardware, has those of colour mixed."""


def fitted(width: int, height: int, max_side: int) -> tuple[int, int]:
    """The size with the same aspect whose longer side is at most ``max_side``; never larger.

    >>> fitted(1920, 1080, 1280)
    (1280, 720)
    """
    longer = max(width, height)
    if longer <= max_side:
        return width, height
    return max(1, round(width * max_side / longer)), max(1, round(height * max_side / longer))


class Converter:
    """Keeps FFmpeg's scalers between pictures of the same form, for one stream.

    Args:
        max_side: larger pictures are scaled down to this longer side, pixels.
    """

    def __init__(self, max_side: int) -> None:
        self._max_side = max_side
        # In two steps FFmpeg takes its fast ways: 2.1 ms instead of 3.3 for a picture of 1080p. And
        # it is truer: of 180 pictures, 5 scored otherwise by more than 0.05 than at full size,
        # where both were one step, and none do now.
        self._scaler = VideoReformatter()
        self._colourer = VideoReformatter()

    def picture(self, frame: VideoFrame) -> Image:
        """The picture's planes, where it has such as I420 holds and stands upright; else in RGB.

        Returns:
            Its longer side is at most ``max_side``. Planes lie where the decoder put them, which
            keeps them as long as the image is there.
        """
        layout = _layout(frame)
        width, height = fitted(frame.width, frame.height, self._max_side)
        if (width, height) != (frame.width, frame.height):
            width, height = width // 2 * 2, height // 2 * 2
        upright = round(frame.rotation / 90) % 4 == 0
        if layout is None or not layout.fits(width, height) or not upright:
            return Image.of(self.rgb(frame))
        if frame.format.name == "nv12" or (width, height) != (frame.width, frame.height):
            frame = self._scaler.reformat(
                frame,
                width=width,
                height=height,
                format="yuv420p" if frame.format.name == "nv12" else None,
                interpolation=Interpolation.AREA,
                threads=1,
            )
        return Image(tuple(plane_views(frame)), layout)

    def rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """The picture as uint8 (height, width, 3), RGB."""
        colorspace = _colorspace(frame)
        width, height = fitted(frame.width, frame.height, self._max_side)
        scaled = frame
        # Palettes cannot be scaled as they are; what the decoders of cameras give is planar.
        if (width, height) != (frame.width, frame.height) and frame.format.is_planar:
            scaled = self._scaler.reformat(
                frame, width=width, height=height, interpolation=Interpolation.AREA, threads=1
            )
        coloured = self._colourer.reformat(
            scaled,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=colorspace,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        pixels = np.asarray(coloured.to_ndarray(), dtype=np.uint8)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _colorspace(frame: VideoFrame) -> Colorspace | None:
    """BT.709 for high definition that does not say what it is, as players do; else as it says."""
    if frame.colorspace == _UNSPECIFIED and frame.height >= _HD_ROWS:
        return Colorspace.ITU709
    return None


def _layout(frame: VideoFrame) -> Layout | None:
    """What the planes of a picture are, where they are such as are handed on."""
    if frame.format.name not in _PLANAR:
        return None
    high = Colorspace.ITU709 in (frame.colorspace, _colorspace(frame))
    if not high and frame.colorspace not in (_UNSPECIFIED, *_STANDARD):
        return None
    if frame.color_range == ColorRange.JPEG or frame.format.name == "yuvj420p":
        return Layout.I420_709_FULL if high else Layout.I420_601_FULL
    return Layout.I420_709 if high else Layout.I420_601
