from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.dataset import Example
from trainer.evaluate import evaluate, share, wilson

LABELS = ("fire", "misc", "smoke")


def examples(count: int) -> list[Example]:
    return [Example(Path(f"{n}"), f"p{n}", "?", f"g{n}") for n in range(count)]


def test_figures_count_what_the_scores_say() -> None:
    scores = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    found = evaluate(scores, examples(4), np.array([0, 0, 1, 2]), LABELS, "misc", 0.5)
    np.testing.assert_array_equal(found.confusion, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    assert found.accuracy.value == 0.75
    assert found.recall["fire"].value == 0.5
    assert found.precision["misc"].value == 0.5
    assert found.hazard_recall is not None
    assert found.hazard_recall.value == pytest.approx(2 / 3)
    assert found.false_positives is not None
    assert found.false_positives.value == 0
    assert [(m.name, m.label, m.said) for m in found.mistakes] == [("p1", "fire", "misc")]
    assert found.metrics()["hazard_recall"] == 0.6667
    assert found.hazard_ranking == 1


def test_fire_called_smoke_still_counts_as_a_hazard_that_was_found() -> None:
    scores = np.array([[0.4, 0.1, 0.5], [0.1, 0.9, 0.0]])
    found = evaluate(scores, examples(2), np.array([0, 1]), LABELS, "misc", 0.8)
    assert found.hazard_recall is not None
    assert found.hazard_recall.value == 1
    assert found.recall["fire"].value == 0


def test_without_a_background_label_there_are_no_hazard_figures() -> None:
    found = evaluate(np.eye(2), examples(2), np.array([0, 1]), ("a", "b"), "misc", 0.5)
    assert found.hazard_recall is None
    assert found.metrics().keys() == {"accuracy", "calibration_error", "recall_a", "recall_b"}


def test_an_interval_holds_the_value_and_is_wider_for_fewer_groups() -> None:
    hits = np.arange(200) % 4 > 0
    every = np.ones(200, bool)
    alone = share(hits, every, np.arange(200))
    grouped = share(np.repeat(np.arange(10) % 4 > 0, 20), every, np.repeat(np.arange(10), 20))
    assert alone.low < alone.value == 0.75 < alone.high
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("value", [True, False])
def test_a_perfect_figure_is_not_certain(value: bool) -> None:
    found = share(np.full(30, value), np.ones(30, bool), np.arange(30))
    assert found.value == value
    assert found.high - found.low == pytest.approx(0.1135, abs=1e-4)


def test_the_interval_of_independent_pictures_is_wilsons() -> None:
    # 81 of 263, from Newcombe 1998, table I.
    low, high = wilson(81 / 263, 263)
    np.testing.assert_allclose((low, high), (0.2553, 0.3662), atol=1e-4)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=60))
def test_groups_never_narrow_an_interval(pictures: list[tuple[bool, int]]) -> None:
    hits = np.array([hit for hit, _ in pictures])
    every = np.ones(len(hits), bool)
    grouped = share(hits, every, np.array([group for _, group in pictures]))
    alone = share(hits, every, np.arange(len(hits)))
    assert grouped.value == alone.value
    rounding = 1e-12
    assert 0 <= grouped.low <= alone.low + rounding
    assert alone.low <= alone.value <= alone.high
    assert alone.high - rounding <= grouped.high <= 1


def test_what_is_decided_is_what_is_judged() -> None:
    scores = np.array([[0.4, 0.6], [0.2, 0.8]])
    found = evaluate(
        scores, examples(2), np.array([0, 1]), ("fire", "misc"), "misc", 0.3, np.array([0, 0])
    )
    np.testing.assert_array_equal(found.confusion, [[1, 0], [1, 0]])
    assert [(m.said, m.score) for m in found.mistakes] == [("fire", 0.2)]


def test_a_share_of_nothing_says_so() -> None:
    found = share(np.ones(3, bool), np.zeros(3, bool), np.arange(3))
    assert (found.count, str(found)) == (0, "none")


def test_calibration_error_is_the_gap_between_score_and_truth() -> None:
    scores = np.tile([0.9, 0.1], (100, 1))
    targets = (np.arange(100) >= 60).astype(np.int64)
    found = evaluate(scores, examples(100), targets, ("a", "b"), "", 0.5)
    assert found.calibration_error == pytest.approx(0.3)
