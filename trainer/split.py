"""Which side each group of pictures is on: training, validation or test.

The side is decided by the sha1 of the group's name. Moving the folder changes no name, so it moves
no picture; adding a group moves no other one.

A backbone that has learned from some of the pictures is the exception: their groups can only be
trained on. What validation and test lose by that is made up for from groups that the backbone has
not seen and that would have been trained on. A second hash picks them, so those that would have
been held out anyway stay where they were: a test picture of the run before is one of this run too.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch

from monitor.errors import TrainingError
from trainer.dataset import Dataset, Example, Side

_SECOND_LOOK = "unseen by the backbone: "


def split(
    examples: Sequence[Example],
    validation_percentage: int,
    testing_percentage: int,
    oversample: Iterable[tuple[str, int]] = (),
    learned: Collection[str] = frozenset(),
) -> Dataset:
    """Put each group on a side.

    Args:
        examples: the pictures, with their final groups.
        validation_percentage: of the groups.
        testing_percentage: of the groups.
        oversample: (pattern of file names, times).
        learned: groups with a picture that the backbone has learned from.

    Raises:
        TrainingError: a label has no picture on one of the sides.
    """
    patterns = tuple(oversample)
    sides = sides_of_groups(examples, validation_percentage, testing_percentage, learned)
    placed = tuple(
        replace(example, side=sides[example.group], times=_times(example, patterns))
        for example in examples
    )
    dataset = Dataset(tuple(sorted({example.label for example in placed})), placed)
    _require_all_sides(dataset, learned)
    return dataset


def side_of(group: str, validation_percentage: float, testing_percentage: float) -> Side:
    """The side of a group, decided by the hash of its name alone."""
    digest = hashlib.sha1(group.encode(), usedforsecurity=False).digest()
    percent = int.from_bytes(digest[:8], "big") / 2**64 * 100
    if percent < validation_percentage:
        return Side.VALIDATION
    if percent < validation_percentage + testing_percentage:
        return Side.TEST
    return Side.TRAIN


def sides_of_groups(
    examples: Iterable[Example],
    validation_percentage: int,
    testing_percentage: int,
    learned: Collection[str] = frozenset(),
) -> dict[str, Side]:
    """The side of each group; those in ``learned`` are trained on."""
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        sizes[example.group][example.label] += 1
    by_name = {group: side_of(group, validation_percentage, testing_percentage) for group in sizes}
    # A group with pictures of several labels counts for the one that it has most of.
    label_of = {
        group: min(counts, key=lambda label: (-counts[label], label))
        for group, counts in sizes.items()
    }
    lost: Counter[tuple[str, Side]] = Counter()
    free: Counter[str] = Counter()
    for group, side in by_name.items():
        size = sizes[group].total()
        if group in learned:
            lost[label_of[group], side] += size
        elif side is Side.TRAIN:
            free[label_of[group]] += size
    shares = {label: _second_percentages(lost, label, free[label]) for label in free}
    return {
        group: _second_look(group, side, group in learned, shares.get(label_of[group], (0, 0)))
        for group, side in by_name.items()
    }


def _second_percentages(
    lost: Mapping[tuple[str, Side], int], label: str, free: int
) -> tuple[int, int]:
    """How many percent of the free pictures make up for those that are lost.

    Whole percents, so that a few more or fewer pictures seldom move a group.
    """
    validation = lost.get((label, Side.VALIDATION), 0)
    test = lost.get((label, Side.TEST), 0)
    # Where too few are free, all of them are held out, in the proportion of the losses.
    of = max(free, validation + test)
    if of == 0:
        return 0, 0
    first = math.ceil(100 * validation / of)
    return first, min(math.ceil(100 * test / of), 100 - first)


def _second_look(group: str, side: Side, learned: bool, percentages: tuple[int, int]) -> Side:
    if learned:
        return Side.TRAIN
    if side is not Side.TRAIN or percentages == (0, 0):
        return side
    return side_of(_SECOND_LOOK + group, *percentages)


def _times(example: Example, patterns: Sequence[tuple[str, int]]) -> int:
    return max((times for glob, times in patterns if fnmatch(example.name, glob)), default=1)


def _require_all_sides(dataset: Dataset, learned: Collection[str]) -> None:
    counts = dataset.counts()
    for label in dataset.labels:
        own = [example for example in dataset.examples if example.label == label]
        known = sum(example.group in learned for example in own)
        for side in Side:
            if counts.get((label, side)):
                continue
            if known and side is not Side.TRAIN:
                raise TrainingError(
                    f"label '{label}': no picture is left for the {side} part: the backbone has "
                    f"learned from {known} of its {len(own)} pictures, or from what belongs to "
                    "them, and figures on those would be untrue; add pictures of other scenes, or "
                    "start from another backbone"
                )
            raise TrainingError(
                f"label '{label}': none of its pictures falls into the {side} part; add "
                "pictures of other scenes, or raise the percentage of that part"
            )
