"""A real RTSP camera that is sampled every five seconds, while an alert of it is pending."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.support.clips import make_clip, red_scene
from tests.support.daemon import Daemon, running_daemon, wait_for, write_config
from tests.support.rtsp import rtsp_server

pytestmark = pytest.mark.debian

RULES = [{"name": "fire", "label": "fire", "threshold": 0.6, "for": "1s"}]


def confirmed_seconds(daemon: Daemon) -> float | None:
    """From pending to firing, by the times of the frames."""
    for line in daemon.log.splitlines():
        event = json.loads(line)
        if event["event"] == "alert_firing":
            return float(event["seconds"])
    return None


def in_burst(daemon: Daemon) -> bool:
    return daemon.value("burst_active", camera="yard") == 1


@pytest.mark.parametrize("fps", [5.0, 0.0])
def test_an_alert_is_confirmed_in_seconds_and_not_in_sample_periods(
    fps: float, tmp_path: Path
) -> None:
    clip = make_clip(
        tmp_path / "fire.mp4", red_scene((160, 120)), seconds=12, fps=10, gop=40, bit_rate=200_000
    )
    with rtsp_server({"/fire": clip}) as server:
        cameras = [{"name": "yard", "url": server.url("/fire"), "fps": 0.2, "stale_after": "30s"}]
        config = write_config(tmp_path, cameras, rules=RULES, decision={"burst": {"fps": fps}})
        with running_daemon(config) as daemon:
            seconds = wait_for(partial(confirmed_seconds, daemon), "the alert fires", 60)
            if fps == 0:
                assert seconds >= 4.0
                assert not in_burst(daemon)
                return
            assert seconds < 4.0
            wait_for(lambda: not in_burst(daemon), "nothing is pending any more")
            before = daemon.value("frames_total", camera="yard") or 0.0
            wait_for(
                lambda: (daemon.value("frames_total", camera="yard") or 0.0) >= before + 1,
                "it is sampled on at its usual rate",
                30,
            )
            assert (daemon.value("frames_total", camera="yard") or 0.0) <= before + 2
