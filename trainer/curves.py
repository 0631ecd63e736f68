"""Curves of a detector: ROC, precision over recall, calibration, and single points on them.

A detector gives a score for each picture; ``wanted`` says which pictures it should find.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 10
_POINTS = 200
_LEVELS = 101


@dataclass(frozen=True, slots=True)
class Detection:
    """How well a score separates what is wanted from the rest."""

    roc_auc: float | None
    """Chance that a wanted picture scores higher than another one; None where one kind lacks."""
    pr_auc: float | None
    """Average precision; None where nothing is wanted."""
    roc: tuple[tuple[float, float], ...]
    """(false-positive rate, recall) from strict to lax, at most a few hundred points."""
    pr: tuple[tuple[float, float], ...]
    """(recall, precision), from strict to lax."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Pictures whose highest score lies in one tenth of the scale."""

    low: float
    high: float
    count: int
    score: float
    """Mean of the highest scores."""
    right: float
    """Share of them that is right."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a detector does at one threshold."""

    threshold: float
    """A score as high as this, or higher, is an alarm."""
    recall: float
    false_positive_rate: float


def detection(scores: NDArray[np.floating], wanted: NDArray[np.bool_]) -> Detection:
    """Give the curves of scores (n,) against what is wanted (n,)."""
    hits, false, _ = _cumulative(scores, wanted)
    positives, negatives = int(wanted.sum()), int((~wanted).sum())
    roc: list[tuple[float, float]] = []
    pr: list[tuple[float, float]] = []
    roc_auc = pr_auc = None
    if positives:
        recall = hits / positives
        precision = hits / np.maximum(hits + false, 1)
        pr_auc = float(np.sum(np.diff(recall, prepend=0.0) * precision))
        pr = _thinned(recall, precision)
        if negatives:
            rate = np.concatenate([[0.0], false / negatives])
            risen = np.concatenate([[0.0], recall])
            roc_auc = float(np.trapezoid(risen, rate))
            roc = _thinned(rate, risen)
    return Detection(roc_auc, pr_auc, tuple(roc), tuple(pr))


def at_false_positive_rate(
    scores: NDArray[np.floating], wanted: NDArray[np.bool_], most: float
) -> OperatingPoint:
    """The laxest threshold at which at most a share ``most`` of the unwanted raise an alarm.

    Needs pictures of both kinds. Where even the highest score is a false one, the threshold lies
    above all scores and the recall is 0.
    """
    hits, false, levels = _cumulative(scores, wanted)
    allowed = np.flatnonzero(false <= most * (~wanted).sum())
    if len(allowed) == 0:
        return OperatingPoint(float(np.nextafter(levels[0], np.inf)), 0.0, 0.0)
    at = allowed[-1]
    return OperatingPoint(
        float(levels[at]), float(hits[at] / wanted.sum()), float(false[at] / (~wanted).sum())
    )


def threshold_curve(
    scores: NDArray[np.floating], wanted: NDArray[np.bool_]
) -> tuple[OperatingPoint, ...]:
    """What thresholds from 0 to 1 in steps of 0.01 do; none where one kind of picture lacks."""
    if not wanted.any() or wanted.all():
        return ()
    levels = np.linspace(0, 1, _LEVELS)
    found, false = np.sort(scores[wanted]), np.sort(scores[~wanted])
    recall = 1 - np.searchsorted(found, levels, side="left") / len(found)
    rate = 1 - np.searchsorted(false, levels, side="left") / len(false)
    return tuple(
        OperatingPoint(round(float(level), 2), float(up), float(across))
        for level, up, across in zip(levels, recall, rate, strict=True)
    )


def calibration_bins(
    scores: NDArray[np.floating], targets: NDArray[np.int64]
) -> tuple[CalibrationBin, ...]:
    """Compare the highest scores of (n, labels) with how often they are right; full bins only."""
    top, right = scores.max(axis=1), scores.argmax(axis=1) == targets
    place = np.minimum((top * _BINS).astype(int), _BINS - 1)
    return tuple(
        CalibrationBin(
            int(b) / _BINS,
            (int(b) + 1) / _BINS,
            int((place == b).sum()),
            float(top[place == b].mean()),
            float(right[place == b].mean()),
        )
        for b in np.unique(place)
    )


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Mean distance of score and truth, weighted by the pictures of each bin (ECE)."""
    count = sum(b.count for b in bins)
    return float(sum(abs(b.score - b.right) * b.count for b in bins) / max(count, 1))


def _cumulative(
    scores: NDArray[np.floating], wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.floating]]:
    """Wanted and unwanted pictures at or above each different score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    # Pictures with the same score pass a threshold together.
    last = np.flatnonzero(np.diff(falling, append=-np.inf))
    hits = np.cumsum(wanted[order].astype(np.intp))[last]
    return hits, last + 1 - hits, falling[last]


def _thinned(across: NDArray[np.floating], up: NDArray[np.floating]) -> list[tuple[float, float]]:
    """A curve of many thousand points with a few hundred of them, the ends among them."""
    kept = np.unique(np.linspace(0, len(across) - 1, min(len(across), _POINTS)).round().astype(int))
    return [(round(float(across[i]), 5), round(float(up[i]), 5)) for i in kept]
