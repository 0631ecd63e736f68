"""The whole pipeline at a load: what a frame costs, and how many cameras a machine carries."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.bench.counts import Counts
from monitor.bench.footage import Footage, Kind
from monitor.bench.machine import cores
from monitor.bench.process import BenchDaemon, Camera
from monitor.bench.turns import Turn

PHASES = 8
"""Key frames of the cameras come at so many different moments."""
CLIP_SECONDS = 32
_STAGGER_SECONDS = 4

LEAST_SAMPLED = 0.95
"""Of a frame each second and camera: where a recording is read too slowly, nothing is dropped, but
it takes longer than it is."""
UP_SECONDS = 60.0
"""Within so long all cameras have a score."""
SETTLE_SECONDS = 6.0
"""From then until what is counted counts: the bustle of opening is over."""

_FIRST_SHARE = 0.8
"""Of the load that processor time alone would allow: the first that is tried."""
_STEP = 1.08
"""By which it grows until it is too high."""
_FIRST_BACK_STEP, _BACK_STEP = 0.94, 0.97
"""By which it falls: where the first was too high, and where one did not hold for long."""
_CLOSE = 0.02
"""Between two numbers that are no further apart than this share none is tried."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the pipeline did for some time with some cameras."""

    cameras: int
    wall_seconds: float
    cpu_seconds: float
    counts: Counts

    @property
    def scored(self) -> float:
        """Frames that were scored."""
        return sum(self.counts.scored.values())

    @property
    def turn(self) -> Turn:
        """The same, to be compared with what others did."""
        return Turn(self.scored, self.wall_seconds, self.cpu_seconds)

    @property
    def carried(self) -> bool:
        """Whether every camera was up and sampled at its rate, and no frame was lost."""
        sampled = sum(self.counts.frames.values())
        wanted = LEAST_SAMPLED * self.cameras * self.wall_seconds
        return not self.counts.lost and len(self.counts.up) == self.cameras and sampled >= wanted


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest load that was carried."""

    cameras: int
    held: Load | None
    """At this load, for the longest time; None where no load was carried."""


def site(footage: Footage, kind: Kind, count: int, still_share: float = 0.0) -> list[Camera]:
    """Cameras that play clips in their own time, one sample a second, key frames alone.

    Args:
        footage: has the clips.
        kind: of the clips.
        count: of cameras; the first of them are the same for any count.
        still_share: so many of ten cameras, divided by ten, see a scene in which nothing happens.
    """
    cameras: list[Camera] = []
    for number in range(count):
        still = number % 10 < round(10 * still_share)
        clip = clip_of(footage, Kind(kind.codec, kind.size, kind.key_seconds, still), number)
        cameras.append(file_camera(number, clip))
    return cameras


def clip_of(footage: Footage, kind: Kind, number: int) -> Path:
    """The clip of a camera: of eight that differ in phase and length.

    A recording is opened anew whenever it begins again, which no live camera does. They must not
    all do it in one moment.
    """
    turn = number % PHASES
    return footage.long_clip(kind, CLIP_SECONDS + _STAGGER_SECONDS * turn, turn / PHASES)


def file_camera(number: int, clip: Path, fps: float = 1.0) -> Camera:
    """A camera that plays a clip again and again."""
    return {
        "name": f"camera-{number:03}",
        "url": f"file:{clip}",
        "loop": True,
        "fps": fps,
        # As `auto` chooses by itself once it has seen four key frames.
        "decode": "key",
    }


def watched(daemon: BenchDaemon, cameras: int, seconds: float) -> Load:
    """What a daemon does for so many seconds; looking at it is not counted."""
    before = daemon.counts()
    cpu, began = daemon.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    used, took = daemon.cpu_seconds() - cpu, time.monotonic() - began
    return Load(cameras, took, used, daemon.counts().since(before))


def one_load(folder: Path, cameras: Sequence[Camera], seconds: float, **settings: Any) -> Load:
    """Start a daemon with these cameras, let it settle, and watch it."""
    with BenchDaemon(folder, cameras, **settings) as daemon:
        daemon.wait_scored(len(cameras), UP_SECONDS)
        time.sleep(SETTLE_SECONDS)
        return watched(daemon, len(cameras), seconds)


def capacity(
    folder: Path,
    cameras_of: Callable[[int], Sequence[Camera]],
    guess: float,
    *,
    window_seconds: float,
    steps: int,
    hold_seconds: float,
    tell: Callable[[str], None],
    latest_seconds: float = math.inf,
    **settings: Any,
) -> Capacity:
    """Find how many cameras are carried, one sample of each a second.

    One daemon gets more and more cameras by reloads, until a frame is lost or verdicts come too
    late; then numbers between, then fewer, until what is left holds for ``hold_seconds``.

    Args:
        folder: for the daemon.
        cameras_of: gives so many cameras.
        guess: as many as processor time alone would allow.
        window_seconds: each load is watched for so long.
        steps: loads that are tried, at most, to find the highest; and on the way down.
        hold_seconds: for this long the last load is watched.
        tell: is told of each load.
        latest_seconds: from the receipt of a frame to its verdict, for 99 of 100 frames.
        settings: more sections of the daemon's configuration.
    """
    with BenchDaemon(folder, cameras_of(1), **settings) as daemon:

        def look(count: int, seconds: float) -> Load | None:
            """The load, if it is carried and in time."""
            daemon.watch(cameras_of(count))
            daemon.wait_scored(count, UP_SECONDS)
            time.sleep(SETTLE_SECONDS)
            load = watched(daemon, count, seconds)
            late = load.counts.latency_quantile(0.99) > latest_seconds
            tell(f"{_told(load)}; {_verdict(load, late=late)}")
            if load.carried and not late:
                return load
            # Recordings that fell behind catch up, which would be a load of its own.
            daemon.watch(cameras_of(max(1, count // 2)))
            time.sleep(SETTLE_SECONDS)
            return None

        count = highest(
            lambda count: look(count, window_seconds) is not None,
            max(1, int(_FIRST_SHARE * guess)),
            steps,
        )
        for _ in range(steps):
            load = look(count, hold_seconds)
            if load is not None:
                return Capacity(count, load)
            count = max(1, min(count - 1, int(_BACK_STEP * count)))
    return Capacity(0, None)


def highest(holds: Callable[[int], bool], first: int, steps: int) -> int:
    """About the highest number that holds: upwards in large steps, then by halves.

    Args:
        holds: tries a number, at least 1.
        first: is tried first.
        steps: numbers that are tried, at most.

    Returns:
        The highest that held; where none did, the next below, at least 1.
    """
    best, count, failed = 0, first, 0
    for _ in range(steps):
        if holds(count):
            best = count
        else:
            failed = count
        if failed == 1:
            break
        if not failed:
            count = max(count + 1, int(_STEP * count))
        elif not best:
            count = max(1, int(count * _FIRST_BACK_STEP))
        elif failed - best <= max(1, best * _CLOSE):
            break
        else:
            count = (best + failed) // 2
    return best or count


def limit_cameras(cpu_ms: float) -> float:
    """As many cameras, at a frame a second, as all cores could carry at this cost of a frame."""
    return cores() * 1000.0 / cpu_ms


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """For the state and the model cache of the daemons of one run."""
    return tempfile.TemporaryDirectory(prefix="emberwatch-bench-")


def _told(load: Load) -> str:
    counts = load.counts
    late = 1000 * counts.latency_quantile(0.99)
    busy = load.cpu_seconds / load.wall_seconds / cores()
    unchanged = sum(counts.unchanged.values())
    lost = f", {unchanged:.0f} unchanged" if unchanged else ""
    lost += f", {counts.lost:.0f} lost" if counts.lost else ""
    return (
        f"{load.cameras} cameras: {load.scored / load.wall_seconds:.1f} frames/s{lost}, "
        f"99 % within {late:.0f} ms, {busy:.0%} of the cores"
    )


def _verdict(load: Load, *, late: bool) -> str:
    if not load.carried:
        return "not carried"
    return "too late" if late else "carried"
