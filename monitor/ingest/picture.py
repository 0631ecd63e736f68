"""Pictures that arrive as files: decoded by the one image reader, scaled as frames are."""

import numpy as np
from numpy.typing import NDArray

from monitor.image import decode_image, resize
from monitor.ingest.convert import fitted


def decode_picture(data: bytes, name: str, max_side: int) -> NDArray[np.uint8]:
    """The picture as uint8 (height, width, 3), RGB, its longer side at most ``max_side``.

    Raises:
        ImageError: see :func:`monitor.image.decode_image`.
    """
    return shrink(decode_image(data, name), max_side)


def shrink(pixels: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """The picture itself, or scaled down so that its longer side is ``max_side``."""
    height, width = pixels.shape[:2]
    size = fitted(width, height, max_side)
    return pixels if size == (width, height) else resize(pixels, *size)
