"""A camera with two streams on a real RTSP server: the small one is watched, the main one where
that gives no picture, and each of both is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.clips import green_scene, make_clip, red_scene
from tests.support.daemon import Daemon, running_daemon, wait_for, write_config
from tests.support.rtsp import rtsp_server

pytestmark = pytest.mark.debian


def shown(daemon: Daemon) -> dict[str, Any]:
    status, text = daemon.page("/api/v1/status")
    assert status == 200
    (camera,) = json.loads(text)["cameras"]
    found: dict[str, Any] = camera
    return found


def test_the_small_stream_is_watched_and_the_main_one_while_that_is_gone(tmp_path: Path) -> None:
    # The two show different scenes, so that the scores tell which is watched.
    main = make_clip(tmp_path / "main.mp4", green_scene(), seconds=6)
    small = make_clip(tmp_path / "small.mp4", red_scene(), seconds=6)
    with rtsp_server({"/main": main}) as cut, rtsp_server({"/small": small}) as whole:
        camera = {"name": "dock", "url": cut.url("/main"), "substream_url": whole.url("/small"),
                  "stale_after": "5s"}  # fmt: skip
        ingest = {"max_back_off": "1s"}
        with running_daemon(write_config(tmp_path, [camera], ingest=ingest)) as daemon:
            wait_for(lambda: daemon.scores("dock").get("fire", 0) > 0.9, "the small one is scored")
            whole.kill()
            wait_for(lambda: daemon.scores("dock").get("misc", 0) > 0.9, "the main one is scored")
            assert "sub-stream" in str(shown(daemon))
            whole.start()
            cut.kill()
            wait_for(
                lambda: daemon.scores("dock").get("fire", 0) > 0.9, "the small one is back", 60
            )
            wait_for(lambda: "sub-stream" not in str(shown(daemon)), "and nothing is said of it")
