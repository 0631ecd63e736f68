"""Limits how many cameras of a worker are opened at once, and keeps dead ones from blocking it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from monitor.clock import Clock

YOUNG_SECONDS = 2.0
"""A living camera is open by then; what takes longer waits for an answer and needs no processor."""
_STEP_SECONDS = 0.25


class OpenGate:
    """At most ``concurrent`` opens at a time, not counting those that began a while ago.

    When a switch comes back, hundreds of cameras connect at once; without the gate, that would
    starve those that are being read. Opening a dead camera lasts until its timeout, so it gives its
    place back before: the living must not wait behind the dead.
    """

    def __init__(self, concurrent: int, *, clock: Clock) -> None:
        self._concurrent = max(1, concurrent)
        self._clock = clock
        self._changed = threading.Condition()
        self._began: dict[object, float] = {}

    @contextmanager
    def turn(self, *, stop: threading.Event, progress: Callable[[], None]) -> Iterator[bool]:
        """Wait for a place, hold it in the block; gives False where ``stop`` came before.

        Args:
            stop: ends the wait.
            progress: called at each step of the wait.
        """
        mine = object()
        try:
            yield self._enter(mine, stop, progress)
        finally:
            with self._changed:
                self._began.pop(mine, None)
                self._changed.notify()

    def _enter(self, mine: object, stop: threading.Event, progress: Callable[[], None]) -> bool:
        with self._changed:
            while not stop.is_set():
                progress()
                now = self._clock.monotonic()
                young = sum(now - began < YOUNG_SECONDS for began in self._began.values())
                if young < self._concurrent:
                    self._began[mine] = now
                    return True
                self._changed.wait(_STEP_SECONDS)
        return False
