"""Drives a supervisor in tests: waits for what should happen, with a deadline."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from monitor.clock import SystemClock
from monitor.ingest.frame import Frame
from monitor.ingest.limits import Limits
from monitor.ingest.placement import PlacementLimits
from monitor.ingest.status import CameraEvent, SourceSettings
from monitor.ingest.supervisor import Supervisor
from tests.support.faulty_worker import FAULTY_WORKER

PATIENCE_SECONDS = 60.0
"""Deadline of whatever is not itself a promise about time; machines that test are slow."""


def feed(camera: str, url: str = "fault:none,1000000", **more: object) -> SourceSettings:
    """Settings with short timeouts; without a URL, a camera that never fails."""
    values: dict[str, object] = {
        "fps": 5.0,
        "open_timeout_seconds": 0.5,
        "read_timeout_seconds": 0.5,
        **more,
    }
    return SourceSettings(camera=camera, url=url, **values)  # type: ignore[arg-type]  # by name


def limits(workers: int = 2, **placement: float) -> Limits:
    """Impatient, with the policy of quarantine as given."""
    return Limits(
        workers=workers,
        hang_timeout_seconds=6.0,
        max_back_off_seconds=2.0,
        placement=PlacementLimits(workers=workers, **placement),  # type: ignore[arg-type]  # int
    )


class Watch:
    """A supervisor, and all that it gave so far."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.frames: dict[str, list[Frame]] = defaultdict(list)
        self.events: list[CameraEvent] = []

    def step(self) -> None:
        for frame in self.supervisor.wait(0.1):
            self.frames[frame.camera].append(frame)
        self.events += self.supervisor.events()

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
        """Drive until it holds; gives the seconds that took. Fails after ``seconds``."""
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < seconds, f"not within {seconds} s: {self.story()}"
            self.step()
        return time.monotonic() - start

    def run(self, seconds: float) -> None:
        """Drive for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()

    def until_frames(self, cameras: Sequence[str], seconds: float = PATIENCE_SECONDS) -> float:
        """Drive until each camera gave a new frame."""
        counts = {camera: len(self.frames[camera]) for camera in cameras}
        return self.until(
            lambda: all(len(self.frames[camera]) > count for camera, count in counts.items()),
            seconds,
        )

    def pid_of(self, camera: str) -> int:
        """The worker that reads it."""
        pids = self.supervisor.worker_pids()
        return next(pid for pid, cameras in pids.items() if camera in cameras)

    def kinds(self, camera: str) -> list[str]:
        """The kinds of all events of a camera, in order."""
        return [event.kind for event in self.events if event.camera == camera]

    def story(self) -> str:
        return "\n".join(map(str, self.events[-20:]))


@contextmanager
def watching(
    feeds: Sequence[SourceSettings],
    bounds: Limits | None = None,
    command: Sequence[str] = FAULTY_WORKER,
) -> Iterator[Watch]:
    """A started supervisor with workers that know ``fault:`` URLs; stopped at the end."""
    supervisor = Supervisor(
        feeds,
        bounds or limits(),
        clock=SystemClock(),
        random=Random(1),
        worker_command=command,
    )
    supervisor.start()
    try:
        yield Watch(supervisor)
    finally:
        supervisor.stop(4.0)


def open_descriptors() -> int:
    """How many this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))
