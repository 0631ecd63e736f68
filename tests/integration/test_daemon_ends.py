"""How the daemon's process starts, ends, and tells of a fault that lets it do neither."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.clips import green_scene, make_clip
from tests.support.daemon import running_daemon, wait_for, write_config


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "yard.mp4", green_scene(), seconds=3)


def configured(folder: Path, clip: Path, **settings: object) -> Path:
    cameras = [{"name": "yard", "url": f"file:{clip}", "loop": True}]
    return write_config(folder, cameras, **settings)


def refused(config: Path) -> tuple[int, list[str]]:
    """Exit code and lines of a daemon that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "run", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def test_a_stop_of_the_whole_group_loses_no_worker(tmp_path: Path, clip: Path) -> None:
    config = configured(tmp_path, clip)
    command = ("setsid", sys.executable, "-m", "monitor")
    with running_daemon(config, command=command) as daemon:
        wait_for(lambda: daemon.scores("yard"), "the camera is scored")
        group = os.getpgid(daemon.process.pid)
        assert group != os.getpgid(0)
        assert daemon.workers()
        os.killpg(group, signal.SIGTERM)
        assert daemon.process.wait(timeout=20) == 0
        assert daemon.logged('"stopped"')
        assert not daemon.logged('"worker_lost"')


def test_a_watchdog_that_is_too_short_for_a_slow_batch_is_warned_of(
    tmp_path: Path, clip: Path
) -> None:
    config = configured(tmp_path, clip)
    with running_daemon(config, environ={"WATCHDOG_USEC": "2000000"}) as daemon:
        daemon.wait_logged('"watchdog_short"', '"warning"', "WatchdogSec=13")


def test_a_fatal_fault_is_in_the_form_of_the_log(tmp_path: Path, clip: Path) -> None:
    config = configured(tmp_path, clip, log={"format": "json"})
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["inference"]["bundle"] = str(tmp_path / "nowhere")
    document["decision"] = {"clear_ratio": 7}
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    code, lines = refused(config)
    told = [json.loads(line) for line in lines]
    assert code == 2
    assert {line["key"] for line in told} == {"decision.clear_ratio", "inference.bundle"}
    for line in told:
        assert line["event"] == "start_failed"
        assert line["level"] == "critical"
        assert line["file"] == str(config)


def test_a_fatal_fault_is_plain_where_the_log_is_for_people(tmp_path: Path, clip: Path) -> None:
    config = configured(tmp_path, clip, decision={"clear_ratio": 7})
    code, lines = refused(config)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"{config}:")


def test_a_fault_after_the_settings_were_read_is_in_the_log_too(tmp_path: Path, clip: Path) -> None:
    config = configured(tmp_path, clip, log={"format": "json"})
    with running_daemon(config):
        code, lines = refused(config)
    told = [json.loads(line) for line in lines]
    assert code == 2
    assert "is in use by another daemon" in told[-1]["error"]
