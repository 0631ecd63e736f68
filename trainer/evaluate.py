"""What a model does on pictures it has not seen, with the uncertainty of each figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.calibrate import hazard_scores
from trainer.dataset import Example

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Figure:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float
    count: int
    """Pictures it is a share of."""

    def __str__(self) -> str:
        if self.count == 0:
            return "none"
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%}, n={self.count})"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture whose highest score is for another label than its own."""

    name: str
    label: str
    said: str
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All figures of one model on one set of pictures."""

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    """int (labels, labels): rows are true labels, columns what the model said."""
    accuracy: Figure
    recall: dict[str, Figure]
    precision: dict[str, Figure]
    hazard_recall: Figure | None
    """Share of hazard pictures above the threshold; None without a background label."""
    false_positives: Figure | None
    """Share of background pictures above the threshold."""
    threshold: float
    calibration_error: float
    """Mean distance of the highest score from the share that is right, over 10 bins."""
    loss: float
    """Mean cross-entropy, nats."""
    mistakes: tuple[Mistake, ...]
    """All, the most confident first."""

    def metrics(self) -> dict[str, float]:
        """The figures for a bundle's manifest."""
        found = {"accuracy": self.accuracy.value, "calibration_error": self.calibration_error}
        found |= {f"recall_{label}": figure.value for label, figure in self.recall.items()}
        if self.hazard_recall is not None and self.false_positives is not None:
            found["hazard_recall"] = self.hazard_recall.value
            found["false_positive_rate"] = self.false_positives.value
        return {name: round(value, 4) for name, value in found.items()}


def evaluate(
    scores: NDArray[np.floating],
    examples: Sequence[Example],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    background: str,
    threshold: float,
) -> Evaluation:
    """Compare scores with the truth.

    Args:
        scores: (n, labels), calibrated probabilities.
        examples: the n pictures.
        targets: (n,) label numbers.
        labels: in the order of the scores.
        background: the label that means no hazard.
        threshold: of the joint evidence of all hazards.
    """
    said = scores.argmax(axis=1)
    right = said == targets
    every = np.ones(len(targets), bool)
    groups = np.unique([example.group for example in examples], return_inverse=True)[1]
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (targets, said), 1)
    hazard_recall = false_positives = None
    if background in labels:
        quiet = targets == labels.index(background)
        raised = hazard_scores(scores, labels.index(background)) >= threshold
        hazard_recall = share(raised, ~quiet, groups)
        false_positives = share(raised, quiet, groups)
    top = scores.max(axis=1)
    order = [int(i) for i in np.argsort(-top) if not right[i]]
    own = scores[np.arange(len(targets)), targets]
    return Evaluation(
        tuple(labels),
        confusion,
        share(right, every, groups),
        {label: share(right, targets == n, groups) for n, label in enumerate(labels)},
        {label: share(right, said == n, groups) for n, label in enumerate(labels)},
        hazard_recall,
        false_positives,
        threshold,
        _calibration_error(top, right),
        float(-np.mean(np.log(np.maximum(own, 1e-12)))),
        tuple(
            Mistake(examples[i].name, labels[targets[i]], labels[said[i]], float(top[i]))
            for i in order
        ),
    )


def share(hits: NDArray[np.bool_], members: NDArray[np.bool_], groups: NDArray[np.intp]) -> Figure:
    """Share of ``hits`` among ``members``, with a bootstrap interval over groups.

    Whole groups are drawn, because pictures of one event are right or wrong together: an interval
    that takes them for independent is too narrow. Where all or none are hits, the rule of three
    gives the open end.
    """
    count = int(members.sum())
    if count == 0:
        return Figure(0.0, 0.0, 1.0, 0)
    value = float((hits & members).sum() / count)
    used, index = np.unique(groups[members], return_inverse=True)
    sizes = np.bincount(index)
    right = np.bincount(index, weights=hits[members].astype(float))
    if value in (0.0, 1.0):
        margin = min(1.0, 3 / len(used))
        return Figure(value, max(0.0, value - margin), min(1.0, value + margin), count)
    # A generator of its own: the interval of the same figures is always the same.
    drawn = np.random.default_rng(0).multinomial(
        len(used), np.full(len(used), 1 / len(used)), _RESAMPLES
    )
    shares = (drawn @ right) / np.maximum(drawn @ sizes, 1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return Figure(value, float(low), float(high), count)


def _calibration_error(top: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((top * 10).astype(int), 9)
    gaps = [
        abs(float(top[bins == b].mean()) - float(right[bins == b].mean())) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))
