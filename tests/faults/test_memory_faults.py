"""A daemon that runs out of memory in the midst of its work: not ready, and no score made up."""

import resource
from pathlib import Path

import pytest

from tests.support.clips import make_clip, red_scene
from tests.support.daemon import Daemon, running_daemon, wait_for, write_config
from tests.support.rtsp import rtsp_server
from tests.support.score_watch import ScoreWatch

pytestmark = pytest.mark.debian

_NO_RESERVE = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""glibc asks the system anew for each block of a picture's size: by default it keeps what was
freed, and a daemon that has scored for a while can live on that."""


def limit(daemon: Daemon, size: int) -> None:
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


def test_daemon_without_memory_lives_says_so_and_comes_back(tmp_path: Path) -> None:
    """Below what it has already, the system gives it nothing more: each larger request fails."""
    clip = make_clip(tmp_path / "large.mp4", red_scene((1280, 720)), seconds=4, fps=5, gop=5)
    with rtsp_server({"/fire": clip}) as server:
        cameras = [{"name": "yard", "url": server.url("/fire"), "fps": 2.0, "stale_after": "6s"}]
        with (
            running_daemon(write_config(tmp_path, cameras), environ=_NO_RESERVE) as daemon,
            ScoreWatch(daemon.url) as watch,
        ):
            watch.wait("yard", lambda s: bool(s.scores), "is scored")
            limit(daemon, 1)
            wait_for(
                lambda: daemon.logged('"memory_short"') or daemon.logged('"engine_failing"'),
                "the log says so",
            )
            limit(daemon, resource.RLIM_INFINITY)
            assert daemon.process.poll() is None
            scored = watch.last("yard").scored
            watch.wait("yard", lambda s: s.scored > scored + 3 and s.up, "is scored again")
            wait_for(daemon.ready, "is ready")
            assert not [s for s in watch.sights["yard"] if s.scores and s.blind]
