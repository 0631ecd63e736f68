"""The leak report: what was kept together and why, and what nearly alike stands across the split.

Pictures that are one scene must be on one side, or the test asks what was learned. This tells how
far that went: each pair that was kept together with the reason, and the pairs on different sides
that were only just not alike enough, for a person to judge.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Example, Side
from trainer.groups import TABLE, Pairs

LEAKS_NAME = "leaks.tsv"
MOST_PAIRS = 5000
"""Pairs that the table lists, at most."""


class Reason(StrEnum):
    """Why a pair was kept together, or what makes it worth a look."""

    TABLE = "table of groups"
    CLIP = "frames of one clip"
    NAME = "name before _nohash_"
    ALIKE = "alike"
    NEIGHBOURS = "neighbours by number, and similar"
    LEARNED = "the backbone has learned from the second"
    NEARLY = "nearly alike"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures."""

    reason: Reason
    likeness: float
    """Correlation of their thumbnails, at most 1."""
    left: str
    """Its name."""
    left_side: Side
    right: str
    right_side: Side

    @property
    def stands_across(self) -> bool:
        """Whether they are on different sides."""
        return self.left_side is not self.right_side


@dataclass(frozen=True, slots=True)
class Leaks:
    """What is known of pictures that belong together."""

    kept: Mapping[Reason, int]
    """Pairs that were kept together. Of a table, a clip or a name, each picture counts once, with
    the first of its group."""
    across: Mapping[Reason, int]
    """Pairs on different sides: nearly alike ones, and alike ones where those are not joined."""
    groups: int
    largest: int
    """Pictures of the largest group."""
    pairs: tuple[Pair, ...]
    """Those across the split first, each kind with the most alike first; ``MOST_PAIRS`` at most."""

    @property
    def total(self) -> int:
        """All pairs, listed or not."""
        return sum(self.kept.values()) + sum(self.across.values())

    def __str__(self) -> str:
        kept = ", ".join(f"{count} {reason}" for reason, count in self.kept.items())
        across = ", ".join(f"{count} {reason}" for reason, count in self.across.items())
        return (
            f"pairs kept together: {kept or 'none'}; across the split: {across or 'none'}; "
            f"{self.groups} groups, the largest of {self.largest} pictures"
        )


def find_leaks(
    listed: Sequence[Example],
    placed: Sequence[Example],
    thumbnails: NDArray[np.float32],
    pairs: Pairs,
    learned: Iterable[bool],
) -> Leaks:
    """Say why pictures are together, and which are apart and should perhaps not be.

    Args:
        listed: the examples with the groups that are known by name.
        placed: the same in the same order, with their final groups and sides.
        thumbnails: float32 (n, 16, 16), in the same order.
        pairs: those that look alike or nearly.
        learned: whether the backbone has learned from each one.
    """
    flat = thumbnails.reshape(len(placed), -1)
    found = list(_alike(placed, pairs))
    for reason, left, right in (*_named(listed), *_learned(placed, learned)):
        found.append(_pair(placed, reason, float(flat[left] @ flat[right]), left, right))
    kept = Counter(pair.reason for pair in found if not pair.stands_across)
    across = Counter(pair.reason for pair in found if pair.stands_across)
    sizes = Counter(example.group for example in placed)
    found.sort(key=lambda pair: (not pair.stands_across, -pair.likeness, pair.left, pair.right))
    return Leaks(
        {reason: kept[reason] for reason in Reason if kept[reason]},
        {reason: across[reason] for reason in Reason if across[reason]},
        len(sizes),
        max(sizes.values(), default=0),
        tuple(found[:MOST_PAIRS]),
    )


def write_leaks(leaks: Leaks, folder: Path) -> None:
    """Write ``leaks.tsv`` into ``folder``, its first line saying how many pairs there are."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LEAKS_NAME).open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {len(leaks.pairs)} of {leaks.total} pairs: {leaks}\n")
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["stands", "reason", "likeness", "first", "side", "second", "side_of_second"])
        for pair in leaks.pairs:
            stands = "across" if pair.stands_across else "together"
            rows.writerow([
                stands, pair.reason, f"{pair.likeness:.3f}",
                pair.left, pair.left_side, pair.right, pair.right_side,
            ])  # fmt: skip


def _alike(placed: Sequence[Example], pairs: Pairs) -> Iterator[Pair]:
    columns = (pairs.left, pairs.right, pairs.likeness, pairs.joined, pairs.neighbours)
    for left, right, likeness, joined, near in zip(*columns, strict=True):
        one, other = placed[left], placed[right]
        # On one side by chance is neither: nothing keeps them there.
        if one.side is other.side and not (joined and one.group == other.group):
            continue
        reason = Reason.NEARLY
        if joined:
            reason = Reason.NEIGHBOURS if near else Reason.ALIKE
        yield _pair(placed, reason, float(likeness), int(left), int(right))


def _named(listed: Sequence[Example]) -> Iterator[tuple[Reason, int, int]]:
    first: dict[str, int] = {}
    for index, example in enumerate(listed):
        leader = first.setdefault(example.group, index)
        if leader == index:
            continue
        if example.group.startswith(TABLE):
            yield Reason.TABLE, leader, index
        else:
            yield Reason.CLIP if example.source else Reason.NAME, leader, index


def _learned(
    placed: Sequence[Example], learned: Iterable[bool]
) -> Iterator[tuple[Reason, int, int]]:
    known = list(learned)
    leader: dict[str, int] = {}
    for index, example in enumerate(placed):
        if known[index]:
            leader.setdefault(example.group, index)
    for index, example in enumerate(placed):
        if not known[index] and example.group in leader:
            yield Reason.LEARNED, index, leader[example.group]


def _pair(
    placed: Sequence[Example], reason: Reason, likeness: float, left: int, right: int
) -> Pair:
    first, second = placed[left], placed[right]
    return Pair(reason, likeness, first.name, first.side, second.name, second.side)
