"""Each export gives the canonical model's scores, on a small model of the same kinds of layers."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from monitor.errors import TrainingError
from monitor.inference.bundle import KERAS_NAME, Bundle, write_manifest
from monitor.inference.tensorflow_engine import load_keras
from tests.support.bundles import LABELS, tiny_manifest
from trainer.forms import FORMS, export, samples
from trainer.onnx_form import write_onnx

SIDE = 35


def small_model() -> keras.Model:
    """What the canonical model is made of, a model inside a model included."""
    keras.utils.set_random_seed(1)
    scaled = keras.Input((SIDE, SIDE, 3), name="scaled")
    x = layers.Conv2D(8, 3, strides=2, bias_initializer="ones", name="conv1")(scaled)
    x = layers.Activation("relu", name="relu1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="max")(x)
    left = layers.Conv2D(4, (1, 7), padding="same", use_bias=False, name="left")(x)
    left = layers.BatchNormalization(scale=False, name="norm")(left)
    right = layers.AveragePooling2D(3, strides=1, padding="same", name="average")(x)
    right = layers.Conv2D(4, 1, activation="relu", bias_initializer="ones", name="right")(right)
    joined = layers.Concatenate(axis=3, name="joined")([left, right])
    inside = keras.Model(scaled, joined, name="backbone")
    pictures = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="pictures")
    y = layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(pictures)
    y = layers.GlobalAveragePooling2D(name="pool")(inside(y))
    y = layers.Dense(3, name="logits")(y)
    model = keras.Model(pictures, layers.Softmax(name="probabilities")(y))
    norm = inside.get_layer("norm")
    rng = np.random.default_rng(2)
    norm.set_weights([rng.uniform(0.2, 0.6, value.shape) for value in norm.get_weights()])
    # Scores that differ from picture to picture, or every form would seem to agree.
    pooled = keras.Model(pictures, model.get_layer("pool").output)(samples(8, SIDE, SIDE))
    kernel = rng.normal(0, 2, (8, 3)) / (0.02 + np.asarray(pooled).std(axis=0)[:, None])
    model.get_layer("logits").set_weights([kernel, -np.asarray(pooled).mean(axis=0) @ kernel])
    model.set_weights([value.astype(np.float16) for value in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("forms") / "small"
    folder.mkdir()
    small_model().save(folder / KERAS_NAME)
    return write_manifest(folder, tiny_manifest(side=SIDE).model_copy(update={"openvino": None}))


@pytest.mark.parametrize("name", FORMS)
def test_a_form_scores_as_the_canonical_model(name: str, bundle: Bundle, tmp_path: Path) -> None:
    made = export(bundle, name, tmp_path / "new" / "form")
    pictures = samples(5, SIDE, SIDE)
    wanted = np.asarray(load_keras(bundle)(pictures))
    assert np.ptp(wanted, axis=0).max() > 0.02
    np.testing.assert_allclose(FORMS[name].score(made.path, pictures), wanted, atol=1e-3)
    assert made.max_difference < 1e-3
    assert tuple(made.labels_path.read_text().splitlines()) == LABELS
    assert made.path.is_dir() == FORMS[name].is_folder
    left = {path.name for path in (tmp_path / "new").iterdir()}
    assert left == {"form"} | (set() if made.path.is_dir() else {"form.labels.txt"})


def test_nothing_is_overwritten(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "mine.tflite").write_text("mine")
    with pytest.raises(TrainingError, match="this is there already"):
        export(bundle, "tflite", tmp_path / "mine.tflite")
    assert (tmp_path / "mine.tflite").read_text() == "mine"


def test_a_missing_extra_is_named_with_its_cure(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(TrainingError, match=r"pip install 'onnx>="):
        export(bundle, "onnx", tmp_path / "form.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_form_that_scores_otherwise_is_not_left_behind(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = FORMS["frozen-graph"].score
    monkeypatch.setitem(
        FORMS,
        "frozen-graph",
        type(FORMS["frozen-graph"])(
            False, FORMS["frozen-graph"].write, lambda path, some: wrong(path, 255 - some)
        ),
    )
    with pytest.raises(TrainingError, match="not written: a score of this form differs"):
        export(bundle, "frozen-graph", tmp_path / "form.pb")
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_onnx_is_not_written_for_is_named(tmp_path: Path) -> None:
    pictures = keras.Input((8, 8, 3), dtype="uint8")
    pooled = layers.GlobalMaxPooling2D(name="odd")(layers.Rescaling(1.0)(pictures))
    with pytest.raises(TrainingError, match=r"the layer 'odd' \(GlobalMaxPooling2D\)"):
        write_onnx(keras.Model(pictures, pooled), tmp_path / "odd.onnx", LABELS)
