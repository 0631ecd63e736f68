"""The real daemon with a camera that is sampled seldom, while an alert of it is pending."""

import json
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.support.bundles import FIRE_COLOUR, plain
from tests.support.clips import make_clip, red_scene
from tests.support.daemon import Daemon, running_daemon, wait_for, write_config
from tests.support.pictures import write_picture
from tests.support.rtsp import rtsp_server

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


@pytest.mark.debian
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


def test_a_reload_that_takes_bursts_away_shows_that_the_camera_is_in_none(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(4):
        colour = (FIRE_COLOUR[0], FIRE_COLOUR[1] + 8 * index, FIRE_COLOUR[2])
        write_picture(pictures / f"{index}.jpg", plain(colour))
    cameras = [{"name": "yard", "url": str(pictures), "loop": True, "fps": 1.0}]
    slow = [{**RULES[0], "for": "1h"}]
    burst = {"fps": 5.0, "max_time": "10m"}
    config = write_config(tmp_path, cameras, rules=slow, decision={"burst": burst})
    with running_daemon(config) as daemon:
        wait_for(partial(in_burst, daemon), "the camera is in a burst")
        document = yaml.safe_load(config.read_text("utf-8"))
        document["decision"]["burst"]["fps"] = 0.0
        config.write_text(yaml.safe_dump(document), "utf-8")
        daemon.reload()
        daemon.wait_logged('"reloaded"')
        assert not in_burst(daemon)
