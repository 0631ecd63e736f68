"""Heat maps: where in a picture a model sees what it says.

The model gives logits for each cell of a grid over the picture (class activation, see
:mod:`monitor.inference.keras_cells`); their softmax says what each cell alone would be called, so
the same colour means the same in every picture.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.inference.keras_cells import with_cells
from trainer.head import softmax

_FAINT, _STRONG = 0.12, 0.62
"""How much of the picture the colour covers where the model sees nothing, and where it is sure."""
_BATCH = 8


def keras_cells(model: Any, pictures: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """The logits of cells that a Keras model gives.

    Args:
        model: from pictures to probabilities.
        pictures: uint8 (n, height, width, 3), RGB, at its size.

    Returns:
        float32 (n, rows, columns, labels); None where the model does not end in a mean over a map
        and a linear layer.
    """
    both = with_cells(model)
    if len(both.outputs) < 2:
        return None
    parts = [
        np.asarray(both(pictures[at : at + _BATCH], training=False)[1], np.float32)
        for at in range(0, len(pictures), _BATCH)
    ]
    return np.concatenate(parts) if parts else None


def heat_of(cells: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """How much each cell looks like a label: float32 (rows, columns), 0 to 1.

    Args:
        cells: logits of one picture, float32 (rows, columns, labels).
        label: its number.
    """
    return np.asarray(softmax(cells)[..., label], np.float32)


def blend(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture with its heat map over it.

    Args:
        pixels: uint8 (height, width, 3), RGB.
        heat: (rows, columns), 0 to 1, over the whole picture.

    Returns:
        uint8 (height, width, 3), RGB: blue where there is nothing, over green to red.
    """
    height, width = pixels.shape[:2]
    grown = cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    levels = np.asarray(np.round(grown * 255), np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    share = (_FAINT + (_STRONG - _FAINT) * grown)[..., None]
    return np.asarray(np.round(pixels * (1 - share) + colour * share), np.uint8)
