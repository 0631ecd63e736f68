"""What a model does on pictures it has not seen, with the uncertainty of each figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.calibrate import hazard_scores
from trainer.curves import calibration_bins, calibration_error, detection
from trainer.dataset import Example

_Z = 1.959964
"""95 % of a normal distribution lie within so many standard deviations."""


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
    """A picture that was called something else than it is."""

    name: str
    label: str
    said: str
    score: float
    """Of what it was called."""


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
    hazard_ranking: float | None
    """How likely a hazard picture scores above a background one (area under the ROC curve)."""
    threshold: float
    calibration_error: float
    """Mean distance of the highest score from the share that is right, over 10 bins."""
    loss: float
    """Mean cross-entropy, nats; 0 of no picture."""
    mistakes: tuple[Mistake, ...]
    """All, the most confident first."""

    def metrics(self) -> dict[str, float]:
        """The figures for a bundle's manifest."""
        found = {"accuracy": self.accuracy.value, "calibration_error": self.calibration_error}
        found |= {f"recall_{label}": figure.value for label, figure in self.recall.items()}
        if self.hazard_recall is not None and self.false_positives is not None:
            found["hazard_recall"] = self.hazard_recall.value
            found["false_positive_rate"] = self.false_positives.value
        if self.hazard_ranking is not None:
            found["hazard_ranking"] = self.hazard_ranking
        return {name: round(value, 4) for name, value in found.items()}


def evaluate(
    scores: NDArray[np.floating],
    examples: Sequence[Example],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    background: str,
    threshold: float,
    decided: NDArray[np.intp] | None = None,
) -> Evaluation:
    """Compare scores with the truth.

    Args:
        scores: (n, labels), calibrated probabilities.
        examples: the n pictures.
        targets: (n,) label numbers.
        labels: in the order of the scores.
        background: the label that means no hazard.
        threshold: of the joint evidence of all hazards.
        decided: (n,) label numbers, what each picture is called; the highest score's by default.
    """
    said = scores.argmax(axis=1) if decided is None else decided
    right = said == targets
    every = np.ones(len(targets), bool)
    groups = np.unique([example.group for example in examples], return_inverse=True)[1]
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (targets, said), 1)
    hazard_recall = false_positives = ranking = None
    if background in labels:
        quiet = targets == labels.index(background)
        evidence = hazard_scores(scores, labels.index(background))
        raised = evidence >= threshold
        ranking = detection(evidence, ~quiet).roc_auc
        hazard_recall = share(raised, ~quiet, groups)
        false_positives = share(raised, quiet, groups)
    sure = scores[np.arange(len(targets)), said]
    order = [int(i) for i in np.argsort(-sure, kind="stable") if not right[i]]
    own = scores[np.arange(len(targets)), targets]
    return Evaluation(
        tuple(labels),
        confusion,
        share(right, every, groups),
        {label: share(right, targets == n, groups) for n, label in enumerate(labels)},
        {label: share(right, said == n, groups) for n, label in enumerate(labels)},
        hazard_recall,
        false_positives,
        ranking,
        threshold,
        calibration_error(calibration_bins(scores, targets)),
        float(-np.mean(np.log(np.maximum(own, 1e-12)))) if len(own) else 0.0,
        tuple(
            Mistake(examples[i].name, labels[targets[i]], labels[said[i]], float(sure[i]))
            for i in order
        ),
    )


def share(hits: NDArray[np.bool_], members: NDArray[np.bool_], groups: NDArray[np.intp]) -> Figure:
    """Share of ``hits`` among ``members``, with Wilson's interval.

    Pictures of one group are right or wrong together: an interval that takes them for independent
    is too narrow. So it is made for as many independent pictures as the groups are worth, judged
    by how much their shares differ; where all or none are hits, each group counts once.
    """
    count = int(members.sum())
    if count == 0:
        return Figure(0.0, 0.0, 1.0, 0)
    value = float((hits & members).sum() / count)
    used, index = np.unique(groups[members], return_inverse=True)
    sizes = np.bincount(index)
    right = np.bincount(index[hits[members]], minlength=len(used))
    low, high = wilson(value, _effective_count(value, sizes, right) if len(used) < count else count)
    return Figure(value, low, high, count)


def wilson(value: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share of ``count`` independent pictures."""
    weight = _Z * _Z / count
    middle = (value + weight / 2) / (1 + weight)
    margin = _Z * np.sqrt(value * (1 - value) / count + weight / (4 * count)) / (1 + weight)
    # Rounding must not leave a share of none or all outside of its own interval.
    return max(0.0, min(value, float(middle - margin))), min(
        1.0, max(value, float(middle + margin))
    )


def _effective_count(value: float, sizes: NDArray[np.intp], right: NDArray[np.intp]) -> float:
    """How many independent pictures say as much as these groups (Kish's design effect)."""
    groups, count = len(sizes), int(sizes.sum())
    if groups == 1 or value in (0.0, 1.0):
        return float(groups)
    spread = float(((right - value * sizes) ** 2).sum())
    between = groups / (groups - 1) * spread / count**2
    alone = value * (1 - value) / count
    return count / max(1.0, between / alone)
