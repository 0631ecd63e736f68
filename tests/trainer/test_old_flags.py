"""What takes the place of retrain.py's flags, in one command line, and the commands after it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.inference.bundle import load_bundle
from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import write_folders

LABELS = ("fire", "misc", "smoke")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("old") / "images", 10)


def emberwatch(*arguments: str | Path) -> str:
    ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ran.exit_code == 0, f"{ran.output}{ran.exception}"
    return ran.stdout


def test_every_option_that_takes_the_place_of_a_flag_does_what_its_row_says(images: Path) -> None:
    place = images.parent
    made = place / "bundle"
    options: dict[str, tuple[str | Path, ...]] = {
        "--output": (made,),
        "--keep-every": ("10",),
        "--checkpoint-minutes": ("1",),
        "--summaries": (place / "summaries",),
        "--steps": ("20",),
        "--learning-rate": ("0.002",),
        "--testing-percentage": ("30",),
        "--validation-percentage": ("30",),
        "--evaluate-every": ("10",),
        "--batch-size": ("6",),
        "--fine-tune-batch-size": ("4",),
        "--no-report-pictures": (),
        "--cache-dir": (place / "cache",),
        "--cached-views": ("1",),
        "--flip": (),
        "--random-crop": ("20",),
        "--small-views": ("30",),
        "--random-brightness": ("15",),
        "--backbone": (write_tiny_backbone(place / "start"),),
        "--seed": ("2",),
        "--no-openvino": (),
    }
    words = [str(word) for name, values in options.items() for word in (name, *values)]
    emberwatch("train", images, *words)

    bundle = load_bundle(made)
    assert (made / "labels.txt").read_text("utf-8").split() == list(LABELS)
    kept = sorted(path.name for path in (place / "bundle.heads").iterdir())
    assert kept == ["head-000010.npz", "head-000020.npz"]
    assert np.load(place / "bundle.heads" / kept[0])["kernel"].shape == (2048, 3)
    assert {path.name for path in (place / "summaries").iterdir()} == {"train", "validation"}
    assert (place / "cache" / "bottlenecks").is_dir()
    report = (made / "report" / "index.html").read_text("utf-8")
    assert "<img" not in report
    for name, values in options.items():
        if name in ("--steps", "--learning-rate", "--batch-size", "--random-crop"):
            assert str(values[0]) in report

    judged = json.loads(emberwatch("evaluate", made, images, "--json", "--engine", "tensorflow"))
    assert judged["pictures"] == 30
    emberwatch("export", made, "--format", "frozen-graph", "--output", place / "frozen")
    lines = emberwatch("label", "--bundle", made, "--engine", "tensorflow", "--json", images)
    assert len(lines.splitlines()) == 30
    assert bundle.labels == LABELS
