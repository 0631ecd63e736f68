from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.head import Head, Progress, accuracy, cross_entropy, softmax, train_head


def clouds(count: int, seed: int) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Points around one corner for each of three labels."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, count)
    features = rng.normal(0, 0.4, (count, 16)) + np.eye(3, 16)[targets] * 2
    return features.astype(np.float16), targets


def run(steps: int, seed: int = 0) -> tuple[NDArray[np.float32], list[Progress], list[Progress]]:
    features, targets = clouds(300, 1)
    told: list[Progress] = []
    head, history = train_head(
        features,
        targets,
        np.ones(300),
        clouds(100, 2),
        labels=3,
        steps=steps,
        learning_rate=0.01,
        batch_size=20,
        seed=seed,
        on_progress=told.append,
    )
    return head.logits(clouds(200, 3)[0]), history, told


def test_a_separable_problem_is_learned() -> None:
    logits, history, told = run(600)
    assert accuracy(logits, clouds(200, 3)[1]) > 0.97
    assert history[-1].validation_accuracy > 0.95
    assert [now.step for now in told] == [100, 200, 300, 400, 500, 600]


def test_the_end_is_reported_even_between_evaluations() -> None:
    assert [now.step for now in run(130)[1]] == [100, 130]


def test_the_same_seed_gives_the_same_head() -> None:
    np.testing.assert_array_equal(run(50)[0], run(50)[0])
    assert (run(50)[0] != run(50, seed=1)[0]).any()


def test_pictures_without_weight_are_never_drawn() -> None:
    features, targets = clouds(300, 1)
    wrong = (targets + 1) % 3
    head, _ = train_head(
        np.concatenate([features, features]),
        np.concatenate([targets, wrong]),
        np.repeat([1.0, 0.0], 300),
        clouds(100, 2),
        labels=3,
        steps=600,
        learning_rate=0.01,
        batch_size=20,
        seed=0,
        on_progress=lambda _: None,
    )
    assert accuracy(head.logits(features), targets) > 0.95


def test_softmax_and_cross_entropy_stand_large_logits() -> None:
    logits = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    np.testing.assert_allclose(softmax(logits), np.eye(2))
    assert cross_entropy(logits, np.array([0, 1])) == 0


def train_more(steps: int, **more: Any) -> tuple[Head, list[Progress]]:
    features, targets = clouds(300, 1)
    return train_head(
        features,
        targets,
        np.ones(300),
        clouds(100, 2),
        labels=3,
        steps=steps,
        learning_rate=0.01,
        batch_size=20,
        seed=0,
        on_progress=lambda _: None,
        **more,
    )


def test_a_head_that_gets_no_better_stops_and_the_best_is_given() -> None:
    features, targets = clouds(300, 1)
    head, history = train_head(
        features,
        (targets + 1) % 3,
        np.ones(300),
        clouds(100, 2),
        labels=3,
        steps=1000,
        learning_rate=0.01,
        batch_size=20,
        seed=0,
        on_progress=lambda _: None,
        evaluate_every=10,
        patience=3,
    )
    losses = [now.validation_loss for now in history]
    assert len(history) == losses.index(min(losses)) + 4
    held_out, wanted = clouds(100, 2)
    assert cross_entropy(head.logits(held_out), wanted) == pytest.approx(min(losses), rel=1e-5)


def test_heads_are_kept_on_the_way_as_they_were() -> None:
    kept: dict[int, Head] = {}
    head, _ = train_more(250, keep_every=100, on_keep=kept.__setitem__)
    assert list(kept) == [100, 200]
    assert (kept[100].kernel != kept[200].kernel).any()
    assert (kept[200].kernel != head.kernel).any()


def test_a_heavier_label_is_said_more_often() -> None:
    rng = np.random.default_rng(5)
    blurred = rng.normal(0, 1, (400, 16)).astype(np.float16)
    said = [
        train_more(300, label_weights=weights)[0].logits(blurred).argmax(axis=1)
        for weights in ((1, 1, 1), (9, 1, 1))
    ]
    assert (said[1] == 0).mean() > (said[0] == 0).mean() + 0.02
