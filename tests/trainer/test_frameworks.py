"""A whole training in JAX, on a network of milliseconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import UsageError
from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import write_folders
from trainer import option_checks
from trainer.console import Console
from trainer.train import TrainOptions, train

QUIET = Console(quiet=True)


@pytest.fixture
def options(tmp_path: Path) -> TrainOptions:
    return TrainOptions(
        write_folders(tmp_path / "images", 10),
        tmp_path / "bundle",
        backbone=str(write_tiny_backbone(tmp_path / "start")),
        cache_dir=tmp_path / "cache",
        validation_percentage=30,
        testing_percentage=30,
        steps=20,
        evaluate_every=10,
        cached_views=0,
        fine_tune_steps=4,
        fine_tune_batch_size=2,
        openvino=False,
    )


def test_jax_and_processes_make_a_bundle(options: TrainOptions) -> None:
    pytest.importorskip("jax", reason="the extra 'jax' is not installed")
    bundle = train(replace(options, framework="jax", rounded_steps=True, view_workers=1), QUIET)
    (last,) = options.cache.glob("runs/*/last.npz")
    assert np.load(last)["counts"].tolist() == [4, 2]
    assert "frozen_accuracy" in bundle.manifest.metrics
    page = (bundle.path / "report" / "index.html").read_text()
    assert ">jax<" in page.replace(" ", "")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"framework": "pytorch"}, "--framework pytorch: it must be tensorflow or jax"),
        ({"rounded_steps": True}, "--rounded-steps: only JAX can round"),
        ({"framework": "jax", "fine_tune_steps": 0}, "they are for fine-tuning alone"),
        ({"view_workers": 2, "fine_tune_steps": 0}, "they are for fine-tuning alone"),
        ({"view_workers": -1}, "--view-workers -1: it must be at least 0"),
    ],
)
def test_what_cannot_work_is_refused(
    options: TrainOptions, given: dict[str, object], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        train(replace(options, **given), QUIET)  # type: ignore[arg-type]


def test_a_missing_jax_is_named_with_the_cure(
    options: TrainOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(option_checks, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="pip install 'emberwatch"):
        train(replace(options, framework="jax"), QUIET)


def test_a_run_that_began_in_tensorflow_goes_on_in_jax(options: TrainOptions) -> None:
    pytest.importorskip("jax", reason="the extra 'jax' is not installed")
    train(options, QUIET)
    train(replace(options, framework="jax"), QUIET)
    assert len(list(options.cache.glob("runs/*/last.npz"))) == 1
