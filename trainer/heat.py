"""Heat maps of small pictures: where a model sees what it says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.image import read_image
from monitor.inference.bundle import Bundle
from monitor.inference.keras_cells import with_cells
from monitor.inference.load import load_engine
from monitor.inference.locate import enlarge
from monitor.inference.regions import cut, full_view

_BATCH = 8
_FAINT, _STRONG = 0.15, 0.6
"""How much the colour covers where the model sees nothing, and where it sees most."""

Cells = NDArray[np.float32]
"""float32 (n, rows, columns, labels): logits, as in :class:`monitor.inference.scored.Scores`."""


def keras_cells(model: Any, pictures: NDArray[np.uint8]) -> Cells | None:
    """The cells that a Keras model gives.

    Args:
        model: from pictures to probabilities.
        pictures: uint8 (n, height, width, 3), RGB, at its size.

    Returns:
        None where it does not end in a mean over a map and a linear layer.
    """
    both = with_cells(model)
    if len(both.outputs) < 2:
        return None
    parts = [
        np.asarray(both(pictures[at : at + _BATCH], training=False)[1], np.float32)
        for at in range(0, len(pictures), _BATCH)
    ]
    return np.concatenate(parts)


def bundle_cells(bundle: Bundle, engine: str, files: Sequence[Path]) -> Cells | None:
    """The cells that a bundle gives for picture files, at least one.

    They are of the form that the engine runs, or of the canonical model where that form tells none.

    Returns:
        None where neither of them tells.

    Raises:
        ImageError: a file cannot be read.
        EngineError: the engine cannot run, or failed.
    """
    pictures = np.stack([cut(read_image(file), full_view(), bundle.geometry) for file in files])
    for precision in ("auto", "full"):
        if precision == "full" and bundle.keras_path is None:
            break
        scorer = load_engine(bundle, engine, precision=precision, max_batch=_BATCH)
        try:
            cells = scorer.score(pictures).cells
        finally:
            scorer.close()
        if cells is not None:
            return cells
    return None


def blend(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture with its heat map over it.

    Args:
        pixels: uint8 (height, width, 3), RGB.
        heat: (rows, columns), 0 to 1, over the whole picture.

    Returns:
        uint8 (height, width, 3), RGB: blue where there is nothing, over green to red.
    """
    height, width = pixels.shape[:2]
    grown = enlarge(heat, width, height).clip(0, 1)
    levels = np.asarray(np.round(grown * 255), np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    share = (_FAINT + (_STRONG - _FAINT) * grown)[..., None]
    return np.asarray(np.round(pixels * (1 - share) + colour * share), np.uint8)
