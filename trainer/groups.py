"""Which pictures belong together: tables of groups, and pictures that look alike."""

import csv
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError
from trainer.dataset import Example

THUMBNAIL = 16
"""Side of the thumbnails by which likeness is judged, pixels."""

TABLE = "group:"
"""What the name of a group begins with that a table names."""

# Correlation of thumbnails. Chosen by eye on web photographs and frames of cameras: from .97 up
# nearly all pairs are one scene; between neighbours by name, which mostly are one, from .90.
_ALIKE = 0.97
_NEIGHBOURS_ALIKE = 0.90
# Smooth pictures (sky, fog, dark) correlate without being one scene: of the edges of the
# thumbnail, which is what tells them apart, as many must point the same way.
_EDGES_ALIKE = 0.90
_NEIGHBOUR_EDGES_ALIKE = 0.75
_NEIGHBOUR_DISTANCE = 3
_NONE = np.zeros(0, np.float32)
_NUMBERED = re.compile(r"^(.*?)(\d+)(\D*)$")


def read_groups(table: Path, column: str, notes: Collection[str] = ()) -> dict[str, str]:
    """Read a table of groups.

    Args:
        table: values separated by tabs, with a header that has ``file`` and ``column``.
        column: the column with the group's name; empty where a file stands alone.
        notes: values of that column that are remarks and name no group.

    Returns:
        The group by the file's path as the table has it.

    Raises:
        TrainingError: it cannot be read, or has not the columns.
    """
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = [name for name in ("file", column) if name not in (reader.fieldnames or ())]
            if missing:
                raise TrainingError(
                    f"{table}: the column '{missing[0]}' is missing in its first line; the table "
                    f"wants the columns 'file' and '{column}', separated by tabs"
                )
            rows = [(row["file"], row[column]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{table}: the table of groups cannot be read: {error}") from error
    return {name: group for name, group in rows if name and group and group not in notes}


def apply_groups(
    examples: Iterable[Example], image_dir: Path, groups: dict[str, str]
) -> list[Example]:
    """Put each example into the group that the table names for its file, if any.

    Files in the table may be relative to IMAGE_DIR or to the folder that IMAGE_DIR lies in.
    """
    bases = (image_dir.resolve(), image_dir.resolve().parent)
    named = []
    for example in examples:
        path = example.path.resolve()
        keys = [path.relative_to(base).as_posix() for base in bases if path.is_relative_to(base)]
        group = next((groups[key] for key in keys if key in groups), None)
        named.append(example if group is None else replace(example, group=f"{TABLE}{group}"))
    return named


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What likeness is judged by: float32 (16, 16), grey, the mean 0 and the length 1."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    centred = small.astype(np.float32) - np.float32(small.mean())
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of pictures that look alike, or nearly."""

    left: NDArray[np.int64]
    """int (m,): positions of examples; ``left`` is below ``right``."""
    right: NDArray[np.int64]
    likeness: NDArray[np.float32]
    """float32 (m,): correlation of the thumbnails, one of them mirrored where that is more."""
    joined: NDArray[np.bool_]
    """bool (m,): alike enough to belong together; the others are nearly alike."""
    neighbours: NDArray[np.bool_]
    """bool (m,): joined for their numbers, at less likeness than others need."""


def join_alike(
    examples: Sequence[Example], thumbnails: NDArray[np.float32]
) -> tuple[list[Example], int]:
    """Join the groups of pictures that look alike, mirrored ones too.

    Pictures that are neighbours by the number in their name are joined at less likeness.

    Args:
        examples: in the order of the thumbnails.
        thumbnails: float32 (n, 16, 16).

    Returns:
        The examples, joined groups carrying the name that sorts first, and the number of pairs
        of pictures that were found alike.
    """
    pairs = find_pairs(examples, thumbnails)
    return join(examples, pairs), int(pairs.joined.sum())


def join(examples: Sequence[Example], pairs: Pairs) -> list[Example]:
    """Join the groups of the pairs that belong together, under the name that sorts first."""
    forest = _Forest(len(examples))
    by_group: dict[str, int] = {}
    for index, example in enumerate(examples):
        forest.join(index, by_group.setdefault(example.group, index))
    for left, right in zip(pairs.left[pairs.joined], pairs.right[pairs.joined], strict=True):
        forest.join(int(left), int(right))
    names: dict[int, str] = {}
    for index, example in enumerate(examples):
        root = forest.root(index)
        names[root] = min(names.get(root, example.group), example.group)
    return [
        replace(example, group=names[forest.root(index)]) for index, example in enumerate(examples)
    ]


def find_pairs(examples: Sequence[Example], thumbnails: NDArray[np.float32]) -> Pairs:
    """Compare all pictures with each other.

    Args:
        examples: in the order of the thumbnails.
        thumbnails: float32 (n, 16, 16).
    """
    count = len(examples)
    plain = thumbnails.reshape(count, -1)
    edges = _edges(thumbnails)
    keys, likenesses, sames = [np.zeros(0, np.int64)], [_NONE], [_NONE]
    for variant in (thumbnails, thumbnails[:, :, ::-1]):
        other = np.ascontiguousarray(variant).reshape(count, -1)
        other_edges = _edges(variant)
        # In strips, so that memory stays small whatever the number of pictures.
        for start in range(0, count, 512):
            likeness = plain[start : start + 512] @ other.T
            same = edges[start : start + 512] @ other_edges.T
            rows, columns = np.nonzero(
                (likeness >= _NEIGHBOURS_ALIKE) & (same >= _NEIGHBOUR_EDGES_ALIKE)
            )
            upper = rows + start < columns
            rows, columns = rows[upper], columns[upper]
            keys.append((rows + start) * count + columns)
            likenesses.append(likeness[rows, columns])
            sames.append(same[rows, columns])
    key, likeness, same = np.concatenate(keys), np.concatenate(likenesses), np.concatenate(sames)
    certain = (likeness >= _ALIKE) & (same >= _EDGES_ALIKE)
    # A pair that is alike plain and mirrored counts once, by the way in which it is more alike.
    order = np.lexsort((-likeness, ~certain, key))
    order = order[np.unique(key[order], return_index=True)[1]]
    left, right = np.divmod(key[order], max(count, 1))
    numbers = [_numbered(example.name) for example in examples]
    near = np.array(
        [_neighbours(numbers[a], numbers[b]) for a, b in zip(left, right, strict=True)], bool
    )
    return Pairs(left, right, likeness[order], certain[order] | near, near & ~certain[order])


def _edges(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Directions of the differences between neighbouring pixels, as vectors of length 1."""
    across = np.diff(thumbnails, axis=2).reshape(len(thumbnails), -1)
    down = np.diff(thumbnails, axis=1).reshape(len(thumbnails), -1)
    steps = np.concatenate([across, down], axis=1)
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    return np.asarray(steps / np.maximum(lengths, 1e-6), dtype=np.float32)


def _numbered(name: str) -> tuple[str, int] | None:
    match = _NUMBERED.match(name.rsplit(".", 1)[0])
    # Nine digits are a time or an identifier, no count.
    if match is None or len(match[2]) > 8:
        return None
    return match[1] + "\0" + match[3], int(match[2])


def _neighbours(left: tuple[str, int] | None, right: tuple[str, int] | None) -> bool:
    if left is None or right is None:
        return False
    return left[0] == right[0] and abs(left[1] - right[1]) <= _NEIGHBOUR_DISTANCE


class _Forest:
    """Union-find with path halving."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def root(self, index: int) -> int:
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(self, left: int, right: int) -> None:
        left, right = self.root(left), self.root(right)
        # The smaller index leads, so the result does not depend on the order of pairs.
        self._parents[max(left, right)] = min(left, right)
