"""The whole trainer on tiny pictures and Inception v3: one run, judged from several sides."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from monitor.errors import TrainingError
from monitor.inference.bundle import Bundle, load_bundle
from monitor.inference.openvino_engine import OpenVinoEngine
from monitor.inference.tensorflow_engine import TensorFlowEngine
from tests.support.backbones import write_random_weights, write_tiny_backbone
from tests.support.pictures import picture, write_folders
from trainer.backbone import build_model, load_backbone
from trainer.console import Console
from trainer.export import keras_logits
from trainer.size import SIZE
from trainer.train import TrainOptions, train

QUIET = Console(quiet=True)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of Keras's InceptionV3 without its top."""
    return write_random_weights(tmp_path_factory.mktemp("weights") / "random.weights.h5")


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, weights_file: Path) -> TrainOptions:
    folder = tmp_path_factory.mktemp("train")
    write_folders(folder / "images", 12)
    (folder / "images" / "fire" / "empty.jpg").write_bytes(b"")
    return TrainOptions(
        image_dir=folder / "images",
        output=folder / "bundle",
        backbone=str(weights_file),
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
    )


@pytest.fixture(scope="module")
def bundle(options: TrainOptions) -> Bundle:
    return train(options, QUIET)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.stack([picture("fire", n, SIZE, SIZE) for n in range(5)])


def test_the_bundle_is_complete_and_sound(options: TrainOptions, bundle: Bundle) -> None:
    loaded = load_bundle(options.output)
    assert loaded.sha256 == bundle.sha256
    assert loaded.labels == ("fire", "misc", "smoke")
    assert loaded.manifest.thresholds.keys() == {"fire", "smoke"}
    assert {"accuracy", "frozen_accuracy", "hazard_recall"} <= loaded.manifest.metrics.keys()
    assert loaded.manifest.openvino is not None
    assert loaded.manifest.openvino.precision == "int8"
    assert "report/index.html" in loaded.manifest.files
    assert not list(options.output.parent.glob(".bundle*"))


def test_the_files_are_as_small_as_they_should_be(options: TrainOptions, bundle: Bundle) -> None:
    sizes = {name: (options.output / name).stat().st_size / 1e6 for name in bundle.manifest.files}
    assert sizes["model.keras"] < 48
    assert sizes["openvino/model.bin"] < 26
    assert sizes["report/index.html"] < 1


def test_keras_loads_the_model_without_running_code_from_it(
    bundle: Bundle, pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    assert bundle.keras_path is not None
    model = keras.saving.load_model(bundle.keras_path, safe_mode=True)
    kinds = {type(layer).__module__.split(".")[0] for layer in model.layers}
    assert kinds == {"keras"}
    for value in model.get_weights():
        np.testing.assert_array_equal(value, value.astype(np.float16))
    scores = np.asarray(model(pictures))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    logits = keras_logits(model, pictures)
    np.testing.assert_array_equal(logits.argmax(axis=1), scores.argmax(axis=1))


def test_both_engines_take_it_and_give_about_the_same(
    bundle: Bundle, pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    truth = TensorFlowEngine(bundle).score(pictures).probabilities
    quick = OpenVinoEngine(bundle).score(pictures).probabilities
    assert np.abs(truth - quick).max() < 0.15


def test_the_report_names_what_could_not_be_read_and_holds_no_pictures(
    options: TrainOptions, bundle: Bundle
) -> None:
    page = (bundle.path / "report" / "index.html").read_text()
    assert "fire/empty.jpg" in page
    assert "data:image" not in page
    assert "What was called what" in page


def test_weights_of_another_network_are_refused(options: TrainOptions, tmp_path: Path) -> None:
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(TrainingError, match="no weights of Keras's InceptionV3"):
        train(replace(options, backbone=str(tmp_path / "other.weights.h5")), QUIET)


def test_folding_batch_norms_changes_no_feature(weights_file: Path) -> None:
    plain = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(SIZE, SIZE, 3)
    )
    plain.load_weights(weights_file)
    scaled = np.random.default_rng(0).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype(np.float32)
    wanted = np.asarray(plain(scaled))
    found = np.asarray(load_backbone(str(weights_file)).model(scaled))
    assert wanted.std() > 0
    np.testing.assert_allclose(found, wanted, atol=1e-3 * float(np.abs(wanted).max()))


def test_the_model_takes_bytes_and_scales_them_itself(tmp_path: Path) -> None:
    backbone = write_tiny_backbone(tmp_path / "tiny")
    model = build_model(load_backbone(str(backbone)).model, 2)
    scaled = keras.Model(model.input, model.get_layer("scaling").output)
    pixels = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    pixels[0, 0, 0] = 255
    found = np.asarray(scaled(pixels))
    assert (found.min(), found.max()) == (-1, 1)
