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
from trainer.evaluate import Mistake
from trainer.heat import blend, heat_of

MOST = 24
"""Mistakes that are shown as pictures."""
MOST_BYTES = 900_000
"""Of all pictures of a page together, as they stand in it."""

_SIDE = 160
_QUALITY = 72

Cells = Callable[[Sequence[Mistake]], NDArray[np.float32] | None]
"""Gives the logits of cells, (n, rows, columns, labels), of pictures; None where there are none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A mistake as it stands in a page."""

    mistake: Mistake
    picture: str | None
    """Data URL of a small copy; None where it cannot be read any more."""
    heat: str | None
    """The same with the heat map of what it was called; None where the model gives none."""


def show(
    mistakes: Sequence[Mistake], paths: Mapping[str, Path], labels: Sequence[str], cells: Cells
) -> tuple[Shown, ...]:
    """Make small pictures of the first mistakes, as many as a page may hold.

    Args:
        mistakes: the worst first.
        paths: of the pictures, by their names.
        labels: in the order of the model's outputs.
        cells: of some of the mistakes, in their order.
    """
    worst = mistakes[:MOST]
    maps = cells(worst) if worst else None
    shown: list[Shown] = []
    size = 0
    for number, mistake in enumerate(worst):
        pixels = _small(paths[mistake.name])
        picture = None if pixels is None else data_url(pixels)
        heat = None
        if pixels is not None and maps is not None:
            heat = data_url(blend(pixels, heat_of(maps[number], labels.index(mistake.said))))
        size += len(picture or "") + len(heat or "")
        if size > MOST_BYTES:
            break
        shown.append(Shown(mistake, picture, heat))
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
