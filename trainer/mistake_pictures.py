"""The worst mistakes as small pictures with their heat maps, inline in a page."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import read_image
from monitor.inference.locate import heat_map
from trainer.evaluate import Mistake
from trainer.heat import Cells, blend

MOST = 24
"""Mistakes that are shown as pictures."""
MOST_BYTES = 900_000
"""Of all pictures of a page together, as they stand in it."""

_SIDE = 160
_QUALITY = 72


@dataclass(frozen=True, slots=True)
class Shown:
    """A mistake as it stands in a page."""

    mistake: Mistake
    picture: str | None
    """Data URL of a small copy; None where it cannot be read any more."""
    heat: str | None
    """The same with the heat map of what it was called; None where the model gives none."""


def show(
    mistakes: Sequence[Mistake],
    paths: Mapping[str, Path],
    labels: Sequence[str],
    cells: Callable[[Sequence[Mistake]], Cells | None],
) -> tuple[Shown, ...]:
    """Make small pictures of the first mistakes, as many as a page may hold.

    Args:
        mistakes: the worst first.
        paths: of the pictures, by their names.
        labels: in the order of the model's outputs.
        cells: gives the cells of those that can still be read, in their order; None where the
            model tells none.
    """
    small = [(mistake, _small(paths[mistake.name])) for mistake in mistakes[:MOST]]
    readable = [mistake for mistake, pixels in small if pixels is not None]
    maps = cells(readable) if readable else None
    shown: list[Shown] = []
    row = size = 0
    for mistake, pixels in small:
        one = Shown(mistake, None, None)
        if pixels is not None:
            heat = None
            if maps is not None:
                said = labels.index(mistake.said)
                heat = data_url(blend(pixels, heat_map(maps[row], [said])))
            one = Shown(mistake, data_url(pixels), heat)
            row += 1
        size += len(one.picture or "") + len(one.heat or "")
        if size > MOST_BYTES:
            break
        shown.append(one)
    return tuple(shown)


def data_url(pixels: NDArray[np.uint8]) -> str:
    """A picture, uint8 (height, width, 3) RGB, as a JPEG in a URL."""
    encoded, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    if not encoded:
        raise ValueError(f"a picture of shape {pixels.shape} cannot be written as a JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _small(path: Path) -> NDArray[np.uint8] | None:
    """A copy of at most 160 pixels a side; None where the file cannot be read any more."""
    try:
        pixels = read_image(path)
    except ImageError:
        return None
    scale = min(1.0, _SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
