"""Start-up and memory of the daemon."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.bench.footage import Footage, Kind
from monitor.bench.pipeline import UP_SECONDS, clip_of, file_camera
from monitor.bench.process import BenchDaemon, Camera
from monitor.errors import EmberwatchError
from monitor.share import shared_path

_MEMORY_FPS = 0.2
"""What a camera holds in memory does not depend on its rate, and so a small machine holds 100."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the daemon with the camera of the demo."""

    ready_seconds: float
    """Until it told the service manager that it is ready."""
    scored_seconds: float
    """Until it showed a score."""


def starts(folder: Path, count: int) -> list[Start]:
    """Start the daemon so often, with a warm cache of the compiled model.

    Raises:
        EmberwatchError: it did not come up.
    """
    cameras = [file_camera(0, _demo_clip())]
    _start(folder, cameras)  # fills the cache
    return [_start(folder, cameras) for _ in range(count)]


def memory(
    folder: Path, footage: Footage, counts: Sequence[int], settle_seconds: float
) -> Mapping[int, float]:
    """Megabytes that daemon and workers hold (proportional set size), by number of 1080p cameras in
    key-frame mode."""
    found: dict[int, float] = {}
    for count in counts:
        cameras = [
            file_camera(
                number,
                clip_of(footage, Kind(), number),
                _MEMORY_FPS,
            )
            for number in range(count)
        ]
        with BenchDaemon(folder, cameras) as daemon:
            daemon.wait_scored(count, 3 * UP_SECONDS)
            time.sleep(settle_seconds)
            found[count] = daemon.memory_bytes() / 1e6
    return found


def memory_per_camera(found: Mapping[int, float]) -> float | None:
    """Megabytes for each further camera, between the least and the most; None for fewer than two
    numbers of cameras. One camera has one worker; the second brings the second, so one is left out
    where there are others."""
    numbers = sorted(found)
    if len(numbers) > 2:
        numbers = numbers[1:]
    if len(numbers) < 2:
        return None
    return (found[numbers[-1]] - found[numbers[0]]) / (numbers[-1] - numbers[0])


def _start(folder: Path, cameras: Sequence[Camera]) -> Start:
    with BenchDaemon(folder, cameras) as daemon:
        return Start(daemon.ready_seconds, daemon.ready_seconds + daemon.wait_scored(1, UP_SECONDS))


def _demo_clip() -> Path:
    clips = sorted(shared_path("config", "demo").glob("*.mp4"))
    if not clips:
        raise EmberwatchError(
            f"no footage in {shared_path('config', 'demo')}; reinstall Emberwatch"
        )
    return clips[0]
