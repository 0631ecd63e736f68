from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import TrainingError
from trainer.dataset import Example, Side
from trainer.split import side_of, sides_of_groups, split

LABELS = ("fire", "misc", "smoke")

examples_lists = st.lists(
    st.tuples(st.integers(0, 15), st.sampled_from(LABELS)), min_size=1, max_size=40
).map(
    lambda rows: [
        Example(Path(f"{number}.jpg"), f"{number}.jpg", label, f"group {group}")
        for number, (group, label) in enumerate(rows)
    ]
)
percentages = st.tuples(st.integers(1, 40), st.integers(1, 40))


def alone(count: int, label: str = "fire", start: int = 0) -> list[Example]:
    names = [f"{label}/{number}.jpg" for number in range(start, start + count)]
    return [Example(Path(name), name, label, name) for name in names]


@given(examples_lists, percentages)
def test_every_group_has_one_side_decided_by_its_name(
    examples: list[Example], shares: tuple[int, int]
) -> None:
    found = sides_of_groups(examples, *shares)
    assert found == {e.group: side_of(e.group, *shares) for e in examples}


@given(examples_lists, percentages, st.data())
def test_learned_groups_are_trained_on_and_held_out_ones_stay_held_out(
    examples: list[Example], shares: tuple[int, int], data: st.DataObject
) -> None:
    names = sorted({e.group for e in examples})
    learned = data.draw(st.sets(st.sampled_from(names)))
    plain = sides_of_groups(examples, *shares)
    found = sides_of_groups(examples, *shares, learned)
    assert found.keys() == plain.keys()
    for group, side in found.items():
        if group in learned:
            assert side is Side.TRAIN
        elif plain[group] is not Side.TRAIN:
            assert side is plain[group]


@given(examples_lists, percentages, st.sampled_from(LABELS))
def test_another_picture_moves_no_group(
    examples: list[Example], shares: tuple[int, int], label: str
) -> None:
    before = sides_of_groups(examples, *shares)
    more = [*examples, Example(Path("new.jpg"), "new.jpg", label, "new.jpg")]
    after = sides_of_groups(more, *shares)
    assert {group: after[group] for group in before} == before


@given(examples_lists, percentages, st.randoms(use_true_random=False), st.data())
def test_the_order_of_the_pictures_and_their_place_change_nothing(
    examples: list[Example], shares: tuple[int, int], random: object, data: st.DataObject
) -> None:
    learned = data.draw(st.sets(st.sampled_from(sorted({e.group for e in examples}))))
    moved = data.draw(st.permutations(
        [Example(Path("/elsewhere") / e.path, e.name, e.label, e.group) for e in examples]
    ))  # fmt: skip
    assert sides_of_groups(moved, *shares, learned) == sides_of_groups(examples, *shares, learned)


def test_the_pictures_of_the_run_before_keep_their_sides() -> None:
    examples = alone(400) + alone(400, "misc")
    first = sides_of_groups(examples, 10, 10)
    learned = {group for group, side in first.items() if side is Side.TRAIN}
    assert sides_of_groups(examples, 10, 10, learned) == first


def test_what_was_learned_under_another_split_is_made_up_for_from_the_unseen() -> None:
    examples = alone(2000)
    learned = {e.group for e in examples if side_of("other " + e.group, 25, 25) is Side.TRAIN}
    counts = Counter(sides_of_groups(examples, 10, 10, learned).values())
    assert 160 < counts[Side.VALIDATION] < 240
    assert 160 < counts[Side.TEST] < 240


def test_what_is_made_up_for_is_of_the_label_that_lost_it() -> None:
    examples = alone(600) + alone(600, "misc")
    plain = sides_of_groups(examples, 20, 20)
    lost = {e.group for e in examples if e.label == "fire" and plain[e.group] is Side.TEST}
    found = sides_of_groups(examples, 20, 20, lost)
    assert {g: s for g, s in found.items() if "misc" in g} == {
        g: s for g, s in plain.items() if "misc" in g
    }
    assert sum(s is Side.TEST for g, s in found.items() if "fire" in g) > 80


def test_too_few_unseen_pictures_are_all_held_out() -> None:
    examples = alone(300)
    plain = sides_of_groups(examples, 20, 20)
    unseen = [g for g, side in plain.items() if side is Side.TRAIN][:20]
    found = sides_of_groups(examples, 20, 20, set(plain) - set(unseen))
    assert {found[group] for group in unseen} == {Side.VALIDATION, Side.TEST}


def test_a_label_of_which_nothing_unseen_is_left_is_named_with_the_number() -> None:
    examples = alone(40) + alone(40, "misc")
    learned = {e.group for e in examples if e.label == "fire"}
    with pytest.raises(TrainingError, match=r"'fire': no picture .* from 40 of its 40 pictures"):
        split(examples, 20, 20, learned=learned)


def test_a_label_that_is_missing_on_a_side_is_named() -> None:
    together = [Example(Path(f"{n}.jpg"), f"{n}.jpg", "fire", "one scene") for n in range(9)]
    with pytest.raises(TrainingError, match="none of its pictures falls into the"):
        split(together, 10, 10)


def test_oversampled_pictures_are_those_that_the_pattern_names() -> None:
    examples = alone(30) + alone(30, "misc") + alone(30, "smoke")
    dataset = split(examples, 25, 25, [("smoke/*1.jpg", 3), ("smoke/*", 2)])
    assert Counter(e.times for e in dataset.examples) == {1: 60, 2: 27, 3: 3}


@given(st.text())
def test_sides_get_about_their_percentages(prefix: str) -> None:
    counts = Counter(side_of(f"{prefix}{number}", 20, 10) for number in range(400))
    assert 30 < counts[Side.VALIDATION] < 140
    assert 10 < counts[Side.TEST] < 85


@given(st.text(), st.integers(1, 40), st.integers(1, 40))
def test_a_larger_test_share_takes_nothing_out_of_the_test(
    group: str, validation: int, testing: int
) -> None:
    if side_of(group, validation, testing) is Side.TEST:
        assert side_of(group, validation, testing + 5) is Side.TEST
