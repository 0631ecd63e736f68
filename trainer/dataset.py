"""Folders of pictures -> labelled examples.

A picture is named by its path relative to IMAGE_DIR, so its name, and with it its side of the
split, stays the same when the folder moves.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from monitor.errors import TrainingError
from monitor.image import IMAGE_SUFFIXES

TINY_CLASS = 20
"""Fewer pictures than this in a class are worth a warning."""

_SMALLEST_CLASS = 5
# Everything from `_nohash_` on is ignored, so `car_nohash_1.jpg` and `car_nohash_2.jpg` stay
# together: the convention of TensorFlow's retrain.py.
_NOHASH = re.compile(r"_nohash_.*$")


class Side(StrEnum):
    """What a picture is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled picture."""

    path: Path
    name: str
    """Its path relative to IMAGE_DIR, or a name of the same kind: stable when folders move."""
    label: str
    group: str
    """Pictures of one group stay together."""
    side: Side = Side.TRAIN
    times: int = 1
    """How much more often than others it is drawn."""
    source: str = ""
    """First 16 hex digits of the sha256 of the clip that it is a frame of; empty of a picture."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All examples that a run uses."""

    labels: tuple[str, ...]
    """Sorted: the order of the model's outputs."""
    examples: tuple[Example, ...]

    def of(self, side: Side) -> tuple[Example, ...]:
        """The examples of one side."""
        return tuple(example for example in self.examples if example.side is side)

    def counts(self) -> Mapping[tuple[str, Side], int]:
        """How many examples each label has on each side."""
        return Counter((example.label, example.side) for example in self.examples)


def scan(image_dir: Path, extra: Iterable[tuple[str, Path]] = ()) -> list[Example]:
    """List the pictures of each label's folder and of the extra folders.

    A label is its folder's name. Extra pictures are named by their folder's own name, so their
    side of the split does not depend on where they lie.

    Raises:
        TrainingError: fewer than two labels, a label without pictures or with too few to split,
            or an extra folder under an unknown label.
    """
    folders = sorted(path for path in image_dir.iterdir() if path.is_dir() and _visible(path))
    if len(folders) < 2:
        found = f"only '{folders[0].name}'" if folders else "no folder"
        raise TrainingError(
            f"{image_dir}: {found} was found in it; a model needs at least two labels, each a "
            "folder of pictures"
        )
    examples = []
    for folder in folders:
        pictures = pictures_in(folder)
        if not pictures:
            raise TrainingError(
                f"{folder}: the folder of the label '{folder.name}' holds no picture; add "
                f"pictures ({', '.join(sorted(IMAGE_SUFFIXES))}) or remove the folder"
            )
        examples += [
            _example(path, path.relative_to(image_dir).as_posix(), folder.name) for path in pictures
        ]
    labels = {folder.name for folder in folders}
    for label, folder in extra:
        if label not in labels:
            raise TrainingError(
                f"--extra {label}={folder}: '{label}' is no label; the labels are "
                f"{', '.join(sorted(labels))}"
            )
        pictures = pictures_in(folder)
        if not pictures:
            raise TrainingError(f"{folder}: the extra folder holds no picture; add some or omit it")
        examples += [
            _example(path, f"{folder.name}/{path.relative_to(folder).as_posix()}", label)
            for path in pictures
        ]
    _require_enough(examples)
    return examples


def fingerprint(dataset: Dataset, digests: Mapping[str, str]) -> str:
    """Name the data: the same pictures with the same labels and sides give the same text.

    Args:
        dataset: the split data.
        digests: sha256 of each picture's file by the example's name.
    """
    lines = sorted(
        f"{digests[example.name]} {example.label} {example.side}" for example in dataset.examples
    )
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _example(path: Path, name: str, label: str) -> Example:
    return Example(path, name, label, _NOHASH.sub("", name))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files in a folder and below it, sorted; hidden ones do not count."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and _visible(path) and path.is_file()
    )


def _visible(path: Path) -> bool:
    return not path.name.startswith(".")


def _require_enough(examples: Iterable[Example]) -> None:
    for label, count in sorted(Counter(example.label for example in examples).items()):
        if count < _SMALLEST_CLASS:
            raise TrainingError(
                f"label '{label}': {count} pictures are too few to train, validate and test with; "
                f"give at least {_SMALLEST_CLASS}, better {TINY_CLASS} or more"
            )
