"""Turns: what is compared runs in processes of its own, one after the other, again and again.

Each contender is a process that waits, does a turn when it is told to, and says what it did. So the
libraries of one do not disturb another (PyAV and OpenCV bring an FFmpeg each, OpenVINO and
TensorFlow their threads), nobody else works during a turn, and a slow minute of the machine falls
on all of them.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import TracebackType

from monitor.errors import EmberwatchError

_COMMAND = (sys.executable, "-m", "monitor.bench.contenders")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did."""

    frames: float
    """Pictures that were decoded, scored, …"""
    wall_seconds: float
    cpu_seconds: float
    """Processor time of all threads."""

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.wall_seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time for each frame, milliseconds."""
        return 1000.0 * self.cpu_seconds / self.frames


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns of one contender."""

    turns: tuple[Turn, ...]

    @property
    def rate(self) -> float:
        """Median of frames a second."""
        return statistics.median(turn.rate for turn in self.turns)

    @property
    def cpu_ms(self) -> float:
        """Median of processor time for each frame, milliseconds."""
        return statistics.median(turn.cpu_ms for turn in self.turns)

    def extremes(self) -> tuple[float, float]:
        """Least and most processor time for a frame, milliseconds."""
        costs = [turn.cpu_ms for turn in self.turns]
        return min(costs), max(costs)


class Contender:
    """One process that takes turns. A context manager.

    Args:
        name: of a function in :mod:`monitor.bench.contenders`.
        arguments: for it.
    """

    def __init__(self, name: str, *arguments: object) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [*_COMMAND, name, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self._hear()  # it is warm

    def __enter__(self) -> "Contender":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def turn(self, seconds: float) -> Turn:
        """One turn of about so many seconds.

        Raises:
            EmberwatchError: it failed.
        """
        if self._process.stdin is not None:
            self._process.stdin.write(f"{seconds}\n")
            self._process.stdin.flush()
        return Turn(**self._hear())

    def _hear(self) -> dict[str, float]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            _, said = self._process.communicate()
            reason = said.strip().splitlines()[-1] if said.strip() else "without a word"
            raise EmberwatchError(f"measuring {self.name} alone ended: {reason}")
        answer: dict[str, float] = json.loads(line)
        return answer


def say(turn: Turn | None) -> str:
    """What a contender answers: a turn, or nothing but that it is warm."""
    return json.dumps({} if turn is None else asdict(turn))


def medians(turns: Sequence[Turn]) -> Turns:
    """Turns of one contender."""
    return Turns(tuple(turns))
