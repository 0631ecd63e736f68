import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pictures import picture
from trainer.dataset import Example, Side
from trainer.groups import Pairs, find_pairs, join, thumbnail
from trainer.leaks import LEAKS_NAME, Leaks, Reason, find_leaks, write_leaks
from trainer.split import sides_of_groups


def example(name: str, side: Side = Side.TRAIN, group: str = "", source: str = "") -> Example:
    return Example(Path(name), name, "fire", group or name, side, source=source)


def pairs(*rows: tuple[int, int, float, bool, bool]) -> Pairs:
    left, right, likeness, joined, near = zip(*rows, strict=True) if rows else ((),) * 5
    return Pairs(
        np.array(left, np.int64), np.array(right, np.int64), np.array(likeness, np.float32),
        np.array(joined, bool), np.array(near, bool),
    )  # fmt: skip


def leaks_of(placed: list[Example], found: Pairs, *learned: int) -> Leaks:
    small = np.stack([thumbnail(picture("fire", n)) for n in range(len(placed))])
    return find_leaks(placed, placed, small, found, [n in learned for n in range(len(placed))])


def test_pairs_that_only_just_were_not_joined_are_told_where_they_stand_across() -> None:
    placed = [example("a"), example("b", Side.TEST), example("c")]
    found = leaks_of(placed, pairs((0, 1, 0.95, False, False), (0, 2, 0.95, False, False)))
    assert found.across == {Reason.NEARLY: 1}
    assert found.kept == {}
    (pair,) = found.pairs
    assert (pair.left, pair.left_side, pair.right, pair.right_side) == (
        "a", Side.TRAIN, "b", Side.TEST,
    )  # fmt: skip
    assert pair.likeness == pytest.approx(0.95)


def test_alike_pairs_that_were_not_joined_are_told_as_alike() -> None:
    placed = [example("a"), example("b", Side.TEST), example("c")]
    found = leaks_of(placed, pairs((0, 1, 0.99, True, False), (0, 2, 0.99, True, False)))
    assert (found.across, found.kept) == ({Reason.ALIKE: 1}, {})


def test_what_was_joined_is_told_with_its_reason() -> None:
    placed = [example(name, group="a") for name in "abc"]
    listed = [example(name) for name in "abc"]
    small = np.stack([thumbnail(picture("fire", n)) for n in range(3)])
    found = find_leaks(
        listed,
        placed,
        small,
        pairs((0, 1, 0.98, True, False), (1, 2, 0.92, True, True)),
        [False] * 3,
    )
    assert found.kept == {Reason.ALIKE: 1, Reason.NEIGHBOURS: 1}
    assert (found.groups, found.largest) == (1, 3)


def test_groups_by_table_clip_and_name_count_each_picture_with_the_first() -> None:
    placed = [
        *(example(f"t{n}", group="group:barn") for n in range(3)),
        *(example(f"c{n}", group="clip/a.mp4", source="c" * 16) for n in range(4)),
        *(example(f"n_nohash_{n}", group="n") for n in range(2)),
    ]
    found = leaks_of(placed, pairs())
    assert found.kept == {Reason.TABLE: 2, Reason.CLIP: 3, Reason.NAME: 1}
    assert found.across == {}


def test_what_goes_with_a_learned_picture_is_told() -> None:
    placed = [example("a", group="scene"), example("b", group="scene"), example("c")]
    found = leaks_of(placed, pairs(), 1)
    assert found.kept == {Reason.NAME: 1, Reason.LEARNED: 1}
    told = [(p.left, p.right) for p in found.pairs if p.reason is Reason.LEARNED]
    assert told == [("a", "b")]


def test_the_table_lists_the_closest_first_and_says_how_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.leaks.MOST_PAIRS", 3)
    placed = [example("a"), *(example(f"b\t{n}", Side.TEST) for n in range(5))]
    rows = [(0, n, 0.9 + n / 100, False, False) for n in range(1, 6)]
    write_leaks(leaks_of(placed, pairs(*rows)), tmp_path / "report")
    with (tmp_path / "report" / LEAKS_NAME).open(newline="") as file:
        assert file.readline().startswith("# 3 of 5 pairs: ")
        found = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["second"], row["likeness"]) for row in found] == [
        ("b\t4", "0.950"), ("b\t3", "0.940"), ("b\t2", "0.930"),
    ]  # fmt: skip
    assert {row["stands"] for row in found} == {"across"}


@given(st.lists(st.integers(0, 11), min_size=40, max_size=40), st.integers(0, 2**31))
def test_no_pair_that_is_joined_stands_across(kinds: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(12, 16, 16))
    noise = rng.normal(size=(40, 16, 16)) * rng.uniform(0, 0.3, (40, 1, 1))
    small = looks[kinds] + noise
    small -= small.mean(axis=(1, 2), keepdims=True)
    small = (small / np.linalg.norm(small, axis=(1, 2), keepdims=True)).astype(np.float32)
    listed = [example(f"{chr(97 + n % 26)}{n}x") for n in range(40)]
    found = find_pairs(listed, small)
    joined = join(listed, found)
    sides = sides_of_groups(joined, 30, 30)
    placed = [replace(e, side=sides[e.group]) for e in joined]
    told = find_leaks(listed, placed, small, found, [False] * 40)
    assert Reason.ALIKE not in told.across
    assert Reason.NEIGHBOURS not in told.across
    assert sum(told.kept.values()) == found.joined.sum()
