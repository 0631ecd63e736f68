"""Checkpoints of fine-tuning: plain arrays in one file, replaced atomically."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError


def save_checkpoint(
    path: Path, values: dict[str, NDArray[Any]], weights: Sequence[NDArray[Any]]
) -> None:
    """Write named arrays and numbered weights.

    Raises:
        TrainingError: the file cannot be written.
    """
    arrays: dict[str, Any] = {**values, **{f"weight{i}": w for i, w in enumerate(weights)}}
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        fresh.replace(path)
    except OSError as error:
        raise TrainingError(
            f"{path}: the checkpoint cannot be written: {error.strerror}; free space, or give "
            "another cache folder"
        ) from error


def load_checkpoint(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read a checkpoint, without executing anything from it; None where there is none.

    Raises:
        TrainingError: there is one and it is broken.
    """
    if not path.is_file():
        return None
    try:
        # Opened here, because numpy leaves its own file open where it is no whole archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path}: the checkpoint is broken ({error}); remove it to start from the beginning"
        ) from error
