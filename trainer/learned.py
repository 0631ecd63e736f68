"""What a network has learned from: a list in each bundle, so that no later test asks it again.

``learned.txt`` holds one line for each training picture: the first 16 hex digits of the sha256 of
its file, sorted. A frame of a clip adds the clip's own file, so its other frames are known too. A
bundle that was trained from another one carries the lines of both. Lines with ``#`` are remarks;
one of them says where the list is known to be incomplete.

Of random files, 64 bits let one in 10^12 pass for a picture of a list of ten million.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import BundleError, TrainingError
from monitor.inference.bundle import load_bundle, resolve_bundle
from trainer.dataset import TINY_CLASS, Dataset, Example, Side

LEARNED_NAME = "learned.txt"
DIGITS = 16
"""Hex digits of a sha256 that are kept."""

_TITLE = f"# sha256 of what the network was trained on, first {DIGITS} digits"
_INCOMPLETE = "# incomplete: it began from a bundle without such a list"
_LINE = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Learned:
    """What a network is known to have learned from."""

    prefixes: frozenset[str]
    """First 16 hex digits of the sha256 of files."""
    complete: bool = True
    """False where it may have learned from more than that."""

    def knows(self, example: Example, digest: str) -> bool:
        """Whether it has learned from a picture of this sha256, or from the clip it is of."""
        return digest[:DIGITS] in self.prefixes or example.source in self.prefixes

    def groups(self, examples: Iterable[Example], digests: Iterable[str]) -> frozenset[str]:
        """Groups that hold a picture it has learned from.

        Args:
            examples: with their final groups.
            digests: the sha256 of each one's file, in the same order.
        """
        return frozenset(
            example.group
            for example, digest in zip(examples, digests, strict=True)
            if self.knows(example, digest)
        )

    def extended(self, dataset: Dataset, digests: Sequence[str]) -> "Learned":
        """This, and the training side of a dataset with the sha256 of each of its examples."""
        fresh = {
            prefix
            for example, digest in zip(dataset.examples, digests, strict=True)
            if example.side is Side.TRAIN
            for prefix in (digest[:DIGITS], example.source)
            if prefix
        }
        return Learned(self.prefixes | fresh, self.complete)


NOTHING = Learned(frozenset())


@dataclass(frozen=True, slots=True)
class Unseen:
    """How much of a dataset the backbone has not learned from."""

    known: int
    """Pictures that it has learned from, or that belong to such."""
    total: Mapping[str, int]
    """Pictures of each label."""
    unseen: Mapping[str, int]
    """Those of them that are new to it, on all sides."""
    test: Mapping[str, int]
    """Those of them that the test is made of."""
    complete: bool
    """False where the backbone does not say all that it has learned from."""

    @property
    def scarce(self) -> tuple[str, ...]:
        """Labels that lost pictures to the list and have too few left for a fair test."""
        return tuple(
            label
            for label, count in self.test.items()
            if count < TINY_CLASS and self.unseen[label] < self.total[label]
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what the figures of this run are worth."""
        found = [] if self.complete else [
            "the backbone does not say which pictures it was trained on; if these are among "
            "them, the figures of this run flatter it"
        ]  # fmt: skip
        found += [
            f"label '{label}': the backbone has learned from "
            f"{self.total[label] - self.unseen[label]} of its {self.total[label]} pictures; "
            f"{self.test[label]} that it has not seen are left for the test, too few for a fair one"
            for label in self.scarce
        ]
        return tuple(found)

    def metrics(self) -> dict[str, float]:
        """The counts for a bundle's manifest."""
        found = {"learned_before": float(self.known)}
        if not self.complete:
            found["learned_before_unknown"] = 1.0
        if self.known:
            found |= {f"unseen_test_{label}": float(count) for label, count in self.test.items()}
        return found


def unseen(dataset: Dataset, groups: frozenset[str], complete: bool) -> Unseen:
    """Count what is left.

    Args:
        dataset: split.
        groups: those that the backbone has learned from.
        complete: whether it says all of them.
    """
    labels = dataset.labels
    total = Counter(e.label for e in dataset.examples)
    new = Counter(e.label for e in dataset.examples if e.group not in groups)
    test = Counter(e.label for e in dataset.of(Side.TEST))
    return Unseen(
        total.total() - new.total(),
        total,
        {label: new[label] for label in labels},
        {label: test[label] for label in labels},
        complete,
    )


def learned_by(backbone: str) -> Learned | None:
    """What the backbone of this name has learned from; None where it is no bundle.

    Plain weights are taken to have learned from none of the pictures at hand.

    Raises:
        TrainingError: the bundle or its list cannot be read.
    """
    path = resolve_bundle(backbone)
    if backbone == "imagenet" or not path.is_dir():
        return None
    try:
        bundle = load_bundle(path)
    except BundleError as error:
        raise TrainingError(f"--backbone: {error}") from error
    if LEARNED_NAME not in bundle.manifest.files:
        return Learned(frozenset(), complete=False)
    return read_learned(path / LEARNED_NAME)


def learned_by_all(names: Sequence[str]) -> Learned | None:
    """What any of several networks has learned from; None where none is a bundle.

    Raises:
        TrainingError: as :func:`learned_by`.
    """
    lists = [found for found in map(learned_by, names) if found is not None]
    if not lists:
        return None
    prefixes = frozenset[str]().union(*(found.prefixes for found in lists))
    return Learned(prefixes, all(found.complete for found in lists))


def read_learned(path: Path) -> Learned:
    """Read a list.

    Raises:
        TrainingError: it cannot be read, or holds something else.
    """
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"{path}: the list of what was learned cannot be read: {error}; copy the bundle again"
        ) from error
    for number, line in enumerate(lines, 1):
        if not (line.startswith("#") or _LINE.fullmatch(line)):
            raise TrainingError(
                f"{path}: line {number} is no start of a sha256 ({DIGITS} hex digits); "
                "copy the bundle again"
            )
    return Learned(
        frozenset(line for line in lines if not line.startswith("#")), _INCOMPLETE not in lines
    )


def write_learned(folder: Path, learned: Learned) -> None:
    """Write the list into a bundle's folder, before its manifest."""
    head = [_TITLE] if learned.complete else [_TITLE, _INCOMPLETE]
    text = "".join(f"{line}\n" for line in (*head, *sorted(learned.prefixes)))
    (folder / LEARNED_NAME).write_text(text, "ascii")
