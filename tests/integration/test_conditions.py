"""A real daemon, with silences from the real command and signals from a real Prometheus."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_prometheus import asked, prometheus
from tests.support.clips import make_clip, red_scene
from tests.support.daemon import Daemon, free_port, running_daemon, wait_for, write_config


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "silence", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fires(daemon: Daemon, camera: str) -> bool:
    return daemon.value("alert_state", camera=camera, alert="fire") == 2


def test_a_silence_is_found_by_the_running_daemon_and_outlives_it(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=6)
    config = write_config(tmp_path, [{"name": "yard", "url": f"file:{clip}", "loop": True}])
    with running_daemon(config) as daemon:
        wait_for(lambda: fires(daemon, "yard"), "the alert fires")
        told = command("yard", "--for", "10m", "--comment", "roof work", "--config", str(config))
        assert told.startswith("silence 1: all alerts of camera 'yard' until")

        def silenced() -> bool:
            return daemon.value("alert_silenced", camera="yard", alert="fire") == 1

        wait_for(silenced, "the silence is in force")
        assert fires(daemon, "yard")
        status = json.loads(daemon.page("/api/v1/status")[1])
        assert status["cameras"][0]["silences"][0]["comment"] == "roof work"
        wait_for(lambda: "roof work" in daemon.page("/")[1], "the page says so")
        daemon.kill()
    with running_daemon(config) as daemon:
        wait_for(lambda: daemon.value("silence_active", camera="yard") == 1, "it outlives a crash")
        command("expire", "1", "--config", str(config))
        wait_for(lambda: daemon.value("silence_active", camera="yard") == 0, "it has ended")
        daemon.wait_logged("alert_firing", "silence")


@pytest.mark.debian
def test_a_signal_of_prometheus_inhibits_and_one_that_is_not_known_does_not(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=6)
    port = free_port()
    signals = {"on": "vector(1)", "off": "up == 2", "wrong": "up{", "dead": "vector(1)"}
    ports = dict.fromkeys(signals, port) | {"dead": free_port()}
    with prometheus(tmp_path, "127.0.0.1:1", port=port) as client:
        wait_for(lambda: asked(client, "/api/v1/query", query="up"), "Prometheus answers")
        config = write_config(
            tmp_path,
            [
                {"name": name, "url": f"file:{clip}", "loop": True, "inhibited_by": [name]}
                for name in signals
            ],
            signals=[
                {
                    "name": name,
                    "prometheus": f"http://127.0.0.1:{ports[name]}",
                    "query": query,
                    "every": "1s",
                    "timeout": "5s",
                }
                for name, query in signals.items()
            ],
        )
        with running_daemon(config) as daemon:
            wait_for(lambda: daemon.value("signal_active", signal="on") == 1, "the signal is on")
            wait_for(
                lambda: daemon.value("rule_active", camera="on", alert="fire") == 0,
                "its rule does not hold",
            )
            wait_for(
                lambda: all(fires(daemon, name) for name in ("off", "wrong", "dead")),
                "fire elsewhere",
            )
            assert daemon.value("signal_up", signal="off") == 1
            assert daemon.value("signal_up", signal="wrong") == 0
            assert daemon.value("signal_up", signal="dead") == 0
            assert daemon.logged("signal_unknown", "wrong", "parse error")
            assert daemon.ready()
            client.post("/-/quit")
            wait_for(
                lambda: daemon.value("signal_up", signal="on") == 0, "it is not known any more"
            )
            wait_for(
                lambda: fires(daemon, "on"), "nothing is inhibited by a signal that is unknown"
            )
            assert "is not known and counts as off" in daemon.page("/")[1]
