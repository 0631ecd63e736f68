"""The status view of a running daemon."""

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from monitor.daemon_client import DaemonAddress
from monitor.decision.state import AlertState
from monitor.readings import CameraReading, Reading, ReadingError, SinkReading
from monitor.status import status
from monitor.status_faults import fault_lines
from monitor.status_table import line, table
from scripts.status_picture import picture
from tests.support.clips import make_clip, red_scene
from tests.support.daemon import free_port, running_daemon, wait_for, write_config

FIRING = CameraReading(
    "dock",
    up=True,
    health="ok",
    age_seconds=0.4,
    stale_after_seconds=15.0,
    scores={"fire": 0.97, "smoke": 0.02, "misc": 0.01},
    alerts={"fire": AlertState.FIRING, "smoke": AlertState.INACTIVE},
)
REFUSED = CameraReading("hall", reason="refused", alerts={"fire": AlertState.INACTIVE})
STALE = CameraReading("gate", up=True, health="ok", age_seconds=80.0, stale_after_seconds=15.0)
STARTING = CameraReading("yard")


def drawn(*cameras: CameraReading, labels: tuple[str, ...] = ("fire", "smoke", "misc")) -> str:
    console = Console(file=io.StringIO(), width=140, record=True)
    console.print(table(Reading("http://127.0.0.1:9108", cameras, "1.0", "openvino", "", labels)))
    return console.export_text()


def row(text: str, camera: str) -> str:
    return next(line for line in text.splitlines() if f" {camera} " in line)


def test_the_table_tells_what_fires_and_what_is_not_watched() -> None:
    text = drawn(FIRING, REFUSED, STALE, STARTING)
    assert "1/4 watched" in text
    assert "1 firing" in text
    assert "fire FIRING" in row(text, "dock")
    assert "0.97" in row(text, "dock")
    assert "refused" in row(text, "hall")
    assert "stale" in row(text, "gate")
    assert "starting" in row(text, "yard")
    assert all("unknown" in row(text, camera) for camera in ("hall", "gate", "yard"))


def test_scores_stand_in_the_models_order_and_in_any_while_it_is_unknown() -> None:
    header = drawn(FIRING, labels=("misc", "fire", "smoke")).splitlines()[2]
    assert header.index("Misc") < header.index("Fire") < header.index("Smoke")
    assert "Fire" in drawn(FIRING, labels=())


@pytest.mark.parametrize("score", [0.0, 1e-9, 0.05, 0.5, 0.999, 1.0])
def test_every_score_has_a_bar_of_the_same_width(score: float) -> None:
    one = CameraReading("dock", up=True, health="ok", age_seconds=0, scores={"fire": score})
    lines = {len(part) for part in drawn(one, labels=("fire",)).splitlines()[1:]}
    assert len(lines) == 1


@pytest.mark.parametrize("width", [60, 70, 80, 100, 110, 130, 140])
def test_what_decides_is_whole_on_every_terminal(width: int) -> None:
    """The worst that a table of three labels has to carry; names give way."""
    burning = replace(
        FIRING,
        name="a-camera-with-a-long-name",
        alerts={"fire": AlertState.FIRING, "smoke": AlertState.PENDING},
        silenced=frozenset({"fire"}),
    )
    dark = replace(FIRING, name="dark", health="dark", alerts={})
    cameras = (burning, REFUSED, STALE, dark, replace(FIRING, name="slow", sampling_ratio=0.4))
    console = Console(file=io.StringIO(), width=width, record=True)
    labels = ("fire", "smoke", "misc")
    console.print(table(Reading("http://127.0.0.1:9108", cameras, "1.0", labels=labels), width))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for word in ("fire FIRING silenced", "smoke pending", "Smoke", "0.97", "0.02", "dark"):
        assert word in text
    if width >= 80:
        assert "40% of its rate" in text
        assert text.count("…") <= 1


def test_a_picture_of_before_a_fault_is_not_said_to_be_well() -> None:
    gone = replace(REFUSED, health="ok")
    assert " ok " not in row(drawn(gone), "hall")
    assert " ok " not in row(drawn(STALE), "gate")
    assert line(gone) == "hall: down (refused); no score; not watched"
    assert line(STALE) == "gate: stale (80 s old); no score; not watched"


def test_what_is_wrong_beside_the_cameras_is_a_line_each() -> None:
    camera = replace(FIRING, silenced=frozenset({"fire", "smoke"}))
    reading = Reading(
        "http://127.0.0.1:9108",
        (camera,),
        engine="openvino",
        sinks=(
            SinkReading("mail", up=False, waiting=2, oldest_seconds=45.0),
            SinkReading("page", up=False),
            SinkReading("mqtt", waiting=1, oldest_seconds=300.0),
            SinkReading("journal", waiting=1, oldest_seconds=59.0),
        ),
        store_up=False,
        evidence_up=False,
        reload_successful=False,
    )
    told = list(fault_lines(reading))
    assert told[:3] == [
        "sink 'mail' cannot send: 2 deliveries wait, the oldest for 45 s",
        "sink 'page' cannot send",
        "sink 'mqtt' is late: 1 delivery waits, the oldest for 5 min",
    ]
    assert "event store cannot be written" in told[3]
    assert "pictures and clips" in told[4]
    assert "last reload was refused" in told[5]
    assert told[6:] == ["silenced: dock (fire, smoke)"]
    console = Console(file=io.StringIO(), width=140, record=True)
    console.print(table(reading, 140))
    text = console.export_text()
    assert all(one in text for one in told)
    assert "1 firing (1 silenced)" in text
    assert line(camera).endswith("; fire FIRING silenced")
    well = Reading("http://127.0.0.1:9108", (FIRING,), engine="openvino")
    assert list(fault_lines(well)) == []
    assert list(fault_lines(replace(well, engine="", store_up=False))) == [], "it starts"


@pytest.mark.parametrize("width", [80, 90, 110, 200])
def test_the_table_fits_its_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(table(Reading("http://127.0.0.1:9108", (FIRING, STALE)), console.width))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "fire FIRING" in text


def test_plain_lines_say_the_same() -> None:
    assert line(FIRING) == "dock: up; ok; fire 0.97 smoke 0.02 misc 0.01; fire FIRING"
    assert line(REFUSED) == "hall: down (refused); no score; not watched"
    assert line(STARTING) == "yard: down (starting); no score; not watched"


def test_a_camera_without_a_frame_is_not_watched() -> None:
    assert not CameraReading("dock", up=True, health="", age_seconds=math.nan).watched


def test_nobody_there_is_one_sentence_with_the_cure() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ReadingError, match=f"{url}: no daemon answers there .*emberwatch run"):
        status(DaemonAddress(url), once=True)


def test_a_running_daemon_is_shown(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=6)
    camera = {"name": "dock", "url": f"file:{clip}", "loop": True}
    with running_daemon(write_config(tmp_path, [camera])) as daemon:
        wait_for(lambda: daemon.value("alerts_total", camera="dock", alert="fire"), "it fires")
        plain = Console(file=io.StringIO(), width=140)
        assert status(DaemonAddress(daemon.url), once=False, console=plain) == 0
        terminal = Console(file=io.StringIO(), width=140, force_terminal=True, color_system=None)
        assert status(DaemonAddress(daemon.url), once=True, console=terminal) == 0
    assert isinstance(plain.file, io.StringIO)
    assert isinstance(terminal.file, io.StringIO)
    assert "dock: up; ok; " in plain.file.getvalue()
    assert "fire FIRING" in plain.file.getvalue()
    assert "1/1 watched" in terminal.file.getvalue()


def test_the_picture_for_the_readme_needs_nothing_from_elsewhere() -> None:
    svg = picture(Reading("http://127.0.0.1:9108", (FIRING, STALE), "1.0", "openvino", "CPU"))
    assert svg.startswith("<svg")
    assert "FIRING" in svg
    assert "url(http" not in svg
    assert "@font-face" not in svg


def test_what_is_wrong_is_said_where_no_terminal_is_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = Reading("http://127.0.0.1:9108", (FIRING,), sinks=(SinkReading("mail", up=False),))
    monkeypatch.setattr("monitor.status.fetch", lambda _client, _base: reading)
    plain = Console(file=io.StringIO(), width=40)
    assert status(DaemonAddress(reading.url), once=True, console=plain) == 0
    assert isinstance(plain.file, io.StringIO)
    assert plain.file.getvalue().splitlines() == ["sink 'mail' cannot send", line(FIRING)]
