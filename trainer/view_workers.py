"""Training batches made ahead of time, by a thread or by processes of their own.

On a CPU one thread keeps up with training. A GPU takes thousands of views a second, which needs all
cores. A batch is the same whoever makes it: it depends on the seed and on the number of its step.
"""

import ctypes
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import EmberwatchError, TrainingError
from trainer.size import SIZE
from trainer.views import Batch, Sampler

_AHEAD = 4
_SCRATCH = "emberwatch-views-"
_PR_SET_PDEATHSIG = 1
_FAULTS = (EmberwatchError, OSError, MemoryError, cv2.error)
"""What making a view can end with."""

# Of a worker process: set once, when it begins.
_made_by: tuple[Sampler, NDArray[np.uint8]] | None = None


@contextmanager
def ahead(sampler: Sampler, first_step: int, workers: int = 0) -> Iterator[Iterator[Batch]]:
    """Give batches from ``first_step`` on, some made ahead; who makes them ends with the block.

    Args:
        sampler: makes the batches.
        first_step: number of the first batch.
        workers: processes; 0 for one thread of this process.

    Raises:
        TrainingError: a picture cannot be read any more, or a process was killed.
    """
    with (_by_processes(sampler, first_step, workers) if workers
          else _by_thread(sampler, first_step)) as batches:  # fmt: skip
        yield batches


@contextmanager
def _by_processes(sampler: Sampler, first_step: int, workers: int) -> Iterator[Iterator[Batch]]:
    _sweep(Path(tempfile.gettempdir()))
    slots = 2 * workers
    shape = (slots, sampler.batch_size, SIZE, SIZE, 3)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-") as folder:
        # Pictures go through a file that all of them have in memory: pipes would copy them twice.
        path = Path(folder) / "batches"
        made = np.memmap(path, np.uint8, "w+", shape=shape)
        with ProcessPoolExecutor(
            workers, get_context("spawn"), _begin, (sampler, path, shape, os.getpid())
        ) as pool:
            waiting: deque[tuple[int, Future[NDArray[np.int32]]]] = deque()

            def batches() -> Iterator[Batch]:
                step = first_step
                for slot in range(slots):
                    waiting.append((slot, pool.submit(_fill, step, slot)))
                    step += 1
                while True:
                    slot, future = waiting.popleft()
                    targets = future.result()
                    batch = Batch(np.array(made[slot]), targets)
                    waiting.append((slot, pool.submit(_fill, step, slot)))
                    step += 1
                    yield batch

            try:
                yield _told(batches())
            finally:
                for _, future in waiting:
                    future.cancel()


def _told(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches; what goes wrong with a process or a picture is told in a sentence."""
    try:
        yield from batches
    except BrokenProcessPool as error:
        raise TrainingError(
            "a process that makes views was killed; if memory is short give --view-workers a "
            "smaller number, then start again: it goes on"
        ) from error
    except _FAULTS as error:
        raise _unreadable(error) from error


def _begin(sampler: Sampler, path: Path, shape: tuple[int, ...], parent: int) -> None:
    global _made_by
    # A trainer that is killed takes them with it; one that ends in between is not waited for.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit
    # Ctrl-C goes to all, and means the trainer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Each worker has a core of its own.
    cv2.setNumThreads(1)
    _made_by = sampler, np.memmap(path, np.uint8, "r+", shape=shape)


def _sweep(folder: Path) -> None:
    """Remove what trainers left that were killed: their batches are a gigabyte."""
    for left in folder.glob(f"{_SCRATCH}*"):
        owner = left.name.removeprefix(_SCRATCH).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)


def _fill(step: int, slot: int) -> NDArray[np.int32]:
    if _made_by is None:
        raise RuntimeError("a worker was asked before it began")
    sampler, made = _made_by
    batch = sampler.batch(step)
    made[slot] = batch.pictures
    return batch.targets


@contextmanager
def _by_thread(sampler: Sampler, first_step: int) -> Iterator[Iterator[Batch]]:
    with ThreadPoolExecutor(1, "views") as pool:
        waiting: deque[Future[Batch]] = deque()

        def batches() -> Iterator[Batch]:
            for step in count(first_step):
                waiting.append(pool.submit(sampler.batch, step))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()

        try:
            yield _told(batches())
        finally:
            for future in waiting:
                future.cancel()


def _unreadable(error: Exception) -> TrainingError:
    return TrainingError(
        f"a picture that could be read before cannot be read now: {error}; leave the "
        "pictures alone while training runs, then start again: it goes on"
    )
