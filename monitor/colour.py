"""Makes RGB of the planes that video is decoded to."""

import threading
from functools import lru_cache

import numpy as np

from monitor.layout import Layout, Pixels
from monitor.planes import PlaneScaler

KEPT_FORMS = 4
"""Sizes and layouts for which a scaler is kept; of more, those used last."""


class Colourer:
    """Makes RGB of planes. Keeps FFmpeg's scalers, so it is not for two threads at once."""

    def __init__(self) -> None:
        self._scaler_for = lru_cache(KEPT_FORMS)(PlaneScaler)

    def rgb(self, pixels: Pixels, layout: Layout) -> Pixels:
        """The picture in RGB; itself, where it is that already.

        The values are those that FFmpeg gives to whoever decodes the stream to RGB.

        Args:
            pixels: as ``layout`` says.
            layout: of these.

        Returns:
            uint8 (height, width, 3).

        Raises:
            av.error.FFmpegError: FFmpeg cannot.
        """
        if layout is Layout.RGB:
            return pixels
        width, height = layout.size(pixels)
        scaler = self._scaler_for(width, height, layout)
        scaler.fill(pixels)
        return np.asarray(scaler.coloured().to_ndarray(), np.uint8)


_of_thread = threading.local()


def to_rgb(pixels: Pixels, layout: Layout) -> Pixels:
    """The picture in RGB: uint8 (height, width, 3); itself, where it is that already."""
    colourer: Colourer | None = getattr(_of_thread, "colourer", None)
    if colourer is None:
        colourer = _of_thread.colourer = Colourer()
    return colourer.rgb(pixels, layout)
