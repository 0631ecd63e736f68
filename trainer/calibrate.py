"""Calibration: one temperature, so that 0.8 means 0.8, and thresholds to start from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.curves import at_false_positive_rate
from trainer.head import cross_entropy, softmax

FALSE_POSITIVES = 0.02
"""Share of background pictures that a suggested threshold may let through, where none is stated."""

_LOWEST, _HIGHEST = 0.05, 20.0
_LEAST_THRESHOLD, _GREATEST_THRESHOLD = 0.3, 0.9


def find_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """The number that logits are to be divided by for the least cross-entropy.

    Args:
        logits: (n, labels) of pictures that were not trained on.
        targets: (n,) label numbers.

    Returns:
        Between 0.05 and 20; 1 where there is nothing to learn from.
    """
    if len(targets) == 0:
        return 1.0
    # The loss has one minimum in the temperature: golden-section search on its logarithm.
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if cross_entropy(logits / np.exp(left), targets) < cross_entropy(
            logits / np.exp(right), targets
        ):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def hazard_scores(scores: NDArray[np.floating], background: int) -> NDArray[np.floating]:
    """The evidence that something is wrong: 1 - background, float (n,)."""
    return np.asarray(1 - scores[:, background])


def suggest_thresholds(
    logits: NDArray[np.floating],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    background: str,
    budget: float | None = None,
) -> dict[str, float]:
    """Thresholds by label, from calibrated logits of the validation pictures.

    With a background label: for every hazard the score of the joint evidence that
    FALSE_POSITIVES of the background pictures exceed, within 0.3 to 0.9; or the least one that at
    most a share ``budget`` of them reach, however high that is. Without a background label: for
    each label the score with the best F1.
    """
    scores = softmax(logits)
    if background in labels and budget is not None:
        quiet = targets == labels.index(background)
        evidence = hazard_scores(scores, labels.index(background))
        least = at_false_positive_rate(evidence, ~quiet, budget).threshold
        shared = _rounded(least, evidence[quiet], budget)
        return {label: shared for label in labels if label != background}
    if background in labels:
        quiet = hazard_scores(scores, labels.index(background))[targets == labels.index(background)]
        found = float(np.quantile(quiet, 1 - FALSE_POSITIVES, method="higher"))
        shared = round(float(np.clip(found, _LEAST_THRESHOLD, _GREATEST_THRESHOLD)), 3)
        return {label: shared for label in labels if label != background}
    return {label: _best_f1(scores[:, n], targets == n) for n, label in enumerate(labels)}


def _rounded(threshold: float, quiet: NDArray[np.floating], budget: float) -> float:
    """The threshold with as few decimals as still keep the budget; at most 1."""
    for scale in (1e3, 1e4, 1e5):
        lower = float(np.floor(threshold * scale) / scale)
        if (quiet >= lower).mean() <= budget:
            return min(1.0, lower)
    return min(1.0, threshold)


def _best_f1(scores: NDArray[np.floating], wanted: NDArray[np.bool_]) -> float:
    candidates = np.linspace(0.05, 0.95, 91)
    raised = scores[None, :] >= candidates[:, None]
    hits = (raised & wanted).sum(axis=1)
    f1 = 2 * hits / np.maximum(raised.sum(axis=1) + wanted.sum(), 1)
    best = candidates[f1 == f1.max()]
    # The middle of a plateau is the threshold that depends least on single pictures.
    return round(float(best[len(best) // 2]), 3)
