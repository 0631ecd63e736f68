import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest

from monitor.errors import TrainingError
from tests.support.pictures import write_folders
from trainer.augment import Recipe
from trainer.dataset import scan
from trainer.view_workers import _sweep, ahead
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


@pytest.mark.parametrize("idle_seconds", [0.0, 3.0], ids=["at work", "all done"])
def test_a_process_that_is_killed_is_told(sampler: Sampler, idle_seconds: float) -> None:
    before = children()
    with ahead(sampler, 0, 2) as batches:
        next(batches)
        wait_until(lambda: len(children() - before) >= 2, 20.0)
        time.sleep(idle_seconds)
        for child in children() - before:
            os.kill(child, signal.SIGKILL)
        with pytest.raises(TrainingError, match="killed"):
            deque(islice(batches, 20), maxlen=0)


def test_those_of_a_killed_trainer_end_with_it_and_its_batches_are_removed(
    sampler: Sampler, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch = tmp_path_factory.mktemp("scratch")
    trainer = subprocess.Popen(
        [sys.executable, "-m", "tests.trainer.test_view_workers", str(tmp_path)],
        env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert trainer.stdout is not None
    assert trainer.stdout.readline() == "begun\n"
    workers = [child.pid for child in psutil.Process(trainer.pid).children(recursive=True)
               if "spawn_main" in " ".join(child.cmdline())]  # fmt: skip
    assert len(workers) == 2
    trainer.kill()
    trainer.wait(10)
    trainer.stdout.close()
    wait_until(lambda: not any(psutil.pid_exists(worker) for worker in workers), 10.0)
    (left,) = scratch.iterdir()
    _sweep(scratch)
    assert not left.exists()


def children() -> set[int]:
    found = psutil.Process().children(recursive=True)
    return {child.pid for child in found if "spawn_main" in " ".join(child.cmdline())}


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def main(folder: Path) -> None:
    """Make batches until somebody kills this process."""
    source = Sampler(scan(folder), LABELS, SHARES, "misc", Recipe(small=0.5), 3, seed=3)
    with ahead(source, 0, 2) as batches:
        for _ in range(9):
            next(batches)
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        while True:
            next(batches)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
