"""Batch sizes: an engine is made ready for a few, and each batch is brought to these. Pure.

Each size costs start-up time and memory, so powers of two it is. Also here: the checks that every
engine makes of what goes in and what comes out.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.manifest import Geometry
from monitor.inference.scored import Scores

# Rows are softmax outputs; in bfloat16 their sum is off by up to a few thousandths.
_SUM_TOLERANCE = 0.02


def bucket_sizes(largest: int) -> tuple[int, ...]:
    """1, 2, 4, … up to and with ``largest`` (at least 1)."""
    sizes = [1]
    while sizes[-1] * 2 < largest:
        sizes.append(sizes[-1] * 2)
    if largest > sizes[-1]:
        sizes.append(largest)
    return tuple(sizes)


def split_batch(count: int, sizes: Sequence[int]) -> list[int]:
    """Parts that sum to ``count``, each one of ``sizes``, largest first; ``sizes`` contains 1."""
    parts: list[int] = []
    for size in sorted(sizes, reverse=True):
        whole, count = divmod(count, size)
        parts += [size] * whole
    return parts


def padded_size(count: int, sizes: Sequence[int]) -> int:
    """The smallest of ``sizes`` that holds ``count``; the largest where none does."""
    return min((size for size in sizes if size >= count), default=max(sizes))


def check_pictures(pictures: NDArray[np.uint8], geometry: Geometry) -> None:
    """Check what goes into an engine.

    Raises:
        EngineError: not uint8 (n, geometry.height, geometry.width, 3) with n of at least 1.
    """
    wanted = (geometry.height, geometry.width, 3)
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != wanted:
        raise EngineError(
            f"a batch of {pictures.dtype} {pictures.shape} was handed to the engine, which takes "
            f"uint8 (n, {wanted[0]}, {wanted[1]}, 3); cut the regions with the bundle's geometry"
        )
    if not len(pictures):
        raise EngineError("an empty batch was handed to the engine; score at least one picture")


def check_scores(scores: Scores, count: int, labels: int) -> Scores:
    """Check what comes out of an engine.

    Returns:
        ``scores`` with probabilities as float32 (count, labels), within 0 to 1.

    Raises:
        EngineError: another shape, a value that is no finite number, or rows that do not sum to 1.
    """
    cells = scores.cells
    if cells is not None and (
        cells.ndim != 4
        or (len(cells), cells.shape[3]) != (count, labels)
        or not np.isfinite(cells).all()
    ):
        raise EngineError(
            f"the engine gave cells of shape {cells.shape} for {count} pictures and {labels} "
            "labels, or a value in them is no finite number; if it happens again, export the "
            "bundle again"
        )
    return replace(scores, probabilities=_probabilities(scores.probabilities, count, labels))


def _probabilities(scores: NDArray[np.float32], count: int, labels: int) -> NDArray[np.float32]:
    if scores.shape != (count, labels):
        raise EngineError(
            f"the engine gave scores of shape {scores.shape} for {count} pictures and {labels} "
            "labels; the bundle's model is a foreign one, export it again"
        )
    if not np.isfinite(scores).all():
        raise EngineError(
            "the engine gave a score that is no finite number; if it happens again, the model or "
            "the device is broken: try inference.engine openvino or another bundle"
        )
    if np.abs(scores.sum(axis=1) - 1.0).max() > _SUM_TOLERANCE or scores.min() < -1e-6:
        raise EngineError(
            "the engine gave scores that are no probabilities (a row does not sum to 1); export "
            "the bundle again, its model must end in a softmax"
        )
    return np.clip(scores, 0.0, 1.0).astype(np.float32, copy=False)
