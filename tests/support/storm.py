"""A storm of reconnects: a switch loses its power, comes back, and all its cameras at once.

``python -m tests.support.storm --cameras 500`` measures it on this machine; the test of ingest does
the same with fewer. The real supervisor, real workers, real connections over TCP.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from monitor.ingest.limits import Limits
from monitor.ingest.worker_process import WORKER_COMMAND
from tests.support.clips import encode_jpeg, green_scene, make_clip
from tests.support.many_cameras import many_cameras
from tests.support.supervision import Watch, feed, watching

HEALTHY = ("one", "two", "three", "four")
"""Cameras that are on no switch; sampled once a second."""
SIZE = (160, 120)
CALM_SECONDS = 10.0
OUTAGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Storm:
    """What was seen; seconds, and the longest time between two samples of a healthy camera."""

    cameras: int
    gap_before: float
    gap_in_outage: float
    gap_in_storm: float
    back_after: float
    """From the return of the switch until each camera had given a new picture."""
    samples_lost: int
    """Of the healthy cameras: overwritten unread."""


def storm(
    cameras: int, folder: Path, *, fps: float = 0.2, patience_seconds: float = 180.0
) -> Storm:
    """Let so many cameras lose their connection, and come back at once.

    Args:
        cameras: on the switch.
        folder: for the clip and the picture that they show.
        fps: of the cameras on the switch.
        patience_seconds: until all of them must be there.
    """
    clip = make_clip(folder / "scene.mp4", green_scene(SIZE), seconds=4, fps=10, gop=10)
    picture = folder / "picture.jpg"
    picture.write_bytes(encode_jpeg(green_scene(SIZE)(0)))
    with many_cameras(picture, fps) as switch:
        healthy = [feed(name, f"file:{clip}", fps=1.0, loop=True) for name in HEALTHY]
        names = [f"switch-{number:03}" for number in range(cameras)]
        timeouts = {"open_timeout_seconds": 10.0, "read_timeout_seconds": 10.0}
        stormy = [
            feed(name, switch.url(number), fps=fps, max_side=320, **timeouts)
            for number, name in enumerate(names)
        ]
        limits = Limits(workers=2, max_back_off_seconds=4.0)
        with watching([*healthy, *stormy], limits, command=WORKER_COMMAND) as watch:
            watch.until_frames([*HEALTHY, *names], patience_seconds)
            watch.frames.clear()
            first = _overwritten(watch)
            before = _gaps(watch, CALM_SECONDS)
            switch.say("down")
            outage = _gaps(watch, OUTAGE_SECONDS)
            watch.until(lambda: _up(watch) == len(HEALTHY))
            for name in names:
                watch.frames[name].clear()
            began = time.monotonic()
            switch.say("up")
            watch.until_frames(names, patience_seconds)
            back = time.monotonic() - began
            during = _gaps(watch, 2.0)
            lost = _overwritten(watch) - first
    return Storm(cameras, before, outage, during, round(back, 1), lost)


def _gaps(watch: Watch, seconds: float) -> float:
    """Watch on for so long; the longest gap of a healthy camera in all that was kept."""
    watch.run(seconds)
    gaps = [
        later.captured_monotonic - earlier.captured_monotonic
        for name in HEALTHY
        for earlier, later in pairwise(watch.frames[name])
    ]
    for name, frames in watch.frames.items():
        watch.frames[name] = frames[-1:]  # pictures take memory
    return round(max(gaps, default=seconds), 2)


def _up(watch: Watch) -> int:
    return sum(status.up for status in watch.supervisor.statuses().values())


def _overwritten(watch: Watch) -> int:
    statuses = watch.supervisor.statuses()
    return sum(statuses[name].dropped["overwritten"] for name in HEALTHY)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        seen = storm(given.cameras, Path(folder))
    sys.stdout.write(json.dumps(asdict(seen)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
