"""Limits how many cameras of a worker are opened at once, and keeps dead ones from blocking it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CHRONIC_FAILURES = 3
"""Failures in a row after which a camera waits in the slow lane."""
_STEP_SECONDS = 0.25


class OpenGate:
    """At most ``concurrent`` opens at a time; cameras that keep failing get half of the places.

    When a switch comes back, hundreds of cameras connect at once; without the gate, connecting
    would starve those that are being read. Opening a dead camera lasts until its timeout, so the
    dead must never hold all places: the living would wait behind them.
    """

    def __init__(self, concurrent: int) -> None:
        self._all = threading.Semaphore(max(1, concurrent))
        self._chronic = threading.Semaphore(max(1, concurrent // 2))

    @contextmanager
    def turn(
        self, failures: int, *, stop: threading.Event, progress: Callable[[], None]
    ) -> Iterator[bool]:
        """Wait for a place, hold it in the block; gives False where ``stop`` came before.

        Args:
            failures: how often in a row the camera failed.
            stop: ends the wait.
            progress: called at each step of the wait.
        """
        lanes = [self._all] if failures < _CHRONIC_FAILURES else [self._chronic, self._all]
        held: list[threading.Semaphore] = []
        try:
            for lane in lanes:
                while not stop.is_set():
                    progress()
                    if lane.acquire(timeout=_STEP_SECONDS):
                        held.append(lane)
                        break
            yield len(held) == len(lanes) and not stop.is_set()
        finally:
            for lane in held:
                lane.release()
