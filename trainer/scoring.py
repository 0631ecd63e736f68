"""Scores of picture files, by the same resize, model and engine as the daemon."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import read_image
from monitor.inference.engine import Engine
from monitor.inference.manifest import Geometry
from monitor.inference.regions import cut, full_view

BATCH = 16
# Pictures are decoded beside one another; each may take 200 MB for a moment.
_READERS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What a model says about those files that can be read."""

    rows: NDArray[np.int64]
    """(m,): positions in the list of files."""
    scores: NDArray[np.float32]
    """float32 (m, labels)."""
    unreadable: tuple[tuple[int, str], ...]
    """Position and reason of each file that was left out."""


def score_files(
    files: Sequence[Path],
    engine: Engine,
    geometry: Geometry,
    progress: Callable[[int], None] = lambda _: None,
) -> Scored:
    """Score the full view of each file; ``progress`` is told how many were just done.

    Raises:
        EngineError: inference failed.
    """
    rows: list[int] = []
    parts = [np.zeros((0, len(engine.labels)), np.float32)]
    unreadable: list[tuple[int, str]] = []
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
        for start in range(0, len(files), BATCH):
            some = files[start : start + BATCH]
            pictures = []
            for row, read in enumerate(readers.map(partial(_read, geometry=geometry), some), start):
                if isinstance(read, ImageError):
                    unreadable.append((row, str(read)))
                else:
                    rows.append(row)
                    pictures.append(read)
            if pictures:
                parts.append(engine.score(np.stack(pictures)).probabilities)
            progress(len(some))
    return Scored(np.array(rows, np.int64), np.concatenate(parts), tuple(unreadable))


def _read(path: Path, geometry: Geometry) -> NDArray[np.uint8] | ImageError:
    """The picture at the model's size, or what is wrong with it."""
    try:
        return cut(read_image(path), full_view(), geometry)
    except ImageError as error:
        return error
