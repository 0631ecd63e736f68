"""Each fault of a camera and its network, caused on a real stream under a real daemon.

Each test sees the fault named in metrics and log, the camera scored again, no score in between, and
the alert of before still firing (:meth:`tests.support.fault_site.Site.fails`). What befalls cameras
of their own befalls them at the same time, as it does where many hang on one network: most of a
fault is waiting.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.support.daemon import running_daemon, wait_for, write_config
from tests.support.fault_proxy import FaultProxy
from tests.support.fault_site import BACK_OFF_SECONDS, BACK_SECONDS, RULES, Site, busy, camera, now
from tests.support.rtsp import RtspServer, rtsp_server
from tests.support.score_watch import ScoreWatch

pytestmark = pytest.mark.debian

RELOAD_SECONDS = 6.0
"""From a reload until a camera with new settings is scored."""

LINE_FAULTS: dict[str, tuple[Callable[[FaultProxy], object], tuple[str, ...]]] = {
    "refused": (FaultProxy.refuse, ("refused",)),
    "unreachable": (FaultProxy.vanish, ("unreachable",)),
    "mute": (FaultProxy.mute, ("stall",)),
    "stall": (lambda line: line.set(stall_down=True, stall_up=True), ("stall",)),
    "one-way": (lambda line: line.set(stall_down=True), ("stall",)),
    "half-open": (FaultProxy.half_open, ("stall",)),
    "narrow": (lambda line: line.set(bytes_per_second=200), ("stall",)),
    "keyless": (lambda line: line.set(lose_key_frames=True), ("stall",)),
    "corrupt": (lambda line: line.set(corrupt=1.0), ("stall", "decode", "ended")),
    "truncated": (lambda line: line.set(truncate=1.0), ("stall", "decode", "ended")),
    "lossy": (lambda line: line.set(lose=0.97), ("stall", "decode", "ended")),
}
"""What is done to a line, and the reasons of which one must be named."""


def line_fails(name: str, site: Site) -> None:
    line = site.proxies[name]
    cause, reasons = LINE_FAULTS[name]
    _, recovery = site.fails(name, lambda: cause(line), *reasons, cure=line.heal)
    timeout = 2.0  # of a try that is under way when the line heals
    assert recovery < BACK_OFF_SECONDS + timeout + BACK_SECONDS * busy()


def connection_breaks(name: str, kind: str, site: Site) -> None:
    line = site.proxies[name]
    _, recovery = site.fails(name, lambda: line.cut(kind), "ended", cure=lambda: None)  # type: ignore[arg-type] # its words
    assert recovery < 2.0 + BACK_SECONDS * busy()


def line_is_late(site: Site) -> None:
    site.healthy("delay")
    line = site.proxies["delay"]
    line.set(delay_seconds=1.5)
    begin = now()
    scored = site.watch.last("delay").scored
    site.watch.wait("delay", lambda s: s.scored > scored + 6, "is scored through the delay")
    line.heal()
    site.stays_scored("delay", begin, gap_seconds=4.0 * busy())


def stamps_jump(site: Site) -> None:
    site.healthy("stamps")
    begin = now()
    line = site.proxies["stamps"]
    for shift in (3600.0, -7200.0, 40_000.0, 0.0):
        line.set(shift_stamps_seconds=shift)
        scored = site.watch.last("stamps").scored
        site.watch.wait("stamps", lambda s, n=scored: s.scored > n + 3, "is scored on")  # type: ignore[misc] # bound now
    line.heal()
    site.stays_scored("stamps", begin, gap_seconds=1.0 + busy())


def key_frames_are_rare(site: Site) -> None:
    site.healthy("long")
    begin = now()
    wanted, seconds = site.watch.last("long").scored + 10, 10 * busy()
    site.watch.wait("long", lambda s: s.scored > wanted, "is scored at its rate", seconds=seconds)
    site.stays_scored("long", begin, gap_seconds=1.0 + busy())


def size_changes(site: Site) -> None:
    site.healthy("sizes")
    begin = now()
    scored = site.watch.last("sizes").scored
    site.watch.wait("sizes", lambda s: s.scored > scored + 26, "is scored on", seconds=40)
    site.stays_scored("sizes", begin, gap_seconds=1.0 + busy())
    assert site.daemon.total("camera_reconnects_total", camera="sizes") == 0


FATES: dict[str, Callable[[Site], None]] = {
    **{name: partial(line_fails, name) for name in LINE_FAULTS},
    "reset": partial(connection_breaks, "reset", "reset"),
    "ended": partial(connection_breaks, "ended", "end"),
    "delay": line_is_late,
    "stamps": stamps_jump,
    "long": key_frames_are_rare,
    "sizes": size_changes,
}
"""What befalls each camera that has a fate of its own, by its name."""


def reconnects_fifty_times(folder: Path, clip: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(rtsp_server({"/fire": clip}))
        line = FaultProxy(server.port)
        stack.callback(line.close)
        config = write_config(
            folder, [camera("storm", line.url("/fire"))], ingest={"max_back_off": "100ms"}
        )
        daemon = stack.enter_context(running_daemon(config))
        watch = stack.enter_context(ScoreWatch(daemon.url))
        watch.wait("storm", lambda s: bool(s.scores), "is scored")
        assert daemon.total("camera_up", camera="storm") == 1  # from here on it is connected to us
        files, threads = daemon.open_files(), daemon.threads()
        wanted = line.connections + 50
        pause = threading.Event()
        while line.connections < wanted:
            line.cut()
            pause.wait(0.1)
        watch.wait("storm", lambda s: bool(s.scores) and s.up, "is scored again", since=now())
        assert daemon.total("camera_reconnects_total", camera="storm") >= 25
        wait_for(lambda: daemon.open_files() <= files, f"no more than {files} descriptors are left")
        wait_for(lambda: daemon.threads() <= threads, "no thread is left behind")
        told = sum('"camera_down"' in line for line in daemon.log.splitlines())
        assert told < 10, "a fault that repeats is told ever less often"


def password_is_wrong(folder: Path, clip: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(rtsp_server({"/fire": clip}, user="viewer", password="right"))
        line = FaultProxy(server.port)
        stack.callback(line.close)
        guarded = camera("guarded", line.url("/fire"))
        guarded["credentials"] = {"username": "viewer", "password": "wrong"}
        config = write_config(folder, [guarded], rules=RULES)
        daemon = stack.enter_context(running_daemon(config))
        watch = stack.enter_context(ScoreWatch(daemon.url))
        guarded_site = Site(daemon, watch, config)
        watch.wait("guarded", lambda s: s.reason == "auth", "401 is named")
        wait_for(lambda: daemon.logged('"camera_down"', '"auth"', "(401)"), "the log says 401")
        daemon.wait_logged('"camera_down"', "30 s")  # how slowly it is tried
        tried = line.connections
        threading.Event().wait(8.0)  # at the usual pace there would be three more by now
        assert line.connections == tried
        blind = watch.last("guarded")
        assert not any(s.scores for s in watch.sights["guarded"])
        document = yaml.safe_load(config.read_text(encoding="utf-8"))
        document["cameras"][0]["credentials"]["password"] = "right"
        config.write_text(yaml.safe_dump(document), encoding="utf-8")
        began = now()
        daemon.reload()
        assert guarded_site.back("guarded", blind).at - began < RELOAD_SECONDS * busy()


APART: dict[str, Callable[[Path, Path], None]] = {
    "storm": reconnects_fifty_times,
    "guarded": password_is_wrong,
}
"""What needs a daemon of its own."""


@pytest.fixture(scope="module")
def fates(
    site: Site, clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[None]]]:
    """All of them, under way; each ends with its camera's promise kept, or raises.

    Those apart come when the first of the others are through: not all daemons start at once.
    """
    with ThreadPoolExecutor(len(FATES)) as pool:
        yield {
            **{name: pool.submit(fate, site) for name, fate in FATES.items()},
            **{
                name: pool.submit(fate, tmp_path_factory.mktemp(name), clips["fire"])
                for name, fate in APART.items()
            },
        }


@pytest.mark.parametrize("name", LINE_FAULTS)
def test_fault_of_a_line_is_named_and_the_camera_comes_back(
    fates: Mapping[str, Future[None]], name: str
) -> None:
    fates[name].result()


@pytest.mark.parametrize("name", ["reset", "ended"])
def test_broken_connection_is_made_anew_within_the_first_back_off(
    fates: Mapping[str, Future[None]], name: str
) -> None:
    fates[name].result()


def test_delay_makes_pictures_late_and_nothing_else(fates: Mapping[str, Future[None]]) -> None:
    fates["delay"].result()


def test_time_stamps_that_jump_are_not_believed(fates: Mapping[str, Future[None]]) -> None:
    fates["stamps"].result()


def test_key_frames_twenty_seconds_apart_do_not_blind_a_camera(
    fates: Mapping[str, Future[None]],
) -> None:
    fates["long"].result()


def test_size_that_changes_within_a_stream_is_followed(fates: Mapping[str, Future[None]]) -> None:
    fates["sizes"].result()


def test_h265_is_scored_as_h264_is(site: Site) -> None:
    assert site.healthy("hevc").scores["fire"] > 0.9


def test_restart_of_a_server_is_survived_within_back_off_and_three_seconds(site: Site) -> None:
    side = site.servers["side"]
    _, recovery = site.fails(
        "view", side.kill, "refused", "ended", cure=side.start, fault="server restart"
    )
    assert recovery < BACK_OFF_SECONDS + BACK_SECONDS * busy()


@pytest.mark.parametrize("clip", ["large", "hevc", "fast"])
def test_change_of_size_codec_or_rate_is_followed(site: Site, clip: str, tmp_path: Path) -> None:
    side = site.servers["side"]
    other = RtspServer({"/view": site.clips[clip]}, tmp_path, port=side.port)
    try:
        _, recovery = site.fails(
            "view",
            side.kill,
            "refused",
            "ended",
            cure=other.start,
            fault=f"change to {clip}",
        )
        assert recovery < BACK_OFF_SECONDS + BACK_SECONDS * busy()
    finally:
        other.kill()
        side.start()
    site.healthy("view", since=now())


def test_path_that_is_not_there_is_named_and_found_once_it_is(site: Site, tmp_path: Path) -> None:
    since = now()
    site.watch.wait("elsewhere", lambda s: s.reason == "not_found", "404 is named", since=since)
    site.daemon.wait_logged('"camera_down"', '"elsewhere"', '"not_found"', "(404)")
    blind = site.watch.last("elsewhere")
    assert not any(s.scores for s in site.watch.sights["elsewhere"])
    side = site.servers["side"]
    both = {"/view": site.clips["fire"], "/new": site.clips["fire"]}
    other = RtspServer(both, tmp_path, port=side.port)
    side.kill()
    try:
        began = now()
        other.start()
        back = site.back("elsewhere", blind)
        assert (
            back.at - began < BACK_OFF_SECONDS + BACK_SECONDS * busy() + 2.0
        )  # the server's own start
    finally:
        other.kill()
        side.start()
    site.healthy("view", since=now())


def test_name_without_an_address_is_named_and_a_reload_mends_it(site: Site) -> None:
    site.watch.wait("nameless", lambda s: s.reason == "dns", "the name server's no is named")
    site.daemon.wait_logged('"camera_down"', '"nameless"', '"dns"')
    blind = site.watch.last("nameless")
    assert not any(s.scores for s in site.watch.sights["nameless"])
    document = yaml.safe_load(site.config.read_text(encoding="utf-8"))
    for entry in document["cameras"]:
        if entry["name"] == "nameless":
            entry["url"] = site.servers["main"].url("/fire")
    site.config.write_text(yaml.safe_dump(document), encoding="utf-8")
    began = now()
    site.daemon.reload()
    assert site.back("nameless", blind).at - began < RELOAD_SECONDS * busy()


def test_fifty_reconnects_in_a_row_leave_nothing_behind(fates: Mapping[str, Future[None]]) -> None:
    fates["storm"].result()


def test_wrong_password_is_tried_slowly_and_the_log_says_so(
    fates: Mapping[str, Future[None]],
) -> None:
    fates["guarded"].result()
