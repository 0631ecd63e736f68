"""All figures of scores against the truth, at the one operating point of the model."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from trainer.calibrate import hazard_scores
from trainer.curves import (
    CalibrationBin,
    Detection,
    OperatingPoint,
    calibration_bins,
    detection,
    threshold_curve,
)
from trainer.dataset import Example
from trainer.evaluate import Evaluation, Figure, evaluate, share
from trainer.subsets import Subsets, members

DEFAULT_THRESHOLD = 0.5
"""Where a bundle suggests none."""

# What stands before the first number: `cctv_0017.jpg` and `cctv_0018.jpg` are of one source.
_SOURCE = re.compile(r"^(.*?)[\W_]*(?:\d|$)")


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label against all others, at the operating point."""

    label: str
    count: int
    """Pictures of it."""
    threshold: float | None
    """None for the background, which is what raises no alarm."""
    recall: Figure
    precision: Figure
    false_positives: Figure
    """Share of the other pictures that were called this."""
    curve: Detection


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of some of the pictures: a subset, a source or a group."""

    name: str
    count: int
    recall: Mapping[str, Figure]
    """By label: how many pictures of it there are, and the share that was called so."""
    accuracy: Figure
    hazard_recall: Figure | None
    false_positives: Figure | None


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What scores are worth."""

    background: str | None
    """None where the model has no such label."""
    whole: Evaluation
    """At the operating point: a picture is called the leading hazard where the joint evidence of
    hazards reaches its threshold, and background elsewhere."""
    hazards: Detection | None
    """Joint evidence of hazards against the background pictures."""
    thresholds: tuple[OperatingPoint, ...]
    """What other thresholds of that evidence would do; empty where a kind of picture lacks."""
    labels: tuple[LabelFigures, ...]
    calibration: tuple[CalibrationBin, ...]
    subsets: tuple[Part, ...]
    sources: tuple[Part, ...]
    groups: tuple[Part, ...]
    """Empty where groups are not known."""


def figures(
    scores: NDArray[np.floating],
    examples: Sequence[Example],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    *,
    background: str,
    thresholds: Mapping[str, float],
    subsets: Subsets = (),
    grouped: bool = False,
) -> Figures:
    """Compare scores with the truth in every way that is told.

    Args:
        scores: (n, labels), calibrated probabilities.
        examples: the n pictures.
        targets: (n,) label numbers.
        labels: in the order of the scores.
        background: the label that means that nothing is wrong; may be no label of these.
        thresholds: of labels; the least of those of hazards is the operating point.
        subsets: rows of one's own.
        grouped: whether to give figures by group.
    """
    known = background if background in labels else None
    shared = operating_point(thresholds, background)
    decided = decide(scores, labels, known, shared)

    def judge(rows: NDArray[np.intp]) -> Evaluation:
        return evaluate(
            scores[rows], [examples[int(i)] for i in rows], targets[rows], labels,
            background, shared, decided[rows],
        )  # fmt: skip

    hazards, points = None, tuple[OperatingPoint, ...]()
    if known is not None:
        quiet = labels.index(known)
        evidence = hazard_scores(scores, quiet)
        hazards = detection(evidence, targets != quiet)
        points = threshold_curve(evidence, targets != quiet)
    chosen = members(subsets, [example.name for example in examples])
    return Figures(
        known,
        judge(np.arange(len(examples))),
        hazards,
        points,
        _labels(scores, examples, targets, labels, known, thresholds, decided),
        calibration_bins(scores, targets),
        tuple(_part(name, rows, judge) for name, rows in chosen.items()),
        _parts([source_of(example.name) for example in examples], judge),
        _parts([example.group for example in examples], judge) if grouped else (),
    )


def operating_point(thresholds: Mapping[str, float], background: str) -> float:
    """The threshold of the joint evidence: the least that a hazard has."""
    return min(
        (value for label, value in thresholds.items() if label != background),
        default=DEFAULT_THRESHOLD,
    )


def decide(
    scores: NDArray[np.floating], labels: Sequence[str], background: str | None, threshold: float
) -> NDArray[np.intp]:
    """What each picture is called at the operating point: (n,) label numbers.

    The leading hazard where the joint evidence reaches the threshold, else the background; without
    a background label the highest score's.
    """
    if background is None:
        return np.asarray(scores.argmax(axis=1))
    quiet = labels.index(background)
    hazards = scores.copy()
    hazards[:, quiet] = -1
    raised = hazard_scores(scores, quiet) >= threshold
    return np.asarray(np.where(raised, hazards.argmax(axis=1), quiet))


def source_of(name: str) -> str:
    """The source of a picture: its file's name up to the first number; ``-`` where that is all."""
    found = _SOURCE.match(PurePosixPath(name).stem)
    return (found[1] if found else "") or "-"


def _labels(
    scores: NDArray[np.floating],
    examples: Sequence[Example],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    background: str | None,
    thresholds: Mapping[str, float],
    decided: NDArray[np.intp],
) -> tuple[LabelFigures, ...]:
    clusters = np.unique([example.group for example in examples], return_inverse=True)[1]
    shared = operating_point(thresholds, background or "")
    found = []
    for number, label in enumerate(labels):
        wanted = targets == number
        own = thresholds.get(label, DEFAULT_THRESHOLD) if background is None else shared
        called = scores[:, number] >= own if background is None else decided == number
        found.append(
            LabelFigures(
                label,
                int(wanted.sum()),
                None if label == background else own,
                share(called, wanted, clusters),
                share(wanted, called, clusters),
                share(called, ~wanted, clusters),
                detection(scores[:, number], wanted),
            )
        )
    return tuple(found)


def _parts(
    keys: Sequence[str], judge: Callable[[NDArray[np.intp]], Evaluation]
) -> tuple[Part, ...]:
    """One part for each key, the largest first."""
    names, place = np.unique(np.array(keys, object).astype(str), return_inverse=True)
    found = [
        _part(str(name), np.flatnonzero(place == number), judge)
        for number, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda part: (-part.count, part.name)))


def _part(
    name: str, rows: NDArray[np.intp], judge: Callable[[NDArray[np.intp]], Evaluation]
) -> Part:
    one = judge(rows)
    return Part(name, len(rows), one.recall, one.accuracy, one.hazard_recall, one.false_positives)
