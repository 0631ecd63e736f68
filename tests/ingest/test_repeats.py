"""Loops are told from scenes in which little happens."""

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.repeats import RepeatLimits, RepeatWatch

LIMITS = RepeatLimits(after_seconds=60.0)


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(90, 110, (36, 64), np.uint8)


def test_a_loop_is_found_wherever_in_it_the_samples_fall() -> None:
    """157 pictures, of which every 25th is taken, a little early or late."""
    watch, jitter = RepeatWatch(LIMITS), np.random.default_rng(1).integers(-1, 2, 1600)
    found = [
        watch.update(noise((25 * index + int(jitter[index])) % 157), 0.9, float(index))
        for index in range(1600)
    ]
    assert all(found[1500:])


def test_a_new_picture_ends_it_at_once() -> None:
    watch = RepeatWatch(LIMITS)
    for index in range(200):
        found = watch.update(noise(index % 5), 0.9, float(index))
    assert found
    assert not watch.update(noise(99), 0.9, 200.0)
    assert not watch.update(noise(1), 0.9, 201.0)


def test_living_noise_never_repeats() -> None:
    watch = RepeatWatch(LIMITS)
    assert not any(watch.update(noise(index), 0.9, float(index)) for index in range(1000))


def test_a_still_scene_and_one_with_a_blinking_lamp_are_no_loops() -> None:
    watch = RepeatWatch(LIMITS)
    assert not any(watch.update(noise(index % 2), 0.01, float(index)) for index in range(500))


def test_few_pictures_are_no_loop_however_rare_they_are() -> None:
    watch = RepeatWatch(LIMITS)
    assert not any(watch.update(noise(index % 2), 0.9, 60.0 * index) for index in range(20))


def test_what_is_kept_is_bounded() -> None:
    watch = RepeatWatch(RepeatLimits(kept=100))
    for index in range(1000):
        watch.update(noise(index), 0.9, float(index))
    assert len(watch._known) == 100
