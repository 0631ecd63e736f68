"""The gist of a picture: grey and averaged down, so small that two can be compared for nothing.

Noise averages out of it, what happens in the scene does not.
"""

import numpy as np
from numpy.typing import NDArray

GIST_ROWS, GIST_COLUMNS = 36, 64
"""Most rows and columns."""

AVERAGED = 4
"""Side of the squares, in looked-at pixels, that are averaged."""

_BLANK_LEVEL = 64
"""What is blank is darker than this, everywhere: grey that is even may be thick smoke."""
_BLANK_CONTRAST, _BLANK_NOISES = 8.0, 6.0
"""Grey levels above the middle, and how many times the noise, of which what glows has more. A flame
of 24 x 24 pixels of 1080p has 50, but for the lowest 24 rows, which no gist of that size holds."""
_BLANK_SPREAD = 1.5
"""A scene that is dim, and no noise, is spread wider than its neighbours differ: so many times."""

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


def is_blank(small: NDArray[np.uint8]) -> bool:
    """Whether a gist shows one dark level, and noise: a covered lens, or no light at all.

    There is nothing in it to be seen, so a model that was taught by pictures of things says
    something by chance. A flame would stand out of it, and a dim scene has some contrast.

    Args:
        small: a gist; of an empty one nothing is known.
    """
    if min(small.shape) < 2 or small.max() >= _BLANK_LEVEL:
        return False
    levels = small.astype(np.float32)
    differences = np.concatenate([np.diff(levels, axis=1).ravel(), np.diff(levels, axis=0).ravel()])
    noise = float(differences.std()) / np.sqrt(2.0)
    glows = float(levels.max() - np.median(levels))
    return bool(
        glows <= max(_BLANK_CONTRAST, _BLANK_NOISES * noise)
        and levels.std() <= _BLANK_SPREAD * noise + 1.0
    )


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
