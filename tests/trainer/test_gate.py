from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError
from tests.support.bundles import FIRE_COLOUR, LABELS, MISC_COLOUR, plain, tiny_bundle
from tests.support.pictures import write_picture
from trainer.dataset import Example
from trainer.gate import Verdict, incumbent_scores, judge_against, load_incumbent

TARGETS = np.array([0, 0, 1, 1, 1, 2])
# Hazard evidence .9 .4 / .1 .2 .5 / .8
SHARP = np.array([
    [.9, .1, 0], [.3, .6, .1], [.1, .9, 0], [.2, .8, 0], [.3, .5, .2], [.1, .2, .7]
])  # fmt: skip
# One fire is lost among the background.
DULL = np.array([
    [.9, .1, 0], [.1, .9, 0], [.1, .9, 0], [.2, .8, 0], [.3, .5, .2], [.1, .2, .7]
])  # fmt: skip


@pytest.mark.parametrize(("allowed", "found"), [(0.0, 2 / 3), (0.34, 1.0)])
def test_models_are_compared_at_one_false_positive_rate(allowed: float, found: float) -> None:
    verdict = judge_against(SHARP, SHARP, TARGETS, LABELS, "misc", allowed)
    assert verdict.candidate == verdict.incumbent == found
    assert verdict.count == 3
    assert verdict.passed


def test_a_worse_model_does_not_pass_and_both_figures_are_told() -> None:
    verdict = judge_against(DULL, SHARP, TARGETS, LABELS, "misc", 0.34)
    assert not verdict.passed
    assert str(verdict) == (
        "hazards found at 34.0% false alarms: 66.7%, the older model 100.0% (n=3)"
    )
    assert judge_against(SHARP, DULL, TARGETS, LABELS, "misc", 0.34).passed


def test_scores_that_are_only_shifted_change_nothing() -> None:
    shifted = SHARP**3 / (SHARP**3).sum(axis=1, keepdims=True)
    assert judge_against(shifted, SHARP, TARGETS, LABELS, "misc", 0.0).passed


def test_without_a_background_accuracy_decides() -> None:
    assert judge_against(DULL, SHARP, TARGETS, LABELS, "calm", 0.01) == Verdict(
        "accuracy", 5 / 6, 5 / 6, 6
    )


def test_the_older_models_labels_may_stand_in_another_order(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny")
    paths = [
        write_picture(tmp_path / f"{n}.png", plain(colour))
        for n, colour in enumerate([FIRE_COLOUR, MISC_COLOUR])
    ]
    examples = [Example(path, path.name, "?", path.name) for path in paths]
    scores = incumbent_scores(bundle, ("smoke", "misc", "fire"), examples)
    assert scores.argmax(axis=1).tolist() == [2, 1]
    paths[1].unlink()
    with pytest.raises(TrainingError, match="leave the pictures alone"):
        incumbent_scores(bundle, LABELS, examples)


def test_a_model_of_other_labels_cannot_be_compared(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "tiny")
    with pytest.raises(TrainingError, match="the two cannot be compared"):
        load_incumbent(str(tmp_path / "tiny"), ("fire", "steam"))
    with pytest.raises(TrainingError, match="--must-beat: bundle"):
        load_incumbent(str(tmp_path), LABELS)
