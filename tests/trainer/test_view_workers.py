import os
import signal
from collections import deque
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest

from monitor.errors import TrainingError
from tests.support.pictures import write_folders
from trainer.augment import Recipe
from trainer.dataset import scan
from trainer.view_workers import ahead
from trainer.views import Sampler

LABELS = ("fire", "misc", "smoke")
SHARES = {"fire": 0.5, "misc": 0.3, "smoke": 0.2}

both = pytest.mark.parametrize("workers", [0, 2], ids=["thread", "processes"])


@pytest.fixture
def sampler(tmp_path: Path) -> Sampler:
    write_folders(tmp_path, 6)
    return Sampler(scan(tmp_path), LABELS, SHARES, "misc", Recipe(small=0.5), 3, seed=3)


@both
def test_batches_come_in_order_from_the_step_asked_for(sampler: Sampler, workers: int) -> None:
    with ahead(sampler, 7, workers) as batches:
        # More than are made ahead: places are used again.
        given = [next(batches) for _ in range(9)]
    for step, batch in enumerate(given, 7):
        wanted = sampler.batch(step)
        np.testing.assert_array_equal(batch.pictures, wanted.pictures)
        np.testing.assert_array_equal(batch.targets, wanted.targets)


@both
def test_a_picture_that_vanishes_stops_training_with_a_sentence(
    sampler: Sampler, tmp_path: Path, workers: int
) -> None:
    for path in tmp_path.rglob("*.jpg"):
        path.unlink()
    with ahead(sampler, 0, workers) as batches, pytest.raises(TrainingError, match="read now"):
        next(batches)


@both
def test_nothing_is_left_of_those_who_made_them(sampler: Sampler, workers: int) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with ahead(sampler, 0, workers) as batches:
        next(batches)
        during = psutil.Process().children(recursive=True)
        assert len([child for child in during if child.pid not in before]) >= workers
    left = [
        child
        for child in psutil.Process().children(recursive=True)
        if child.pid not in before and "resource_tracker" not in " ".join(child.cmdline())
    ]
    assert not left  # fmt: skip


def test_a_process_that_is_killed_is_told(sampler: Sampler) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with ahead(sampler, 0, 2) as batches:
        next(batches)
        for child in psutil.Process().children(recursive=True):
            if child.pid not in before and "spawn_main" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(TrainingError, match="killed"):
            deque(islice(batches, 20), maxlen=0)
