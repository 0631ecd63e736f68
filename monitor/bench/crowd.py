"""Many cameras from a few RTSP streams, for minutes: is each of them watched all the time?"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.bench.counts import Counts
from monitor.bench.footage import Footage, Kind
from monitor.bench.pipeline import CLIP_SECONDS, SETTLE_SECONDS, UP_SECONDS
from monitor.bench.process import BenchDaemon, Camera
from monitor.bench.rtsp import rtsp_server
from monitor.errors import EmberwatchError

KINDS = (
    Kind("h264", "720p"),
    Kind("hevc", "720p"),
    Kind("h264", "720p", still=True),
    Kind("h264", "720p"),
)
"""The streams; each is shared by as many cameras as it takes."""
LOST_SECONDS = 15.0
"""A camera that is down, or of which no frame was judged, for this long is lost."""
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of the cameras."""

    cameras: int
    seconds: float
    lost: frozenset[str]
    """Cameras that were not watched for LOST_SECONDS."""
    frames: float
    """Frames a second that were scored or seen to be unchanged, of all cameras together."""
    least: float
    """The same of the camera that had fewest."""
    cpu_seconds: float
    memory_bytes: int


def crowd(
    folder: Path,
    footage: Footage,
    cameras: int,
    seconds: float,
    *,
    kinds: Sequence[Kind] = KINDS,
    **settings: Any,
) -> Crowd:
    """Run so many cameras for so long.

    Args:
        folder: for the daemon and the server.
        footage: has the clips.
        cameras: how many.
        seconds: from the moment at which all have had a frame.
        kinds: the streams.
        settings: more sections of the daemon's configuration.

    Raises:
        EmberwatchError: there is no RTSP server here, or cameras did not come up.
    """
    mounts = {
        f"/{number}": footage.long_clip(kind, CLIP_SECONDS, number / len(kinds))
        for number, kind in enumerate(kinds)
    }
    with ExitStack() as stack:
        try:
            server = stack.enter_context(rtsp_server(mounts, shared=True))
        except (RuntimeError, OSError) as error:
            raise EmberwatchError(
                f"no RTSP server can be run here ({str(error).splitlines()[-1]}); install "
                "gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-bad and python3-gi"
            ) from error
        entries: list[Camera] = [
            {
                "name": f"camera-{number:03}",
                "url": server.url(f"/{number % len(kinds)}"),
                "decode": "key",
            }
            for number in range(cameras)
        ]
        daemon = stack.enter_context(BenchDaemon(folder, entries, **settings))
        daemon.wait_scored(cameras, 3 * UP_SECONDS)
        time.sleep(SETTLE_SECONDS)
        return _watch(daemon, [entry["name"] for entry in entries], seconds)


def _watch(daemon: BenchDaemon, names: Sequence[str], seconds: float) -> Crowd:
    first = before = daemon.counts()
    cpu, began = daemon.cpu_seconds(), time.monotonic()
    well_at = dict.fromkeys(names, began)
    lost: set[str] = set()
    while (now := time.monotonic()) - began < seconds:
        time.sleep(_LOOK_SECONDS)
        counts = daemon.counts()
        now = time.monotonic()
        for name in names:
            if name in counts.up and _judged(counts, name) > _judged(before, name):
                well_at[name] = now
            elif now - well_at[name] > LOST_SECONDS:
                lost.add(name)
        before = counts
    took = now - began
    judged = [_judged(before, name) - _judged(first, name) for name in names]
    return Crowd(
        len(names),
        took,
        frozenset(lost),
        sum(judged) / took,
        min(judged) / took,
        daemon.cpu_seconds() - cpu,
        daemon.memory_bytes(),
    )


def _judged(counts: Counts, name: str) -> float:
    return counts.scored.get(name, 0.0) + counts.unchanged.get(name, 0.0)
