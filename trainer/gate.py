"""The gate: a new model must do at least as well as an older one, on the same test pictures.

Both are compared where it counts: at the threshold that lets the same small share of background
pictures through, which is the most hazards? That needs no calibration of either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.errors import BundleError, TrainingError
from monitor.inference.bundle import Bundle, load_bundle
from monitor.inference.load import load_engine
from trainer.calibrate import hazard_scores
from trainer.curves import at_false_positive_rate
from trainer.dataset import Example
from trainer.scoring import BATCH, score_files


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both models' figures on the same pictures."""

    what: str
    """What is compared, for people."""
    candidate: float
    incumbent: float
    count: int
    """Pictures that the figures are shares of."""

    @property
    def passed(self) -> bool:
        """Whether the candidate is at least as good."""
        return self.candidate >= self.incumbent

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.candidate:.1%}, the older model {self.incumbent:.1%} "
            f"(n={self.count})"
        )


def load_incumbent(name: str, labels: Sequence[str]) -> Bundle:
    """The bundle that must be beaten.

    Raises:
        TrainingError: it cannot be used, or knows other labels than the pictures have.
    """
    try:
        bundle = load_bundle(name)
    except BundleError as error:
        raise TrainingError(f"--must-beat: {error}") from error
    if set(bundle.labels) != set(labels):
        raise TrainingError(
            f"--must-beat {name}: that model knows {', '.join(bundle.labels)}, the pictures have "
            f"{', '.join(labels)}; the two cannot be compared: leave the option out"
        )
    return bundle


def incumbent_scores(
    incumbent: Bundle, labels: Sequence[str], examples: Sequence[Example]
) -> NDArray[np.float32]:
    """Scores of the older model's canonical form: float32 (n, labels), in the order of ``labels``.

    Raises:
        TrainingError: a picture cannot be read any more.
        EngineError: it cannot run, or failed.
    """
    # The canonical form of both, where there is one: forms differ a little.
    name = "openvino" if incumbent.keras_path is None else "tensorflow"
    engine = load_engine(incumbent, name, max_batch=BATCH)
    try:
        found = score_files([example.path for example in examples], engine, incumbent.geometry)
    finally:
        engine.close()
    if found.unreadable:
        raise TrainingError(
            f"{found.unreadable[0][1]}; leave the pictures alone while training runs"
        )
    return found.scores[:, [incumbent.labels.index(label) for label in labels]]


def judge_against(
    candidate: NDArray[np.float32],
    incumbent: NDArray[np.float32],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    background: str,
    false_positives: float,
) -> Verdict:
    """Compare the scores (n, labels) of two models on the same pictures.

    With a background label: the share of hazard pictures found, each model at the threshold that
    at most a share ``false_positives`` of the background pictures reach. Without one: accuracy.
    """
    if background not in labels:
        shares = [float((s.argmax(axis=1) == targets).mean()) for s in (candidate, incumbent)]
        return Verdict("accuracy", shares[0], shares[1], len(targets))
    quiet = labels.index(background)
    recalls = [
        at_false_positive_rate(hazard_scores(s, quiet), targets != quiet, false_positives).recall
        for s in (candidate, incumbent)
    ]
    what = f"hazards found at {false_positives:.1%} false alarms"
    return Verdict(what, recalls[0], recalls[1], int((targets != quiet).sum()))
