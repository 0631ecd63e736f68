"""Pictures as a decoder gives them: planes of brightness and colour."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from monitor.layout import Image, Layout

PLANAR = [layout for layout in Layout if layout is not Layout.RGB]


def planes_of(frame: VideoFrame, layout: Layout) -> Image:
    return Image.of(np.asarray(frame.to_ndarray(), np.uint8), layout)


def frame_of(rgb: NDArray[np.uint8], layout: Layout) -> VideoFrame:
    """The picture as a decoder would give it."""
    return VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709 if layout.high_definition else Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG if layout.full_range else ColorRange.MPEG,
    )


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
