"""The gist of a picture: grey and averaged down, so small that two can be compared for nothing.

Noise averages out of it, what happens in the scene does not.
"""

import numpy as np
from numpy.typing import NDArray

GIST_ROWS, GIST_COLUMNS = 36, 64
"""Most rows and columns."""

AVERAGED = 4
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
    sums = square_sums(grey)
    if not sums.size:
        return NO_GIST
    small: NDArray[np.uint8] = (sums // AVERAGED**2).astype(np.uint8)
    return small


def square_sums(grey: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The sum of each square of pixels; what is over at the edges is left out.

    Args:
        grey: uint8 (rows, columns).

    Returns:
        uint16 (rows / 4, columns / 4).
    """
    rows, columns = (side // AVERAGED * AVERAGED for side in grey.shape)
    cut = grey[:rows, :columns]
    # Added one by one: numpy's sum over so short an axis takes nearly three times as long.
    down = cut[::AVERAGED].astype(np.uint16)
    for step in range(1, AVERAGED):
        down += cut[step::AVERAGED]
    sums = down[:, ::AVERAGED].copy()
    for step in range(1, AVERAGED):
        sums += down[:, step::AVERAGED]
    return sums
