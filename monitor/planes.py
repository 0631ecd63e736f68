"""The planes that video is decoded to, and FFmpeg's scaler for them."""

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from monitor.layout import Image, Layout, Pixels


class PlaneScaler:
    """Scales or colours pictures of one size and layout.

    The picture lies in memory that FFmpeg made, which goes on beyond the picture's end: its scaler
    reads there. Not for two threads at once.
    """

    def __init__(self, width: int, height: int, layout: Layout) -> None:
        """
        Args:
            width: of the pictures, pixels; even.
            height: likewise.
            layout: of planes.
        """
        self._frame = VideoFrame(width, height, "yuv420p")
        self._frame.color_range = ColorRange.JPEG if layout.full_range else ColorRange.MPEG
        self._matrix = Colorspace.ITU709 if layout.high_definition else Colorspace.ITU601
        self.planes = plane_views(self._frame)
        """Where the next picture is to be written: Y, U and V, as of :class:`Image`."""
        self._reformatter = VideoReformatter()

    def fill(self, image: Image) -> None:
        """Write the next picture, of this size and layout."""
        for plane, source in zip(self.planes, image.planes, strict=True):
            plane[...] = source

    def coloured(self) -> VideoFrame:
        """The picture in RGB.

        Raises:
            av.error.FFmpegError: FFmpeg cannot.
        """
        return self._reformatter.reformat(
            self._frame, format="rgb24", src_colorspace=self._matrix, threads=1
        )

    def scaled(self, width: int, height: int) -> VideoFrame:
        """The picture in another size, in pixels, by areas, with colours at full size (yuv444p),
        unmixed.

        Raises:
            av.error.FFmpegError: FFmpeg cannot.
        """
        # Of colour spaces it is told nothing, or it would turn one into another.
        return self._reformatter.reformat(
            self._frame,
            width=width,
            height=height,
            format="yuv444p",
            interpolation=Interpolation.AREA,
            threads=1,
        )


def plane_views(frame: VideoFrame) -> list[Pixels]:
    """The planes of a picture of 8 bits a value, where they lie."""
    return [_view(plane) for plane in frame.planes]


def _view(plane: Any) -> Pixels:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
