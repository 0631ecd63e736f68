"""Training batches made ahead of time, by a thread or by processes of their own.

On a CPU one thread keeps up with training. A GPU takes thousands of views a second, which needs all
cores. A batch is the same whoever makes it: it depends on the seed and on the number of its step.
"""

import queue
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import EmberwatchError, TrainingError
from trainer.size import SIZE
from trainer.views import Batch, Sampler

_AHEAD = 4

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
    slots = 2 * workers
    shape = (slots, sampler.batch_size, SIZE, SIZE, 3)
    with tempfile.TemporaryDirectory(prefix="emberwatch-views-") as folder:
        # Pictures go through a file that all of them have in memory: pipes would copy them twice.
        path = Path(folder) / "batches"
        made = np.memmap(path, np.uint8, "w+", shape=shape)
        with ProcessPoolExecutor(
            workers, get_context("spawn"), _begin, (sampler, path, shape)
        ) as pool:
            waiting: deque[tuple[int, Future[NDArray[np.int32]]]] = deque()

            def batches() -> Iterator[Batch]:
                step = first_step
                for slot in range(slots):
                    waiting.append((slot, pool.submit(_fill, step, slot)))
                    step += 1
                while True:
                    slot, future = waiting.popleft()
                    try:
                        targets = future.result()
                    except (EmberwatchError, OSError) as error:
                        raise _unreadable(error) from error
                    except BrokenProcessPool as error:
                        raise TrainingError(
                            "a process that makes views was killed; if memory is short give "
                            "--view-workers a smaller number, then start again: it goes on"
                        ) from error
                    batch = Batch(np.array(made[slot]), targets)
                    waiting.append((slot, pool.submit(_fill, step, slot)))
                    step += 1
                    yield batch

            try:
                yield batches()
            finally:
                for _, future in waiting:
                    future.cancel()


def _begin(sampler: Sampler, path: Path, shape: tuple[int, ...]) -> None:
    global _made_by
    # Each worker has a core of its own.
    cv2.setNumThreads(1)
    _made_by = sampler, np.memmap(path, np.uint8, "r+", shape=shape)


def _fill(step: int, slot: int) -> NDArray[np.int32]:
    if _made_by is None:
        raise RuntimeError("a worker was asked before it began")
    sampler, made = _made_by
    batch = sampler.batch(step)
    made[slot] = batch.pictures
    return batch.targets


@contextmanager
def _by_thread(sampler: Sampler, first_step: int) -> Iterator[Iterator[Batch]]:
    ready: queue.Queue[Batch | EmberwatchError | OSError] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: Batch | EmberwatchError | OSError) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def work() -> None:
        step = first_step
        while not stop.is_set():
            try:
                put(sampler.batch(step))
            except (EmberwatchError, OSError) as error:
                put(error)
                return
            step += 1

    def batches() -> Iterator[Batch]:
        while True:
            item = ready.get()
            if isinstance(item, Batch):
                yield item
            else:
                raise _unreadable(item) from item

    thread = threading.Thread(target=work, name="views", daemon=True)
    thread.start()
    try:
        yield batches()
    finally:
        stop.set()
        thread.join()


def _unreadable(error: Exception) -> TrainingError:
    return TrainingError(
        f"a picture that could be read before cannot be read now: {error}; leave the "
        "pictures alone while training runs, then start again: it goes on"
    )
