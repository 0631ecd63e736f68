"""The rules of others, on samples by hand."""

import numpy as np
import pytest

from monitor.rivals import RIVALS, Rival

BY_NAME = {rival.name: rival for rival in RIVALS}


def alarms(name: str, scores: list[float], threshold: float = 0.7, keep: int = 0) -> list[int]:
    rival: Rival = BY_NAME[name]
    return rival.alarms(rival.values(np.array(scores)), threshold, keep)


def test_raw_scores_raise_each_time_they_reach_the_threshold() -> None:
    assert alarms("raw", [0.1, 0.7, 0.9, 0.2, 0.8]) == [1, 4]


def test_an_alarm_that_is_kept_is_not_raised_anew() -> None:
    assert alarms("raw", [0.8, 0.2, 0.8, 0.2, 0.2, 0.8], keep=1) == [0, 5]


@pytest.mark.parametrize(("high", "expected"), [(2, []), (3, [4])])
def test_three_in_a_row_asks_for_three_in_a_row(high: int, expected: list[int]) -> None:
    assert alarms("3 in a row", [0.1, 0.1, *[0.8] * high, 0.1]) == expected


def test_median_of_ten_is_over_when_more_than_half_are() -> None:
    assert alarms("median of 10", [0.9] * 5 + [0.0] * 10) == []
    assert alarms("median of 10", [0.9] * 10) == [5]


def test_mean_goes_on_down_to_eight_tenths_of_the_threshold() -> None:
    wavering = [0.8] * 8 + [0.6] * 8 + [0.8] * 8
    assert len(alarms("mean of 8, x0.8", wavering)) == 1
    assert len(alarms("mean of 8, x0.8", [0.8] * 8 + [0.4] * 8 + [0.8] * 8)) == 2
