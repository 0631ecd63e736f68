"""Makes RGB of the planes that video is decoded to."""

import threading
from functools import lru_cache

import numpy as np

from monitor.layout import Image, Layout, Pixels
from monitor.planes import PlaneScaler

KEPT_FORMS = 4
"""Sizes and layouts for which a scaler is kept; of more, those used last."""


class Colourer:
    """Makes RGB of planes. Keeps FFmpeg's scalers, so it is not for two threads at once."""

    def __init__(self) -> None:
        self._scaler_for = lru_cache(KEPT_FORMS)(PlaneScaler)

    def rgb(self, image: Image) -> Pixels:
        """The image in RGB; itself, where it is that already.

        The values are those that FFmpeg gives to whoever decodes the stream to RGB.

        Returns:
            uint8 (height, width, 3).

        Raises:
            av.error.FFmpegError: FFmpeg cannot.
        """
        if image.layout is Layout.RGB:
            return image.planes[0]
        scaler = self._scaler_for(*image.size, image.layout)
        scaler.fill(image)
        return np.asarray(scaler.coloured().to_ndarray(), np.uint8)


_of_thread = threading.local()


def to_rgb(image: Image) -> Pixels:
    """The image in RGB: uint8 (height, width, 3); itself, where it is that already."""
    colourer: Colourer | None = getattr(_of_thread, "colourer", None)
    if colourer is None:
        colourer = _of_thread.colourer = Colourer()
    return colourer.rgb(image)
