"""How long each stage of a run took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up the time of stages, in the order in which they first began."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block for a stage; a stage may come again."""
        self._seconds.setdefault(name, 0.0)
        start = self._clock()
        try:
            yield
        finally:
            self._seconds[name] += self._clock() - start

    @property
    def stages(self) -> tuple[tuple[str, float], ...]:
        """Name and seconds of each stage."""
        return tuple(self._seconds.items())

    @property
    def total_seconds(self) -> float:
        """Since the watch was made."""
        return self._clock() - self._start
