"""The mean of two models: what it is of, and what has none."""

from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError, UsageError
from monitor.inference.bundle import Bundle, load_bundle, write_manifest
from monitor.inference.manifest import BaseWeights
from tests.support.bundles import tiny_bundle, tiny_manifest
from trainer.average import load_partner
from trainer.option_checks import check_options
from trainer.options import TrainOptions

LABELS = ("fire", "misc", "smoke")


def bundle(folder: Path) -> Bundle:
    tiny_bundle(folder)
    return load_bundle(folder)


def test_a_bundle_without_the_canonical_model_is_refused(tmp_path: Path) -> None:
    bundle(tmp_path / "b")
    with pytest.raises(TrainingError, match=r"has no model\.keras"):
        load_partner(str(tmp_path / "b"), LABELS, "0" * 64)


def test_a_bundle_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--average-with: "):
        load_partner(str(tmp_path / "nowhere"), LABELS, "0" * 64)


@pytest.mark.parametrize(
    ("labels", "start", "told"),
    [
        (("cat", "dog"), "0" * 64, "only models of the same labels have a mean"),
        (LABELS, "1" * 64, "only models from the same start have a mean"),
    ],
)
def test_models_of_other_labels_or_another_start_have_no_mean(
    tmp_path: Path, labels: tuple[str, ...], start: str, told: str
) -> None:
    folder = tmp_path / "b"
    tiny_bundle(folder)
    (folder / "model.keras").write_bytes(b"weights")
    manifest = tiny_manifest()
    write_manifest(
        folder, manifest.model_copy(update={"base_weights": BaseWeights(name="x", sha256="0" * 64)})
    )
    with pytest.raises(TrainingError, match=told):
        load_partner(str(folder), labels, start)


def test_a_head_alone_has_no_mean(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    options = TrainOptions(tmp_path / "pictures", tmp_path / "out", average_with="default")
    with pytest.raises(UsageError, match="only a fine-tuned model has a mean"):
        check_options(options)


def test_the_mean_lies_between_and_takes_the_temperature_out(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from trainer.average import mean_weights

    def made(value: float) -> object:
        pictures = keras.Input((4,))
        hidden = keras.layers.Dense(2, name="body")(pictures)
        model = keras.Model(pictures, keras.layers.Dense(3, name="logits")(hidden))
        model.set_weights([np.full(w.shape, value, np.float32) for w in model.get_weights()])
        return model

    folder = tmp_path / "b"
    tiny_bundle(folder)
    theirs = made(4.0)
    theirs.save(folder / "model.keras")  # type: ignore[attr-defined]  # Keras has no types
    write_manifest(folder, tiny_manifest().model_copy(update={"temperature": 0.5}))
    found = mean_weights(made(2.0), load_bundle(folder))
    # 4.0 was divided by the temperature in the last layer alone: 2.0 before.
    assert [set(weight.ravel().tolist()) for weight in found] == [{3.0}, {3.0}, {2.0}, {2.0}]
