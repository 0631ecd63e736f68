"""Workers that are killed, stopped or hang, frozen pictures, and a clock that is set."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.clips import Picture, make_clip, red_scene
from tests.support.daemon import running_daemon, wait_for, write_config
from tests.support.fault_proxy import FaultProxy
from tests.support.fault_site import MEASURED, RULES, TIMEOUTS, Site, busy, camera, now
from tests.support.rtsp import rtsp_server
from tests.support.score_watch import ScoreWatch, Sight

pytestmark = pytest.mark.debian

RESUMED_SECONDS = {"worker_lost": 3.0, "hang": 8.0}
"""The cameras of a worker that died, or was found hanging and killed, are read again within this
time. A stopped worker leaves its camera a connection that is still open: the new one takes longer
(4.6 s measured)."""
SIZE = (320, 240)


def burnt_in(picture: Picture, index: int) -> Picture:
    """The picture with a clock that runs, as cameras write theirs: 19 characters at the top."""
    shown = picture.copy()
    shown[8:20, 8:122] = 0
    for place in range(19):
        # All stand still but the seconds.
        lit = np.random.default_rng(place if place < 17 else 1000 + place + index // 10)
        character = np.kron(lit.integers(0, 2, (4, 2)), np.ones((3, 3))).astype(np.uint8) * 255
        shown[8:20, 8 + 6 * place : 14 + 6 * place] = character[..., None]
    return shown


def alive(index: int) -> Picture:
    """A scene with sensor noise, and the time in it."""
    return burnt_in(red_scene(SIZE)(index), index)


def frozen(index: int) -> Picture:
    """One picture; the time in it goes on."""
    return burnt_in(red_scene(SIZE)(0), index)


@pytest.fixture(scope="module")
def workers_site(
    clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "clock").write_text("0")
    (folder / "hang").write_text("")
    with ExitStack() as stack:
        server = stack.enter_context(rtsp_server({"/fire": clips["fire"]}))
        servers = {"main": server}
        for scene in (alive, frozen):
            clip = make_clip(
                folder / f"{scene.__name__}.mp4", scene,
                seconds=20, fps=10, gop=10, bit_rate=1_000_000,
            )  # fmt: skip
            servers[scene.__name__] = stack.enter_context(rtsp_server({"/view": clip}))
        line = FaultProxy(servers["alive"].port)
        stack.callback(line.close)
        names = ("one", "two", "three", "four")
        cameras = [camera(name, server.url("/fire")) for name in names]
        cameras.append(camera("frozen", line.url("/view")))
        ingest = TIMEOUTS | {"workers": 2}
        config = write_config(folder, cameras, ingest=ingest, rules=RULES)
        command = (sys.executable, "-m", "tests.support.rigged_daemon", str(folder))
        daemon = stack.enter_context(running_daemon(config, command=command))
        watch = stack.enter_context(ScoreWatch(daemon.url))
        shared = Site(daemon, watch, config, {"frozen": line}, servers, clips)
        yield shared
        shared.write_measured(MEASURED)


def lost_by(site: Site, reason: str, before: dict[str, float]) -> set[str]:
    """The cameras whose worker was lost since."""
    return {name for name, count in before.items() if lost(site, name, reason) > count}


def lost(site: Site, name: str, reason: str) -> float:
    return site.daemon.total("camera_reconnects_total", camera=name, reason=reason)


def scored_after(site: Site, name: str, begin: float) -> Sight:
    """The first sight of a score newer than ``begin``."""
    return site.watch.wait(
        name,
        lambda s: bool(s.scores) and s.at - s.age_seconds > begin,
        "is scored",
        since=begin,
    )


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "worker_lost"), (signal.SIGSEGV, "worker_lost"), (signal.SIGSTOP, "hang")],
)
def test_lost_worker_costs_its_cameras_seconds_and_the_others_nothing(
    workers_site: Site, number: signal.Signals, reason: str
) -> None:
    site, names = workers_site, ("one", "two", "three", "four")
    for name in names:
        site.healthy(name)
    before = {name: lost(site, name, reason) for name in names}
    slow = busy()
    began = now()
    os.kill(site.daemon.workers()[0], number)
    wait_for(lambda: lost_by(site, reason, before), "the loss is counted", 40)
    gone = lost_by(site, reason, before)  # again: each camera is asked for by a scrape of its own
    told = now()
    site.daemon.wait_logged('"worker_lost"', f'"{reason}"')
    assert 0 < len(gone) < len(names)
    for name in gone:
        back = scored_after(site, name, told)
        assert back.at - told < RESUMED_SECONDS[reason] * slow
        seen = site.watch.between(name, began, back.at)
        assert not [s for s in seen if s.scores and s.blind]
        assert all(s.alerts == back.alerts for s in seen)
        site.measured[f"worker {number.name}"] = {
            "named_seconds": round(told - began, 1),
            "recovery_seconds": round(back.at - told, 1),
        }
    for name in set(names) - gone:
        site.stays_scored(name, began, gap_seconds=1.0 + slow)
    # Nobody is accused of what another program did: no camera is put apart.
    assert len(site.daemon.workers()) == 2


def test_decoder_that_hangs_is_killed_and_the_others_go_on(workers_site: Site) -> None:
    site, hang = workers_site, workers_site.config.parent / "hang"
    site.fails(
        "two",
        lambda: hang.write_text("two"),
        "hang",
        "stall",
        cure=lambda: hang.write_text(""),
        fault="decoder hangs",
    )
    wait_for(lambda: site.daemon.logged('"worker_lost"', '"hang"', '"two"'), "the log names it")
    site.healthy("four", since=now())


@pytest.mark.parametrize("hours", [-30, 30])
def test_clock_that_is_set_changes_the_stamps_and_nothing_else(
    workers_site: Site, hours: int
) -> None:
    site, clock = workers_site, workers_site.config.parent / "clock"
    site.healthy("one")
    begin = now()
    alerts = site.daemon.value("alerts_total", camera="one", alert="fire")
    clock.write_text(str(3600 * hours))
    try:
        scored = site.watch.last("one").scored
        site.watch.wait("one", lambda s: s.scored > scored + 6, "is scored on")
        stamp = site.daemon.value("last_frame_timestamp_seconds", camera="one")
        shift = (stamp or 0) - datetime.now(UTC).timestamp()
        assert abs(shift - 3600 * hours) < 60
        site.stays_scored("one", begin, gap_seconds=1.0 + busy())
        assert all(s.alerts["fire"] == 2 for s in site.watch.between("one", begin, now()))
        assert site.daemon.value("alerts_total", camera="one", alert="fire") == alerts
    finally:
        clock.write_text("0")


def test_frozen_picture_with_a_running_clock_is_found_and_stays_found(workers_site: Site) -> None:
    """Found within its time, not scored from then on, not after the loss of its worker, and not
    after a reload that changes the camera: until it moves again."""
    site, line = workers_site, workers_site.proxies["frozen"]

    def show(server: str) -> None:
        line.target_port = site.servers[server].port
        line.cut()

    def read_on() -> None:
        """Wait for pictures of whoever reads it now: that nothing is scored proves nothing else."""
        count = site.daemon.value("frames_total", camera="frozen") or 0
        wait_for(
            lambda: (site.daemon.value("frames_total", camera="frozen") or 0) >= count + 5,
            "new pictures of it come",
        )

    site.healthy("frozen")
    began = now()
    show("frozen")
    blind = site.watch.wait("frozen", lambda s: s.health == "frozen", "is found frozen", seconds=60)
    wait_for(lambda: site.daemon.logged('"camera_health"', '"frozen"'), "the log says so")
    dropped = site.daemon.value("frames_dropped_total", camera="frozen", reason="frozen") or 0

    before = lost(site, "frozen", "worker_lost")
    for pid in site.daemon.workers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: lost(site, "frozen", "worker_lost") > before, "its worker is replaced")
    read_on()

    document = yaml.safe_load(site.config.read_text(encoding="utf-8"))
    document["cameras"][-1]["fps"] = 3.0
    site.config.write_text(yaml.safe_dump(document), encoding="utf-8")
    site.daemon.reload()
    wait_for(lambda: site.daemon.value("config_reloads_total"), "the reload is done")
    read_on()
    read_on()
    now_dropped = site.daemon.value("frames_dropped_total", camera="frozen", reason="frozen") or 0
    assert now_dropped >= dropped + 10

    cured = now()
    show("alive")
    back = site.back("frozen", blind)
    assert back.health == "ok"
    site.measured["frozen picture"] = {
        "named_seconds": round(blind.at - began, 1),
        "recovery_seconds": round(back.at - cured, 1),
    }


def test_killed_daemon_leaves_no_worker_and_no_shared_memory(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    def shared() -> set[str]:
        return {path.name for path in Path("/dev/shm").glob("*emberwatch*")}

    before = shared()
    with rtsp_server({"/fire": clips["fire"]}) as server:
        config = write_config(tmp_path, [camera("yard", server.url("/fire"))], rules=RULES)
        with running_daemon(config) as daemon:
            wait_for(lambda: daemon.scores("yard"), "is scored")
            pids = daemon.workers()
            daemon.kill()
        wait_for(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "its workers are gone"
        )
    assert shared() == before
