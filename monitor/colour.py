"""Makes RGB of the planes that video is decoded to, by FFmpeg's scaler."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from monitor.layout import Layout, Pixels

KEPT_FORMS = 4
"""Sizes and layouts for which a scaler is kept; of more, those used last."""

_PADDING_BYTES = 256
"""FFmpeg's scaler reads some bytes beyond the end of a picture, which need not be ours: so it gets
the picture in memory that goes on."""


@dataclass(frozen=True, slots=True)
class _Form:
    size: tuple[int, int]
    layout: Layout
    wanted: tuple[int, int]


class Colourer:
    """Makes RGB of planes, at full size or smaller.

    Keeps FFmpeg's scalers for the forms that it met last, so it is not for two threads at once.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[_Form, tuple[VideoReformatter, Pixels]] = OrderedDict()

    def rgb(self, pixels: Pixels, layout: Layout, size: tuple[int, int] | None = None) -> Pixels:
        """The picture in RGB; itself, where it is that already.

        At full size the values are those that FFmpeg gives to whoever decodes the stream to RGB.

        Args:
            pixels: as ``layout`` says.
            layout: of these.
            size: wanted width and height, pixels; the picture's own by default. Of planes alone.

        Returns:
            uint8 (height, width, 3).

        Raises:
            av.error.FFmpegError: FFmpeg cannot.
        """
        if layout is Layout.RGB:
            return pixels
        own = layout.size(pixels)
        form = _Form(own, layout, size or own)
        kept = self._kept.pop(form) if form in self._kept else _fresh(pixels.size)
        scaler, padded = kept
        if len(self._kept) >= KEPT_FORMS:
            self._kept.popitem(last=False)
        self._kept[form] = kept
        planes = padded[: pixels.size].reshape(pixels.shape)
        planes[...] = pixels
        frame = VideoFrame.from_numpy_buffer(planes, format="yuv420p")
        frame.color_range = ColorRange.JPEG if layout.full_range else ColorRange.MPEG
        made = scaler.reformat(
            frame,
            width=form.wanted[0],
            height=form.wanted[1],
            format="rgb24",
            src_colorspace=Colorspace.ITU709 if layout.high_definition else Colorspace.ITU601,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return np.asarray(made.to_ndarray(), np.uint8)


def _fresh(size: int) -> tuple[VideoReformatter, Pixels]:
    return VideoReformatter(), np.zeros(size + _PADDING_BYTES, np.uint8)


_of_thread = threading.local()


def to_rgb(pixels: Pixels, layout: Layout) -> Pixels:
    """The picture in RGB: uint8 (height, width, 3); itself, where it is that already."""
    colourer: Colourer | None = getattr(_of_thread, "colourer", None)
    if colourer is None:
        colourer = _of_thread.colourer = Colourer()
    return colourer.rgb(pixels, layout)
