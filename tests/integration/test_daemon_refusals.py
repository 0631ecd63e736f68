"""Daemons that do not start: a sentence that names the cause, and an exit code that says whether to
try again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene, make_clip
from tests.support.daemon import Daemon, running_daemon, write_config


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "yard.mp4", green_scene(), seconds=2)


@pytest.fixture(scope="module")
def running(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Daemon]]:
    """The configuration of a daemon that runs, and the daemon."""
    config = write_config(tmp_path_factory.mktemp("running"), [camera(clip)])
    with running_daemon(config) as daemon:
        yield config, daemon


def camera(clip: Path) -> dict[str, Any]:
    return {"name": "yard", "url": f"file:{clip}", "loop": True}


def refused(config: Path, **environ: str) -> tuple[int, str]:
    """Exit code and words of a daemon that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "run", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_bundle_with_a_changed_byte_is_refused(tmp_path: Path, clip: Path) -> None:
    config = write_config(tmp_path, [camera(clip)])
    weights = tmp_path / "bundle" / "openvino" / "model.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    code, words = refused(config)
    assert code != 0
    assert "openvino/model.bin" in words


def test_a_rule_for_a_label_that_the_model_lacks_is_refused(tmp_path: Path, clip: Path) -> None:
    tiny_bundle(tmp_path / "bundle")
    config = write_config(
        tmp_path,
        [camera(clip)],
        rules=[{"name": "flood", "label": "water", "threshold": 0.5}],
    )
    code, words = refused(config)
    assert code == 2
    assert "water" in words


def test_a_port_in_use_is_named(running: tuple[Path, Daemon], tmp_path: Path) -> None:
    config, daemon = running
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["state_dir"] = str(tmp_path / "other")
    second = tmp_path / "second.yaml"
    second.write_text(yaml.safe_dump(document), encoding="utf-8")
    code, words = refused(second)
    assert code == 2
    assert daemon.url.rpartition(":")[2] in words
    assert "in use" in words


def test_a_second_daemon_on_one_state_dir_is_refused(running: tuple[Path, Daemon]) -> None:
    config, _ = running
    code, words = refused(config)
    assert code == 2
    assert "is in use by another daemon" in words


def test_a_service_manager_is_asked_to_try_an_address_again_that_may_come(
    tmp_path: Path, clip: Path
) -> None:
    config = write_config(tmp_path, [camera(clip)])
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    manager = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    for listen, said in (("192.0.2.1:9108", "no address"), ("dock.invalid:9108", "resolved")):
        config.write_text(yaml.safe_dump(document | {"listen": listen}), encoding="utf-8")
        code, words = refused(config, **manager)
        assert (code, said in words) == (75, True)
        assert refused(config)[0] == 2
    config.write_text(yaml.safe_dump(document | {"listen": "nowhere"}), encoding="utf-8")
    assert refused(config, **manager)[0] == 2
