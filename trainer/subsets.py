"""Rows of one's own in the figures: pictures picked by their names."""

from collections.abc import Sequence
from fnmatch import fnmatch

import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError
from trainer.dataset import Example

Subsets = tuple[tuple[str, str], ...]
"""(name, pattern of picture names); a name may stand several times."""


def members(subsets: Subsets, names: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Which pictures belong to each subset, in the order in which the subsets are named.

    Args:
        subsets: a picture belongs to a name if any of the name's patterns fits; patterns are
            those of the shell (``*``, ``?``, ``[abc]``), and ``*`` goes over slashes.
        names: of the pictures, relative to the folder of all labels.

    Returns:
        Positions in ``names``, rising, by the subset's name.
    """
    patterns: dict[str, list[str]] = {}
    for name, pattern in subsets:
        patterns.setdefault(name, []).append(pattern)
    return {
        name: np.array(
            [row for row, one in enumerate(names) if any(fnmatch(one, glob) for glob in globs)],
            np.intp,
        )
        for name, globs in patterns.items()
    }


def require_subsets(subsets: Subsets, examples: Sequence[Example]) -> None:
    """Refuse a pattern that fits no picture, before anything long starts.

    Raises:
        TrainingError: it names the pattern and a picture.
    """
    for name, pattern in subsets:
        if not any(fnmatch(example.name, pattern) for example in examples):
            like = f", such as '{examples[0].name}'" if examples else ""
            raise TrainingError(
                f"--subset {name}={pattern}: no picture has such a name; names are relative to "
                f"the folder of all labels{like}"
            )
