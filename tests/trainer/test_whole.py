"""From pictures to a model in use: train, evaluate, export and label.

On a network of the same blocks that takes milliseconds; Inception v3 itself is trained in
:mod:`tests.trainer.test_train`.
"""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.errors import TrainingError
from monitor.inference.bundle import Bundle, load_bundle
from monitor.label import label_paths
from tests.support.backbones import write_tiny_backbone
from tests.support.bundles import tiny_bundle
from tests.support.clips import make_clip
from tests.support.pictures import picture, write_folders, write_picture
from trainer.assess import assess
from trainer.console import Console
from trainer.forms import export
from trainer.train import TrainOptions, train

QUIET = Console(quiet=True)
LABELS = ("fire", "misc", "smoke")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three labels, and footage without hazards that looks like fire."""
    root = tmp_path_factory.mktemp("whole")
    write_folders(root / "images", 10)
    write_picture(root / "footage" / "lamp.png", picture("fire", 90))
    make_clip(root / "footage" / "sun.mp4", [picture("fire", n) for n in range(91, 97)], fps=2)
    return root


@pytest.fixture(scope="module")
def options(folder: Path) -> TrainOptions:
    return TrainOptions(
        folder / "images",
        folder / "model",
        backbone=str(write_tiny_backbone(folder / "start")),
        cache_dir=folder / "cache",
        seed=2,
        validation_percentage=30,
        testing_percentage=30,
        steps=60,
        cached_views=1,
        evaluate_every=20,
        keep_every=30,
        mine=(folder / "footage",),
        summaries=folder / "logs",
        class_weights=(("fire", 1.5),),
        openvino=False,
    )


@pytest.fixture(scope="module")
def bundle(options: TrainOptions) -> Bundle:
    return train(options, QUIET)


def test_a_bundle_says_what_was_mined_and_heads_and_curves_are_kept(
    bundle: Bundle, folder: Path
) -> None:
    assert 0 < bundle.manifest.metrics["mined"] <= 7
    assert "joined misc" in (bundle.path / "report" / "index.html").read_text()
    kept = {path.name for path in (folder / "model.heads").iterdir()}
    assert {"head-000030.npz", "head-000060.npz", "mined_head-000060.npz"} <= kept
    assert {path.name for path in (folder / "logs").iterdir()} == {"train", "validation"}


def test_it_is_evaluated_exported_and_used(bundle: Bundle, folder: Path) -> None:
    found = assess(
        bundle, folder / "images", engine="tensorflow", background="misc", grouping=None,
        console=QUIET,
    ).figures  # fmt: skip
    assert found.whole.accuracy.count == 30
    assert {part.name for part in found.sources} == set(LABELS)
    made = export(bundle, "onnx", folder / "model.onnx")
    assert made.max_difference < 1e-3
    out = io.StringIO()
    label_paths(
        [folder / "images" / "misc"], bundle=bundle.path, engine="tensorflow", as_json=True,
        out=out, err=io.StringIO(),
    )  # fmt: skip
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 10
    # With one threshold or the other, both look at the same scores.
    leading = sum(line["scores"]["misc"] > 1 - found.whole.threshold for line in lines)
    assert leading == found.whole.confusion[1, 1]


def test_a_worse_model_is_refused_and_lies_beside(
    bundle: Bundle, options: TrainOptions, folder: Path
) -> None:
    tiny_bundle(folder / "older")
    worse = replace(
        options, steps=1, learning_rate=1e-9, mine=(), keep_every=0,
        must_beat=str(folder / "older"),
    )  # fmt: skip
    with pytest.raises(TrainingError, match=r"worse than .*older: hazards found at 1.0% false"):
        train(worse, QUIET)
    assert load_bundle(bundle.path).sha256 == bundle.sha256
    rejected = load_bundle(folder / "model.rejected")
    assert rejected.manifest.metrics["gate"] < rejected.manifest.metrics["gate_older"]
    assert "Gate: not passed" in (rejected.path / "report" / "index.html").read_text()
