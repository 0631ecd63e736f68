"""Where in the picture the evidence is: a heat map and a box from the cells. Pure.

A cell speaks for some labels by the log-odds of these against all others. Class activation maps
are read with a threshold relative to their strongest place (0.2 in Zhou et al., CVPR 2016). Looked
at on 56 pictures and frames of fire and smoke: at 0.5 the box holds the core of a flame, at 0.2
half the wall beside it, at 0.25 the flame, or the foot of the plume.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.inference.scored import Box, Region, ScoredFrame

BOX_FROM = 0.25
"""Part of the strongest heat from which a place belongs to the box."""

# Inception v3 pads little: its 8 cells are 32 pixels apart, and the first has its middle at pixel
# 37 of 299. So two thirds of a cell are left at each border.
_BORDER_CELLS = 37.5 / 32 - 0.5
# Places along each side on which a box is looked for.
_FINE = 64


def heat_map(cells: NDArray[np.float32], labels: Sequence[int]) -> NDArray[np.float32]:
    """How much each cell speaks for some labels.

    Args:
        cells: float32 (rows, columns, all labels), logits.
        labels: positions of the labels that are looked for, at least one and not all.

    Returns:
        float32 (rows, columns), 0 to 1: 0 where a cell speaks against them, 1 where the strongest
        one is. All 0 where none speaks for them.
    """
    wanted = np.zeros(cells.shape[-1], bool)
    wanted[list(labels)] = True
    odds = _log_sum(cells[..., wanted]) - _log_sum(cells[..., ~wanted])
    strongest = float(odds.max())
    if not strongest > 0:
        return np.zeros(odds.shape, np.float32)
    return np.asarray(odds.clip(0.0) / strongest, np.float32)


def enlarge(heat: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """A heat map at the size of the picture, interpolated between the middles of the cells.

    Returns:
        float32 (height, width).
    """
    rows, columns = heat.shape
    return np.asarray(_weights(rows, height) @ heat @ _weights(columns, width).T, np.float32)


def find_box(heat: NDArray[np.float32], region: Region) -> Box | None:
    """The box around the strongest place and what hangs together with it.

    Args:
        heat: float32 (rows, columns), as :func:`heat_map` gives it.
        region: the part of the frame that it is of.

    Returns:
        The box, relative to the frame; None where the map is 0 everywhere.
    """
    if not heat.max() > 0:
        return None
    fine = enlarge(heat, _FINE, _FINE)
    hot = fine >= BOX_FROM * fine.max()
    place = _around(hot, np.unravel_index(int(fine.argmax()), fine.shape))
    down, across = np.flatnonzero(place.any(1)), np.flatnonzero(place.any(0))
    wide, high = region.right - region.left, region.bottom - region.top
    return Box(
        left=round(region.left + wide * float(across[0]) / _FINE, 4),
        top=round(region.top + high * float(down[0]) / _FINE, 4),
        right=round(region.left + wide * float(across[-1] + 1) / _FINE, 4),
        bottom=round(region.top + high * float(down[-1] + 1) / _FINE, 4),
    )


def box_of(scored: ScoredFrame, region: str, labels: Sequence[int]) -> Box | None:
    """Where a region of a frame shows some labels.

    Args:
        scored: the frame.
        region: the name of the region.
        labels: positions of the labels that are looked for.

    Returns:
        The box, relative to the frame; None where the model does not tell, nothing speaks for
        them, or they are all labels: then there is nothing to tell them from.
    """
    for part in scored.regions:
        if part.region.name == region and part.cells is not None:
            if len(labels) == part.cells.shape[-1]:
                return None
            return find_box(heat_map(part.cells, labels), part.region)
    return None


def _log_sum(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithm of the sum of the exponentials over the last axis."""
    highest = logits.max(-1)
    return np.asarray(highest + np.log(np.exp(logits - highest[..., None]).sum(-1)), np.float32)


def _weights(count: int, size: int) -> NDArray[np.float64]:
    """(size, count): the part of each cell in each place, along one side."""
    middles = (_BORDER_CELLS + np.arange(count) + 0.5) / (count + 2 * _BORDER_CELLS)
    places = (np.arange(size) + 0.5) / size
    return np.stack([np.interp(places, middles, one) for one in np.eye(count)], axis=1)


def _around(hot: NDArray[np.bool_], start: tuple[np.intp, ...]) -> NDArray[np.bool_]:
    """The places that are joined with one by hot ones, side by side or one above the other."""
    found = np.zeros_like(hot)
    found[start] = True
    count = 0
    while count != (count := int(found.sum())):
        wider = found.copy()
        wider[1:] |= found[:-1]
        wider[:-1] |= found[1:]
        wider[:, 1:] |= found[:, :-1]
        wider[:, :-1] |= found[:, 1:]
        found = wider & hot
    return found
