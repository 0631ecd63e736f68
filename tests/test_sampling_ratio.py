"""How often a camera's frames are scored, of how often they are wanted."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sampling_ratio import HALF_LIFE_SECONDS, SamplingRatio


@given(st.floats(0.1, 10.0), st.floats(0.0, 1.0))
def test_it_comes_to_the_share_that_is_scored(fps: float, share: float) -> None:
    ratio = SamplingRatio()
    for second in range(1, 600):
        ratio.note(int(second * fps * share), fps, 1.0, up=True)
    assert ratio.value == pytest.approx(share, abs=0.1)


def test_nothing_is_said_before_enough_was_wanted() -> None:
    ratio = SamplingRatio()
    ratio.note(1, 1.0, 1.0, up=True)
    assert math.isnan(ratio.value)


def test_a_camera_that_is_down_wants_nothing_and_begins_anew() -> None:
    ratio = SamplingRatio()
    for _ in range(60):
        ratio.note(0, 1.0, 1.0, up=True)
    assert ratio.value == 0.0
    ratio.note(0, 1.0, 1.0, up=False)
    assert math.isnan(ratio.value)
    for second in range(1, 10):
        ratio.note(second, 1.0, 1.0, up=True)
    assert ratio.value == 1.0


def test_what_is_long_past_counts_little() -> None:
    ratio = SamplingRatio()
    for second in range(1, 300):
        ratio.note(second, 1.0, 1.0, up=True)
    for _ in range(round(3 * HALF_LIFE_SECONDS)):
        ratio.note(299, 1.0, 1.0, up=True)
    assert ratio.value < 0.15
