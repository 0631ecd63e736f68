"""The demo on clips that the tiny bundle knows; tests/test_demo_footage.py has what ships."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from monitor.demo import run_demo, write_config
from monitor.demo_daemon import tell
from monitor.errors import ConfigError
from tests.support.clips import green_scene, grey_scene, make_clip, red_scene
from tests.support.daemon import wait_for
from tests.support.daemon import write_config as write_any_config

DONE = re.compile(
    r"Done: fire and smoke fired and were read back from http://127\.0\.0\.1:\d+/metrics"
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    scenes = {"fire": red_scene(), "smoke": grey_scene(), "quiet": green_scene()}
    return {name: make_clip(folder / f"{name}.mp4", s, seconds=6) for name, s in scenes.items()}


def config_of(folder: Path, clips: dict[str, Path], *names: str, **settings: Any) -> Path:
    cameras = [{"name": f"cam-{n}", "url": f"file:{clips[n]}", "loop": True} for n in names]
    return write_any_config(folder, cameras, **settings)


def console(terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=140, force_terminal=terminal, color_system=None, _environ={}
    )


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_both_alerts_are_read_back_and_the_daemon_is_gone(
    tmp_path: Path, clips: dict[str, Path], terminal: bool
) -> None:
    config = config_of(tmp_path, clips, "fire", "smoke", "quiet")
    screen = console(terminal)
    assert run_demo(False, config=config, console=screen, time_limit_seconds=60) == 0
    text = shown(screen)
    assert DONE.search(text)
    if not terminal:
        assert len(re.findall(r"the daemon listens on http://127\.0\.0\.1:[1-9]\d*/\n", text)) == 1
    assert "fire at cam-fire, smoke at cam-smoke" in text
    assert "fire FIRING at cam-fire" in text
    assert "cam-quiet" in text
    port = yaml.safe_load(config.read_text(encoding="utf-8"))["listen"].rpartition(":")[2]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0
    assert not (tmp_path / "state").exists()


def test_without_smoke_it_fails_and_says_what_it_saw(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    screen = console()
    config = config_of(tmp_path, clips, "fire", "quiet")
    assert run_demo(False, config=config, console=screen, time_limit_seconds=12) == 1
    assert re.search(
        r"Failed: no smoke alert fired; the highest smoke score was 0\.\d\d within 12 s",
        shown(screen),
    )
    assert '"started"' in shown(screen), "the end of the log is shown"


def test_a_daemon_that_ends_is_told_with_its_last_words(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    config = config_of(tmp_path, clips, "fire")
    (tmp_path / "bundle" / "labels.txt").write_text("other\n", encoding="utf-8")
    screen = console()
    assert run_demo(False, config=config, console=screen) == 1
    assert "the daemon ended by itself with exit code" in shown(screen)
    assert "labels.txt" in shown(screen)


def test_an_address_in_use_is_one_sentence_with_the_cure(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = config_of(tmp_path, clips, "fire")
        with pytest.raises(ConfigError, match=rf"{address} is in use .*demo --listen") as caught:
            run_demo(False, listen=address, config=config, console=console())
    assert "\n" not in str(caught.value)


def test_the_command_takes_another_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "demo", "--listen", address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert f"{address} is in use" in done.stderr


def test_a_proxy_of_the_environment_is_not_asked_for_the_daemon(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    config = config_of(tmp_path, clips, "fire", "smoke")
    screen = console()
    assert run_demo(False, config=config, console=screen, time_limit_seconds=60) == 0, shown(screen)


def test_the_configuration_that_ships_runs_from_any_folder(tmp_path: Path) -> None:
    source = Path(__file__).resolve().parents[1] / "config" / "demo.yaml"
    written = write_config(source, tmp_path, "127.0.0.1:0")
    document = yaml.safe_load(written.read_text(encoding="utf-8"))
    assert document["state_dir"] == str(tmp_path / "state")
    assert [camera["name"] for camera in document["cameras"]] == ["warehouse", "yard", "gate"]
    for camera in document["cameras"]:
        assert Path(camera["url"].removeprefix("file:")).is_file()
        assert camera["loop"] is True


def _kept_demo(folder: Path, config: Path) -> "subprocess.Popen[bytes]":
    code = (
        "import sys\nfrom pathlib import Path\nfrom monitor.demo import run_demo\n"
        f"sys.exit(run_demo(True, config=Path({str(config)!r})))"
    )
    with (folder / "out").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder)},
        )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_kept_demo_goes_on_until_it_is_stopped_and_takes_its_daemon_along(
    tmp_path: Path, clips: dict[str, Path], number: signal.Signals, code: int
) -> None:
    config = config_of(tmp_path, clips, "fire", "smoke")
    process = _kept_demo(tmp_path, config)
    try:
        out = tmp_path / "out"
        wait_for(
            lambda: (
                "cam-smoke: up; ok; fire 0" in out.read_text() and "smoke FIRING" in out.read_text()
            ),
            "it runs",
            60,
        )
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=30) == code
    finally:
        process.kill()
        process.wait()
    port = yaml.safe_load(config.read_text(encoding="utf-8"))["listen"].rpartition(":")[2]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0
    assert not list(tmp_path.glob("emberwatch-demo-*")), "its folder is gone"
    assert "Traceback" not in out.read_text(encoding="utf-8")


def test_log_events_are_told_for_people() -> None:
    at = {"timestamp": "2026-03-11T18:42:16.1Z", "level": "info"}
    resolved = {
        "event": "alert_resolved",
        "alert": "fire",
        "camera": "dock",
        "score": 0.2,
        "threshold": 0.6,
    }
    assert tell(at | resolved) == "18:42:16 fire resolved at dock: 0.20 against 0.6"
    down = {"event": "camera_down", "camera": "dock", "reason": "refused"}
    assert tell(at | down) == "18:42:16 camera dock down: reason refused"
    assert tell({"event": "stopped"}) == " stopped"
