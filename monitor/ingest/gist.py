"""The gist of a picture: grey and averaged down, so small that two can be compared for nothing.

Noise averages out of it, what happens in the scene does not.
"""

import numpy as np
from numpy.typing import NDArray

GIST_ROWS, GIST_COLUMNS = 36, 64
"""Most rows and columns."""

_AVERAGED = 4
"""Side of the squares, in looked-at pixels, that are averaged."""


NO_GIST: NDArray[np.uint8] = np.empty((0, 0), np.uint8)
"""Of a picture whose gist nobody knows."""


def gist(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The gist of a picture.

    Args:
        grey: uint8 (rows, columns), at most 144 x 256: the pixels that the health judge looks at.

    Returns:
        uint8 (rows / 4, columns / 4), at most 36 x 64; empty for a picture too small.
    """
    rows, columns = (side // _AVERAGED for side in grey.shape)
    if not rows or not columns:
        return NO_GIST
    cut = grey[: rows * _AVERAGED, : columns * _AVERAGED].reshape(rows, _AVERAGED, -1)
    summed = cut.sum(axis=1, dtype=np.uint16).reshape(rows, columns, _AVERAGED).sum(axis=2)
    small: NDArray[np.uint8] = (summed // _AVERAGED**2).astype(np.uint8)
    return small
