"""Batch sizes, and the checks of what goes into an engine and comes out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import EngineError
from monitor.inference.buckets import (
    bucket_sizes,
    check_pictures,
    check_scores,
    padded_size,
    split_batch,
)
from monitor.inference.manifest import Geometry
from monitor.inference.scored import Scores

largest = st.integers(1, 300)


@pytest.mark.parametrize(
    ("size", "sizes"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (4, (1, 2, 4)), (16, (1, 2, 4, 8, 16))],
)
def test_sizes_double_up_to_the_largest(size: int, sizes: tuple[int, ...]) -> None:
    assert bucket_sizes(size) == sizes


@given(largest, st.integers(1, 1000))
def test_any_batch_splits_into_sizes_that_are_ready(size: int, count: int) -> None:
    sizes = bucket_sizes(size)
    parts = split_batch(count, sizes)
    assert sum(parts) == count
    assert set(parts) <= set(sizes)
    assert len(parts) <= count // max(sizes) + len(sizes) + 1


@given(largest, st.data())
def test_padding_less_than_doubles_a_batch(size: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, size))
    padded = padded_size(count, bucket_sizes(size))
    assert count <= padded < 2 * count or padded == count == 1


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((1, 299, 299, 3), np.float32),
        np.zeros((299, 299, 3), np.uint8),
        np.zeros((1, 299, 300, 3), np.uint8),
        np.zeros((1, 3, 299, 299), np.uint8),
        np.zeros((0, 299, 299, 3), np.uint8),
    ],
)
def test_batch_of_another_form_is_refused(pictures: np.typing.NDArray[np.uint8]) -> None:
    with pytest.raises(EngineError, match="was handed to the engine"):
        check_pictures(pictures, Geometry())


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([[np.nan, 0.5, 0.5]], "no finite number"),
        ([[np.inf, 0.0, 0.0]], "no finite number"),
        ([[0.5, 0.6, 0.5]], "no probabilities"),
        ([[1.5, -0.5, 0.0]], "no probabilities"),
        ([[0.5, 0.5]], "shape"),
        ([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], "shape"),
    ],
)
def test_what_is_no_score_is_refused(scores: list[list[float]], said: str) -> None:
    with pytest.raises(EngineError, match=said):
        check_scores(Scores(np.array(scores, np.float32)), 1, 3)


def test_scores_come_back_within_bounds() -> None:
    scores = check_scores(
        Scores(np.array([[1.0000004, -1e-7, 0.0]], np.float32)), 1, 3
    ).probabilities
    assert scores.min() >= 0
    assert scores.max() <= 1
