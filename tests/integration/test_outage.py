"""A camera that goes away is told of by the sinks, as an alert is, and so is its return."""

import json
from pathlib import Path

import pytest

from tests.support.clips import green_scene, make_clip
from tests.support.daemon import running_daemon, wait_for, write_config
from tests.support.rtsp import rtsp_server
from tests.support.sinks import hook

pytestmark = pytest.mark.debian


def test_an_outage_and_its_end_reach_a_sink_over_a_restart_of_the_daemon(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "calm.mp4", green_scene(), seconds=6)
    with rtsp_server({"/calm": clip}) as server, hook() as web:
        config = write_config(
            tmp_path,
            [{"name": "dock", "url": server.url("/calm"), "stale_after": "5s"}],
            outages={"after": "3s"},
            ingest={"max_back_off": "1s"},
            sinks=[{"name": "hook", "type": "webhook", "url": web.url}],
        )

        def told() -> list[tuple[str, str, str]]:
            bodies = [json.loads(body) for _, _, body in web.received]
            return [
                (
                    body["status"],
                    body["alerts"][0]["labels"]["alertname"],
                    body["emberwatch"]["kind"],
                )
                for body in bodies
            ]

        with running_daemon(config) as daemon:
            wait_for(lambda: daemon.scores("dock"), "the camera is scored")
            server.kill()
            wait_for(told, "its outage is told")
            assert told() == [("firing", "EmberwatchOutage", "firing")]
            assert "has not been watched since" in str(web.received[0][2])
            daemon.wait_logged("camera_outage", "refused")
        with running_daemon(config) as daemon:
            server.start()
            wait_for(lambda: len(told()) > 1, "its end is told")
            assert told()[1:] == [("resolved", "EmberwatchOutage", "resolved")]
            assert daemon.value("alerts_total", camera="dock", alert="fire") == 0
