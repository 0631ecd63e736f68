"""An engine that fails, starves, gives nonsense or hangs, on a real stream: never a score made up.

The fault is in the model's own arithmetic (:mod:`tests.support.faulty_bundles`): a blue picture
breaks it, and it is the real engine that meets the fault. Each fault has a daemon of its own, and
all run at the same time: most of it is waiting.
"""

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.daemon_state import LOOP_TIMEOUT_SECONDS
from tests.support.clips import make_clip, plain_scene
from tests.support.daemon import running_daemon, wait_for, write_config
from tests.support.fault_proxy import FaultProxy
from tests.support.fault_site import MEASURED, RULES, SMALL, Site, camera, now
from tests.support.faulty_bundles import BLUE, faulty_bundle
from tests.support.rtsp import RtspServer, rtsp_server
from tests.support.score_watch import ScoreWatch

pytestmark = pytest.mark.debian


@dataclass(slots=True)
class Watchdog:
    """The service manager's end of the notification socket."""

    listener: socket.socket

    def fed(self) -> bool:
        """Whether the watchdog was fed since the last call."""
        fed = False
        while True:
            try:
                fed |= b"WATCHDOG=1" in self.listener.recv(4096)
            except BlockingIOError:
                return fed


@pytest.fixture(scope="module")
def scenes(
    clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RtspServer]]:
    """Two servers: one shows a fire, the other what breaks the model."""
    blue = make_clip(
        tmp_path_factory.mktemp("blue") / "blue.mp4", plain_scene(BLUE, SMALL),
        seconds=6, fps=10, gop=5, bit_rate=200_000,
    )  # fmt: skip
    with (
        rtsp_server({"/view": clips["fire"]}) as fire,
        rtsp_server({"/view": blue}) as breaking,
    ):
        yield {"fire": fire, "blue": breaking}


@contextmanager
def watched(
    fault: str, folder: Path, scenes: dict[str, RtspServer]
) -> Iterator[tuple[Site, Watchdog]]:
    """A daemon with a model that has this fault, under a service manager."""
    faulty_bundle(folder / "bundle", fault)
    with ExitStack() as stack:
        line = FaultProxy(scenes["fire"].port)
        stack.callback(line.close)
        config = write_config(folder, [camera("yard", line.url("/view"))], rules=RULES)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        listener.bind(str(folder / "notify"))
        listener.setblocking(False)
        environ = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "30000000"}
        daemon = stack.enter_context(running_daemon(config, environ=environ))
        watch = stack.enter_context(ScoreWatch(daemon.url))
        yield Site(daemon, watch, config, {"yard": line}, scenes), Watchdog(listener)


def show(site: Site, scene: str) -> None:
    """What the camera sees from now on."""
    line = site.proxies["yard"]
    line.target_port = site.servers[scene].port
    line.cut()


def page(site: Site, path: str) -> tuple[int, str]:
    return site.daemon.page(path)


FAILING = {"nan": "no finite number", "exception": "reshape", "memory": "memory"}
"""Faults that the engine tells of, and a word of what it says."""


@pytest.fixture(scope="module")
def fates(
    scenes: dict[str, RtspServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[None]]]:
    """What comes of each fault, under way; each ends with all promises kept, or raises."""
    with ThreadPoolExecutor(1 + len(FAILING)) as pool:
        yield {
            "hang": pool.submit(hangs, tmp_path_factory.mktemp("hang"), scenes),
            **{
                fault: pool.submit(fails, fault, words, tmp_path_factory.mktemp(fault), scenes)
                for fault, words in FAILING.items()
            },
        }


@pytest.mark.parametrize("fault", FAILING)
def test_engine_that_fails_is_tried_twice_then_not_ready_and_its_watchdog_starves(
    fates: Mapping[str, Future[None]], fault: str
) -> None:
    fates[fault].result()


def test_engine_that_hangs_is_neither_alive_nor_ready_and_a_restart_keeps_the_alert(
    fates: Mapping[str, Future[None]],
) -> None:
    fates["hang"].result()


def fails(fault: str, words: str, folder: Path, scenes: dict[str, RtspServer]) -> None:
    with watched(fault, folder, scenes) as (site, watchdog):
        site.healthy("yard")
        assert watchdog.fed()
        began = now()
        show(site, "blue")
        wait_for(lambda: site.daemon.logged('"engine_failing"', words), "the log says why")
        named = now()
        # The score is withdrawn at once, the engine named when the loop comes round.
        wait_for(lambda: "engine" in page(site, "/readyz")[1], "it says that the engine fails")
        assert page(site, "/readyz")[0] == 503
        assert page(site, "/livez")[0] == 200
        wait_for(lambda: not site.watch.last("yard").scores, "the last score is withdrawn")
        blind = site.watch.last("yard")
        watchdog.fed()
        failures = site.daemon.value("engine_failures_total") or 0
        batches = site.daemon.value("batches_total") or 0
        wait_for(lambda: (site.daemon.value("batches_total") or 0) >= batches + 4, "it is tried on")
        # One batch may have been under way between the two scrapes.
        tries = (site.daemon.value("engine_failures_total") or 0) - failures
        assert tries >= 2 * (((site.daemon.value("batches_total") or 0) - batches) - 1)
        assert not watchdog.fed()
        assert site.daemon.process.poll() is None
        assert site.daemon.value("frames_scored_total", camera="yard") == blind.scored

        cured = now()
        show(site, "fire")
        if fault == "memory":
            # OpenVINO keeps what it asked for in vain: only a new process helps, and systemd
            # starts one, because the watchdog starves.
            site.daemon.kill()
            with (
                running_daemon(site.config) as again,
                ScoreWatch(again.url) as watch,
            ):
                assert again.value("alert_state", camera="yard", alert="fire") == 2
                watch.wait("yard", lambda s: bool(s.scores), "is scored again")
        else:
            site.back("yard", blind)
            wait_for(watchdog.fed, "the watchdog is fed again")
            assert page(site, "/readyz")[0] == 200
        site.measured[f"engine {fault}"] = {
            "named_seconds": round(named - began, 1),
            "recovery_seconds": round(now() - cured, 1),
        }
        site.write_measured(MEASURED)


def hangs(folder: Path, scenes: dict[str, RtspServer]) -> None:
    with watched("hang", folder, scenes) as (site, watchdog):
        site.healthy("yard")
        began = now()
        show(site, "blue")
        wait_for(lambda: page(site, "/livez")[0] == 503, "/livez says so", 60)
        named = now()
        assert named - began > LOOP_TIMEOUT_SECONDS
        code, words = page(site, "/readyz")
        assert code == 503
        assert "loop" in words
        blind = site.watch.last("yard")
        assert not blind.scores
        assert blind.alerts == {"fire": 2}
        watchdog.fed()
        wait_for(lambda: site.watch.last("yard").at > blind.at + 2, "metrics answer all the same")
        assert not watchdog.fed()
        os.kill(site.daemon.process.pid, signal.SIGKILL)  # as systemd does, for the watchdog
        site.daemon.process.wait(10)
        cured = now()
        show(site, "fire")
        with running_daemon(site.config) as again, ScoreWatch(again.url) as watch:
            assert again.value("alert_state", camera="yard", alert="fire") == 2
            watch.wait("yard", lambda s: bool(s.scores), "is scored again")
            assert again.value("alerts_total", camera="yard", alert="fire") == 0
        site.measured["engine hang"] = {
            "named_seconds": round(named - began, 1),
            "recovery_seconds": round(now() - cured, 1),
        }
        site.write_measured(MEASURED)
