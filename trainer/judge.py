"""What a model's logits are worth: calibration, thresholds, and figures on the test pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.calibrate import find_temperature, suggest_thresholds
from trainer.dataset import Side
from trainer.evaluate import Evaluation, evaluate
from trainer.head import softmax
from trainer.options import TrainOptions
from trainer.prepare import Prepared


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A model's figures and what its scores mean."""

    temperature: float
    thresholds: dict[str, float]
    evaluation: Evaluation
    logits: NDArray[np.float32]
    """Of the test pictures, calibrated."""


def judge(
    options: TrainOptions,
    prepared: Prepared,
    validation: NDArray[np.float32],
    test: NDArray[np.float32],
) -> Judged:
    """Calibrate on the validation logits, evaluate the test logits."""
    labels = prepared.dataset.labels
    wanted = prepared.targets[prepared.rows(Side.VALIDATION)]
    temperature = find_temperature(validation, wanted)
    thresholds = suggest_thresholds(validation / temperature, wanted, labels, options.background)
    logits = np.asarray(test / temperature, np.float32)
    found = evaluate(
        softmax(logits),
        prepared.dataset.of(Side.TEST),
        prepared.targets[prepared.rows(Side.TEST)],
        labels,
        options.background,
        min(thresholds.values()),
    )
    return Judged(temperature, thresholds, found, logits)


def summary(found: Evaluation) -> str:
    """The main figures in one line."""
    text = f"accuracy {found.accuracy}"
    if found.hazard_recall is not None:
        text += (
            f"; at threshold {found.threshold:.2f}: hazards found {found.hazard_recall}, "
            f"false {found.false_positives}"
        )
    return text
