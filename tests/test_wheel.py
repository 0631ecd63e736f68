"""The wheel alone is a daemon that runs: built, installed where nothing else is, and tried."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _run(*command: str | Path, cwd: Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    # No variable of the test run may lead the new environment back to the checkout.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = _run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT),
        cwd=folder,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("emberwatch-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of a new environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    pip = folder / "bin" / "pip"
    steps: list[tuple[str | Path, ...]] = [
        (sys.executable, "-m", "venv", folder),
        (pip, "install", "--quiet", "--require-hashes", "-r", ROOT / "requirements.txt"),
        (pip, "install", "--quiet", "--no-deps", wheel),
        (pip, "check"),
    ]
    for step in steps:
        done = _run(*step, cwd=folder.parent)
        assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"
    return folder / "bin"


def test_wheel_carries_bundle_examples_rules_and_unit(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "monitor/_share/models/default/bundle.json",
        "monitor/_share/models/default/model.keras",
        "monitor/_share/models/default/openvino/model.bin",
        "monitor/_share/config/monitor.yaml",
        "monitor/_share/config/demo.yaml",
        "monitor/_share/config/prometheus/emberwatch.rules.yml",
        "monitor/_share/systemd/emberwatch.service",
        "monitor/pictures/timeline.svg.jinja",
        "monitor/py.typed",
    } <= names
    assert not [name for name in names if name.startswith("tests/")]


@pytest.mark.timeout(900)
def test_demo_runs_from_the_wheel_in_an_empty_environment(installed: Path, tmp_path: Path) -> None:
    found = _run(
        installed / "python", "-c", "import monitor; print(monitor.__file__)", cwd=tmp_path
    )
    assert Path(found.stdout.strip()).is_relative_to(installed.parent)
    demo = _run(installed / "emberwatch", "demo", "--listen", "127.0.0.1:0", cwd=tmp_path)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "fire and smoke fired" in demo.stdout
