"""What a model's logits are worth: calibration, thresholds, and figures on the test pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.calibrate import find_temperature, hazard_scores, suggest_thresholds
from trainer.curves import OperatingPoint
from trainer.dataset import Side
from trainer.evaluate import Evaluation, evaluate
from trainer.figures import Figures, figures, operating_point
from trainer.head import softmax
from trainer.options import TrainOptions
from trainer.prepare import Prepared


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A model's figures and what its scores mean."""

    temperature: float
    thresholds: dict[str, float]
    evaluation: Evaluation
    """Each picture called what its highest score says."""
    figures: Figures
    """Each picture called what it is at the operating point."""
    logits: NDArray[np.float32]
    """Of the test pictures, calibrated."""
    validation: OperatingPoint | None
    """What the operating point does on the validation pictures; None without a background."""


def judge(
    options: TrainOptions,
    prepared: Prepared,
    validation: NDArray[np.float32],
    test: NDArray[np.float32],
) -> Judged:
    """Calibrate on the validation logits, evaluate the test logits."""
    labels = prepared.dataset.labels
    background = options.background
    wanted = prepared.targets[prepared.rows(Side.VALIDATION)]
    temperature = find_temperature(validation, wanted)
    thresholds = suggest_thresholds(
        validation / temperature, wanted, labels, background, options.false_alarms
    )
    threshold = operating_point(thresholds, background)
    logits = np.asarray(test / temperature, np.float32)
    scores = softmax(logits)
    examples = prepared.dataset.of(Side.TEST)
    targets = prepared.targets[prepared.rows(Side.TEST)]
    return Judged(
        temperature,
        thresholds,
        evaluate(scores, examples, targets, labels, background, threshold),
        figures(
            scores, examples, targets, labels, background=background, thresholds=thresholds,
            subsets=options.subsets, grouped=True,
        ),
        logits,
        _on_validation(softmax(validation / temperature), wanted, labels, background, threshold),
    )  # fmt: skip


def _on_validation(
    scores: NDArray[np.float32],
    wanted: NDArray[np.int64],
    labels: Sequence[str],
    background: str,
    threshold: float,
) -> OperatingPoint | None:
    if background not in labels:
        return None
    quiet = wanted == labels.index(background)
    raised = hazard_scores(scores, labels.index(background)) >= threshold
    return OperatingPoint(threshold, float(raised[~quiet].mean()), float(raised[quiet].mean()))


def summary(found: Evaluation) -> str:
    """The main figures in one line."""
    text = f"accuracy {found.accuracy}"
    if found.hazard_recall is not None:
        text += (
            f"; at threshold {found.threshold:.2f}: hazards found {found.hazard_recall}, "
            f"false {found.false_positives}"
        )
    return text
