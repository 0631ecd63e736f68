"""A damaged store and a full disk, under a daemon that watches a real stream: watching goes on."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, running_daemon, wait_for, write_config
from tests.support.fault_proxy import FaultProxy
from tests.support.fault_site import FIRING, RULES, camera
from tests.support.rtsp import rtsp_server
from tests.support.score_watch import ScoreWatch

pytestmark = pytest.mark.debian

FULL_BYTES = 1
"""The most that a file may hold on the disk that is full."""


@contextmanager
def burning(folder: Path, clips: dict[str, Path]) -> Iterator[tuple[Path, FaultProxy]]:
    """The configuration of one camera that shows a fire, and its line."""
    with ExitStack() as stack:
        server = stack.enter_context(rtsp_server({"/fire": clips["fire"]}))
        line = FaultProxy(server.port)
        stack.callback(line.close)
        yield write_config(folder, [camera("yard", line.url("/fire"))], rules=RULES), line


def fires(daemon: Daemon) -> bool:
    return daemon.value("alert_state", camera="yard", alert="fire") == FIRING


@pytest.mark.parametrize("damage", ["garbage", "cut off"])
def test_damaged_store_is_set_aside_and_the_fire_is_found_anew(
    damage: str, tmp_path: Path, clips: dict[str, Path]
) -> None:
    with burning(tmp_path, clips) as (config, _):
        with running_daemon(config) as daemon:
            wait_for(lambda: fires(daemon), "the alert fires")
            daemon.stop()
        store = tmp_path / "state" / "events.db"
        for log in store.parent.glob("events.db-*"):
            log.unlink()
        whole = store.read_bytes()
        store.write_bytes(os.urandom(len(whole)) if damage == "garbage" else whole[:5000])
        with running_daemon(config) as daemon:
            daemon.wait_logged('"store_set_aside"', "was damaged")
            assert (daemon.value("store_failures_total", operation="read") or 0) >= 1
            assert daemon.value("store_up") == 1
            wait_for(lambda: fires(daemon), "the fire is found by its pictures")
            assert list(store.parent.glob("events.db.corrupt-*"))


def test_full_disk_stops_no_alert_and_is_caught_up_with_once_there_is_room(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    """The limit on the size of files stands for the full disk: writing fails in the same call."""
    with burning(tmp_path, clips) as (config, line):
        line.refuse()  # nothing to see yet
        with running_daemon(config) as daemon, ScoreWatch(daemon.url) as watch:
            pid = daemon.process.pid
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
            line.heal()
            wait_for(lambda: fires(daemon), "the alert fires all the same")
            wait_for(lambda: daemon.value("store_up") == 0, "the metric says so")
            assert (daemon.value("store_waiting_transitions") or 0) >= 1
            assert (daemon.value("store_failures_total", operation="write") or 0) >= 1
            assert daemon.ready(), "a full disk is no reason not to watch"
            assert watch.last("yard").scores
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
            wait_for(lambda: daemon.value("store_up") == 1, "it is written once there is room")
            assert daemon.value("store_waiting_transitions") == 0
            daemon.kill()
        with running_daemon(config) as daemon:
            assert fires(daemon), "what was caught up with is known after a crash"
