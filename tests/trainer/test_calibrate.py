import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.calibrate import FALSE_POSITIVES, find_temperature, hazard_scores, suggest_thresholds
from trainer.curves import at_false_positive_rate
from trainer.head import softmax


def honest(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose probabilities are true: targets are drawn by them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 3))
    draws = rng.random(count)[:, None]
    return logits, (softmax(logits).cumsum(axis=1) < draws).sum(axis=1).clip(max=2)


@pytest.mark.parametrize("distortion", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_over_and_under_confidence(distortion: float) -> None:
    logits, targets = honest(4000, 0)
    assert find_temperature(logits * distortion, targets) == pytest.approx(distortion, rel=0.12)


def test_no_pictures_leave_the_temperature_at_one() -> None:
    assert find_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1.0


@given(st.integers(0, 1000))
def test_a_suggested_threshold_lets_few_background_pictures_through(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, 400)
    logits = rng.normal(0, 1, (400, 3)) + np.eye(3)[targets] * rng.uniform(0, 8)
    found = suggest_thresholds(logits, targets, ("fire", "misc", "smoke"), "misc")
    assert found.keys() == {"fire", "smoke"}
    (threshold,) = set(found.values())
    assert 0.3 <= threshold <= 0.9
    quiet = hazard_scores(softmax(logits), 1)[targets == 1]
    if threshold < 0.9:
        assert (quiet > threshold + 0.001).mean() <= FALSE_POSITIVES


def test_without_a_background_each_label_has_its_own_threshold() -> None:
    targets = np.arange(100) % 2
    logits = np.eye(2)[targets] * 4
    found = suggest_thresholds(logits, targets, ("cat", "dog"), "misc")
    assert found.keys() == {"cat", "dog"}
    assert all(0.05 < value < 0.95 for value in found.values())


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.003, 0.01, 0.05, 0.3]))
def test_a_stated_budget_is_held_and_used_up(seed: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, 300)
    logits = rng.normal(0, 1, (300, 3)) + np.eye(3)[targets] * rng.uniform(0, 8)
    found = suggest_thresholds(logits, targets, ("fire", "misc", "smoke"), "misc", budget)
    (threshold,) = set(found.values())
    evidence = hazard_scores(softmax(logits), 1)
    false = (evidence[targets == 1] >= threshold).mean()
    assert false <= budget
    best = at_false_positive_rate(evidence, targets != 1, budget)
    assert (evidence[targets != 1] >= threshold).mean() == pytest.approx(best.recall)
