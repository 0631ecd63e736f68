import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.curves import (
    at_false_positive_rate,
    calibration_bins,
    calibration_error,
    detection,
)

detectors = st.lists(
    st.tuples(st.integers(0, 6).map(lambda n: n / 6), st.booleans()), min_size=2, max_size=80
).filter(lambda rows: len({wanted for _, wanted in rows}) == 2)


@given(detectors)
def test_the_area_is_the_chance_that_a_wanted_picture_scores_higher(
    rows: list[tuple[float, bool]],
) -> None:
    scores = np.array([score for score, _ in rows])
    wanted = np.array([hit for _, hit in rows])
    gaps = scores[wanted][:, None] - scores[~wanted][None, :]
    found = detection(scores, wanted)
    assert found.roc_auc == pytest.approx(float(np.mean((gaps > 0) + 0.5 * (gaps == 0))))
    assert [found.roc[0], found.roc[-1]] == [(0, 0), (1, 1)]


def test_average_precision_is_as_defined() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    wanted = np.array([True, False, True, False])
    assert detection(scores, wanted).pr_auc == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_an_area_needs_both_kinds() -> None:
    found = detection(np.array([0.1, 0.2]), np.array([True, True]))
    assert (found.roc_auc, found.pr_auc) == (None, 1)
    assert detection(np.array([0.1]), np.array([False])).pr_auc is None


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.random(5000) < 0.5
    found = detection(rng.random(5000) + wanted, wanted)
    assert len(found.roc) <= 200
    assert found.pr[-1][0] == 1


@given(detectors, st.floats(0, 1))
def test_the_point_keeps_its_promise_and_nothing_laxer_does(
    rows: list[tuple[float, bool]], most: float
) -> None:
    scores = np.array([score for score, _ in rows])
    wanted = np.array([hit for _, hit in rows])
    point = at_false_positive_rate(scores, wanted, most)
    raised = scores >= point.threshold
    assert raised[wanted].mean() == point.recall
    assert raised[~wanted].mean() == point.false_positive_rate <= most
    for laxer in scores[scores < point.threshold]:
        assert (scores[~wanted] >= laxer).mean() > most


def test_bins_say_how_often_a_score_is_right() -> None:
    scores = np.tile([0.9, 0.1], (100, 1))
    bins = calibration_bins(scores, (np.arange(100) >= 60).astype(np.int64))
    assert [(b.low, b.high, b.count, b.right) for b in bins] == [(0.9, 1.0, 100, 0.6)]
    assert calibration_error(bins) == pytest.approx(0.3)
    assert calibration_error(()) == 0
