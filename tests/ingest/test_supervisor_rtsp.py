from pathlib import Path

import pytest

from monitor.ingest.worker_process import WORKER_COMMAND
from tests.support.clips import green_scene, grey_scene, make_clip
from tests.support.rtsp import rtsp_server
from tests.support.supervision import feed, limits, watching

pytestmark = pytest.mark.debian

BACK_OFF_SECONDS = 2.0


def test_cameras_are_read_again_after_their_server_was_restarted(tmp_path: Path) -> None:
    clips = {
        "/a": make_clip(tmp_path / "a.mp4", green_scene(), seconds=3, gop=5, fps=10),
        "/b": make_clip(tmp_path / "b.mp4", grey_scene(), seconds=3, gop=5, fps=10, codec="hevc"),
    }
    timeouts = {"open_timeout_seconds": 3.0, "read_timeout_seconds": 3.0}
    with rtsp_server(clips) as server:
        feeds = [feed(path[1:], server.url(path), fps=2.0, **timeouts) for path in clips]
        with watching(feeds, limits(1), command=WORKER_COMMAND) as watch:
            watch.until_frames("ab")
            pid = watch.pid_of("a")
            server.kill()
            watch.until(lambda: not any(s.up for s in watch.supervisor.statuses().values()), 15.0)
            watch.until(
                lambda: all(
                    status.reason in {"refused", "ended", "stall", "open"}
                    for status in watch.supervisor.statuses().values()
                )
            )
            server.start()
            assert watch.until_frames("ab") < BACK_OFF_SECONDS + 3.0
            assert all(status.up for status in watch.supervisor.statuses().values())
            assert watch.pid_of("a") == pid, "a fault of a camera costs no worker"


def test_a_server_that_stands_still_is_a_stall(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", green_scene(), seconds=3, gop=5, fps=10)
    with rtsp_server({"/a": clip}) as server:
        settings = feed("a", server.url("/a"), fps=2.0, read_timeout_seconds=2.0)
        with watching([settings], limits(1), command=WORKER_COMMAND) as watch:
            watch.until_frames("a")
            server.pause()
            watch.until(lambda: watch.supervisor.statuses()["a"].reason == "stall", 10.0)
            server.resume()
            watch.until_frames("a")
