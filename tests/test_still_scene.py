"""Which frames need no score: those of a calm scene that is as it was when it was scored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.ingest.gist import gist
from monitor.ingest.health import thumbnail
from monitor.layout import Image
from monitor.still_scene import (
    CALM_SCORE,
    CELL_STEP,
    StillScene,
    StillSettings,
    differs,
    still_settings,
)

SETTINGS = StillSettings(longest_seconds=5.0, calm_score=0.2)
SIZE = (360, 640)
SCENE = np.random.default_rng(0).integers(40, 200, (*SIZE, 1)).astype(np.int16)


def shot(scene: NDArray[np.int16], number: int = 0, noise: float = 0.0) -> NDArray[np.uint8]:
    """The gist of a picture of a scene, with a sensor's noise."""
    tingle = np.random.default_rng(number).normal(0, noise, scene.shape)
    pixels = np.clip(scene + tingle, 0, 255).astype(np.uint8)
    return gist(thumbnail(Image.of(np.broadcast_to(pixels, (*SIZE, 3)))))


def scored(still: StillScene, picture: NDArray[np.uint8], at: float, hazard: float = 0.0) -> None:
    still.offered(int(at), picture)
    still.scored(int(at), at, hazard, alert=False)


@given(st.lists(st.tuples(st.floats(0.05, 3.0), st.integers(0, 3)), max_size=100))
def test_no_scene_goes_unscored_for_longer_than_it_may(steps: list[tuple[float, int]]) -> None:
    still, now, last = StillScene(SETTINGS), 100.0, 100.0
    for step, view in steps:
        now += step
        picture = np.full((36, 64), 60 * view, np.uint8)
        if still.needs_score(picture, now):
            last = now
            scored(still, picture, now)
        assert now - last < SETTINGS.longest_seconds


def test_a_still_scene_with_a_sensors_noise_needs_no_score() -> None:
    still = StillScene(SETTINGS)
    assert still.needs_score(shot(SCENE, 0, 3.0), 0.0), "the first one does"
    scored(still, shot(SCENE, 0, 3.0), 0.0)
    assert not any(still.needs_score(shot(SCENE, n, 3.0), float(n)) for n in range(1, 5))
    assert still.needs_score(shot(SCENE, 5, 3.0), 5.0), "its time is up"


@given(st.floats(0.05, 1.0))
def test_a_fire_that_grows_slowly_is_seen_because_it_adds_up(step: float) -> None:
    still = StillScene(StillSettings(1e9, 0.2))
    picture = np.full((36, 64), 100.0)
    scored(still, picture.astype(np.uint8), 0.0)
    seen = []
    for n in range(1, 400):
        picture[10:14, 20:24] += step
        if still.needs_score(np.minimum(picture, 255).astype(np.uint8), float(n)):
            seen.append(n)
            break
    assert seen
    assert seen[0] * step <= CELL_STEP + 2


@pytest.mark.parametrize("side", [8, 16, 32])
def test_a_small_flame_makes_another_picture(side: int) -> None:
    flame = SCENE.copy()
    flame[100 : 100 + side, 300 : 300 + side] += 120
    assert differs(shot(SCENE, 1, 2.0), shot(flame, 2, 2.0))


def test_thin_smoke_over_a_part_of_the_picture_makes_another_picture() -> None:
    smoke = SCENE.copy()
    smoke[50:170, 200:400] += 3
    assert differs(shot(SCENE, 1, 2.0), shot(smoke, 2, 2.0))


@given(st.floats(0.0, 1.0), st.booleans())
def test_nothing_but_a_calm_scene_without_an_alert_is_passed_over(
    hazard: float, alert: bool
) -> None:
    still, picture = StillScene(SETTINGS), shot(SCENE)
    still.offered(1, picture)
    still.scored(1, 0.0, hazard, alert=alert)
    assert still.needs_score(picture, 1.0) == (alert or hazard >= SETTINGS.calm_score)


def test_a_score_that_says_something_ends_what_an_older_one_allowed() -> None:
    still, picture = StillScene(SETTINGS), shot(SCENE)
    scored(still, picture, 0.0)
    assert not still.needs_score(picture, 1.0)
    scored(still, picture, 1.0, hazard=0.5)
    assert still.needs_score(picture, 2.0)


def test_after_a_disturbance_the_next_frame_is_scored() -> None:
    still, picture = StillScene(SETTINGS), shot(SCENE)
    scored(still, picture, 0.0)
    still.disturb()
    assert still.needs_score(picture, 1.0)


def test_a_picture_without_a_gist_and_a_clock_that_runs_back_are_scored() -> None:
    still, picture = StillScene(SETTINGS), shot(SCENE)
    scored(still, picture, 10.0)
    assert still.needs_score(np.empty((0, 0), np.uint8), 11.0)
    assert still.needs_score(picture, 9.0)
    assert not still.needs_score(picture, 11.0)


def test_low_thresholds_and_short_patience_leave_less_to_pass_over() -> None:
    rules = (RuleSettings("fire", "fire", 0.65, other_thresholds=(0.3,)),)
    settings = still_settings(5.0, 15.0, rules, DecisionSettings())
    assert settings == StillSettings(5.0, 0.15)
    strict = DecisionSettings(region_thresholds=(("gate", 0.1),))
    assert still_settings(5.0, 6.0, rules, strict) == StillSettings(2.0, 0.05)
    assert still_settings(0.0, 15.0, (), DecisionSettings()) == StillSettings(0.0, CALM_SCORE)


def test_with_an_interval_of_nothing_every_frame_is_scored() -> None:
    still, picture = StillScene(StillSettings(0.0, 0.2)), shot(SCENE)
    scored(still, picture, 10.0)
    assert still.needs_score(picture, 10.0)
