"""What a second training makes of the first one's: its bundle, its cache, what it learned from.

On a network of the same blocks that takes milliseconds; Inception v3 itself is trained in
:mod:`tests.trainer.test_train`.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.inference.bundle import Bundle, load_bundle
from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import write_folders
from trainer.backbone import load_backbone
from trainer.console import Console
from trainer.dataset import Side
from trainer.learned import LEARNED_NAME, read_learned
from trainer.prepare import prepare
from trainer.train import TrainOptions, train

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> TrainOptions:
    folder = tmp_path_factory.mktemp("again")
    return TrainOptions(
        image_dir=write_folders(folder / "images", 12),
        output=folder / "bundle",
        backbone=str(write_tiny_backbone(folder / "start")),
        cache_dir=folder / "cache",
        seed=2,
        validation_percentage=30,
        testing_percentage=30,
        steps=60,
        cached_views=0,
        fine_tune_steps=2,
        fine_tune_batch_size=2,
        lower_every=2,
        report_pictures=False,
        openvino=False,
    )


@pytest.fixture(scope="module")
def bundle(options: TrainOptions) -> Bundle:
    return train(options, QUIET)


def test_a_bundle_is_a_backbone_to_start_from(options: TrainOptions, bundle: Bundle) -> None:
    backbone = load_backbone(str(options.output))
    assert backbone.sha256 == bundle.manifest.files["model.keras"]
    frozen = replace(options, backbone=str(options.output), fine_tune_steps=0)
    again = train(replace(frozen, output=options.output.with_name("second")), QUIET)
    assert again.manifest.base_weights.name == "bundle bundle"
    assert again.openvino_path is None
    # All that the first run trained on is trained on again, so its test is a test still.
    first = read_learned(options.output / LEARNED_NAME)
    assert LEARNED_NAME in bundle.manifest.files
    assert read_learned(again.path / LEARNED_NAME) == first
    assert again.manifest.data_fingerprint == bundle.manifest.data_fingerprint
    assert again.manifest.metrics["learned_before"] == len(first.prefixes)


def test_renamed_pictures_that_the_backbone_learned_from_are_trained_on(
    options: TrainOptions, bundle: Bundle, tmp_path: Path
) -> None:
    for path in options.image_dir.rglob("*.jpg"):
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / path.parent.name / f"renamed {path.name}")
    again = replace(options, image_dir=tmp_path, backbone=str(options.output))
    prepared = prepare(again, load_backbone(again.backbone), QUIET)
    known = read_learned(options.output / LEARNED_NAME)
    for example, digest in zip(prepared.dataset.examples, prepared.digests, strict=True):
        assert not (known.knows(example, digest) and example.side is not Side.TRAIN)
    assert prepared.unseen is not None
    assert prepared.unseen.known == len(known.prefixes)
    assert prepared.unseen.scarce == ("fire", "misc", "smoke")


def test_a_second_run_replaces_the_bundle_and_computes_nothing_twice(
    options: TrainOptions, bundle: Bundle
) -> None:
    rows = list((options.cache / "bottlenecks").iterdir())
    before = {path: path.stat().st_size for path in rows}
    second = train(replace(options, openvino=False), QUIET)
    assert {path: path.stat().st_size for path in before} == before
    assert second.manifest.metrics.keys() == bundle.manifest.metrics.keys()
    assert load_bundle(options.output).sha256 == second.sha256
