"""The faults of a soak: drawn from a seed, caused, and later taken away."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.support.daemon import Daemon
from tests.support.fault_proxy import FaultProxy
from tests.support.rtsp import RtspServer

Cause = Callable[[FaultProxy], object]

BLINDING: dict[str, Cause] = {
    "refuse": FaultProxy.refuse,
    "vanish": FaultProxy.vanish,
    "mute": FaultProxy.mute,
    "stall": lambda line: line.set(stall_down=True, stall_up=True),
    "stall_one_way": lambda line: line.set(stall_down=True),
    "half_open": FaultProxy.half_open,
}
"""No picture gets through while they last."""

DISTURBING: dict[str, Cause] = {
    "reset": lambda line: line.cut("reset"),
    "end": lambda line: line.cut("end"),
    "delay": lambda line: line.set(delay_seconds=1.0),
    "narrow": lambda line: line.set(bytes_per_second=4000),
    "lose": lambda line: line.set(lose=0.1),
    "corrupt": lambda line: line.set(corrupt=0.1),
    "stamps": lambda line: line.set(shift_stamps_seconds=5000),
    "no_key_frames": lambda line: line.set(lose_key_frames=True),
    "corrupt_all": lambda line: line.set(corrupt=1.0),
    "truncate_all": lambda line: line.set(truncate=1.0),
}
"""Pictures may get through, late, few or damaged."""

SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)
SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 25.0


@dataclass(slots=True)
class Running:
    """A fault of one camera that lasts."""

    camera: str
    kind: str
    began: float
    ends: float
    blinding: bool


@dataclass(slots=True)
class Tormentor:
    """Draws faults and causes them; time comes in with each call.

    At each moment about ``share`` of the cameras have a fault, a worker is killed or stopped about
    every ``worker_seconds``, and the server of all cameras restarts about every ``server_seconds``.
    """

    random: Random
    lines: dict[str, FaultProxy]
    server: RtspServer
    daemon: Daemon
    share: float = 0.25
    worker_seconds: float = 45.0
    server_seconds: float = 240.0
    reload_seconds: float = 120.0
    counts: Counter[str] = field(default_factory=Counter)
    running: dict[str, Running] = field(default_factory=dict)
    _server_back_at: float | None = None

    def step(self, now: float, elapsed: float) -> list[str]:
        """What is due now.

        Args:
            now: monotonic time, seconds.
            elapsed: seconds since the last step.

        Returns:
            The cameras whose fault has just ended.
        """
        ended = self.end_due(now)
        mean = (SHORTEST_SECONDS + LONGEST_SECONDS) / 2
        for camera, line in self.lines.items():
            chance = elapsed * self.share / mean
            if camera not in self.running and self.random.random() < chance:
                self._begin(camera, line, now)
        if self._server_back_at is None and self._happens(elapsed, self.server_seconds):
            self.server.kill()
            self.counts["server_restart"] += 1
            self._server_back_at = now + self.random.uniform(1.0, 8.0)
        if self._happens(elapsed, self.worker_seconds):
            self._hurt_worker()
        if self._happens(elapsed, self.reload_seconds):
            self.daemon.reload()
            self.counts["reload"] += 1
        return ended

    def end_due(self, now: float) -> list[str]:
        """Take away what has lasted long enough; the cameras that are free now."""
        ended = [each for each in self.running.values() if now >= each.ends]
        for fault in ended:
            del self.running[fault.camera]
            self.lines[fault.camera].heal()
        names = [fault.camera for fault in ended]
        if self._server_back_at is not None and now >= self._server_back_at:
            self._server_back_at = None
            self.server.start()
            names = [name for name in self.lines if name not in self.running]
        return names

    def calm(self) -> None:
        """Take everything away now."""
        self.end_due(float("inf"))

    @property
    def server_is_down(self) -> bool:
        """Whether no camera can be reached at all."""
        return self._server_back_at is not None

    def _begin(self, camera: str, line: FaultProxy, now: float) -> None:
        kind = self.random.choice([*BLINDING, *DISTURBING])
        seconds = self.random.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
        blinding = kind in BLINDING
        self.running[camera] = Running(camera, kind, now, now + seconds, blinding)
        self.counts[kind] += 1
        (BLINDING | DISTURBING)[kind](line)

    def _hurt_worker(self) -> None:
        workers = self.daemon.workers()
        if not workers:
            return
        number = self.random.choice(SIGNALS)
        try:
            os.kill(self.random.choice(workers), number)
        except ProcessLookupError:
            return
        self.counts[f"worker_{number.name}"] += 1

    def _happens(self, elapsed: float, mean_seconds: float) -> bool:
        return self.random.random() < elapsed / mean_seconds
