"""Engine tensorflow, and the forms of one model against one another."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import BundleError, EngineError
from monitor.inference.bundle import KERAS_NAME, Bundle, write_manifest
from monitor.inference.openvino_engine import OpenVinoEngine
from monitor.inference.tensorflow_engine import TensorFlowEngine, in_mixed_precision, load_keras
from tests.support.bundles import (
    FIRE_COLOUR,
    LABELS,
    MISC_COLOUR,
    SMOKE_COLOUR,
    plain,
    tiny_bundle,
    tiny_manifest,
    write_tiny_keras,
)

# Keras and NumPy disagree on a keyword; nothing that this project could change.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

COLOURS = np.stack([plain(c, 299, 299) for c in (FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR)])


@pytest.fixture(scope="module")
def engine(tiny_keras: Bundle) -> TensorFlowEngine:
    return TensorFlowEngine(tiny_keras, max_batch=4)


def test_each_colour_scores_for_its_label(engine: TensorFlowEngine) -> None:
    scores = engine.score(COLOURS).probabilities
    assert engine.labels == LABELS
    assert scores.dtype == np.float32
    assert (scores.diagonal() > 0.99).all()


def test_both_forms_of_a_model_agree(engine: TensorFlowEngine, tiny_keras: Bundle) -> None:
    rng = np.random.default_rng(2)
    shades = rng.integers(0, 256, (9, 1, 1, 3)).repeat(299, 1).repeat(299, 2).astype(np.uint8)
    other = OpenVinoEngine(tiny_keras).score(shades).probabilities
    # bfloat16 where the CPU has it
    assert np.abs(engine.score(shades).probabilities - other).max() < 0.05


def test_only_sizes_that_are_ready_are_compiled(engine: TensorFlowEngine) -> None:
    engine.warm_up()
    for count in range(1, 10):
        assert engine.score(COLOURS[np.arange(count) % 3]).probabilities.shape == (count, 3)
    assert tuple(engine.batch_sizes) == (1, 2, 4)


def test_closed_engine_says_so(tiny_keras: Bundle) -> None:
    engine = TensorFlowEngine(tiny_keras, max_batch=1)
    engine.close()
    with pytest.raises(EngineError, match="was closed"):
        engine.score(COLOURS)


def test_mixed_precision_scores_as_the_reference(tiny_keras: Bundle) -> None:
    model = load_keras(tiny_keras)
    mixed = in_mixed_precision(model)
    difference = np.abs(np.asarray(mixed(COLOURS)) - np.asarray(model(COLOURS))).max()
    assert difference < 0.01
    assert {layer.compute_dtype for layer in mixed.layers} == {"float16", "float32"}
    assert mixed.layers[-1].compute_dtype == "float32"


def test_bundle_without_canonical_model_is_refused(tiny: Bundle) -> None:
    with pytest.raises(BundleError, match=r"no canonical model.*openvino"):
        TensorFlowEngine(tiny)


def test_model_of_another_size_is_refused(tmp_path: Path) -> None:
    write_tiny_keras(tmp_path, side=64)
    with pytest.raises(BundleError, match=r"64, 64.*the manifest says"):
        load_keras(write_manifest(tmp_path, tiny_manifest()))


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x05\x06" + b"\0" * 18])
def test_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KERAS_NAME).write_bytes(content)
    with pytest.raises(BundleError, match="cannot be loaded"):
        load_keras(write_manifest(tmp_path, tiny_manifest()))


def test_code_in_a_model_is_not_run(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((299, 299, 3), dtype="uint8")
    trap = keras.layers.Lambda(lambda x: x[:, 0, 0, :], output_shape=(3,))
    keras.Model(inputs, trap(inputs)).save(tmp_path / KERAS_NAME)
    with zipfile.ZipFile(tmp_path / KERAS_NAME) as archive:
        assert b"Lambda" in archive.read("config.json")
    with pytest.raises(BundleError, match="cannot be loaded"):
        load_keras(write_manifest(tmp_path, tiny_manifest()))


def test_full_precision_for_openvino_is_converted_and_kept(
    tiny_keras: Bundle, tmp_path: Path, engine: TensorFlowEngine
) -> None:
    # Without its own form, the canonical model is all there is.
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / KERAS_NAME).write_bytes((tiny_keras.path / KERAS_NAME).read_bytes())
    bundle = write_manifest(folder, tiny_manifest().model_copy(update={"openvino": None}))
    cache = tmp_path / "cache"
    converted = OpenVinoEngine(bundle, precision="full", cache_dir=cache)
    scores, wanted = converted.score(COLOURS).probabilities, engine.score(COLOURS).probabilities
    assert np.abs(scores - wanted).max() < 0.02
    (model,) = cache.rglob("canonical-cells.xml")
    before = model.stat().st_mtime_ns
    OpenVinoEngine(bundle, precision="full", cache_dir=cache)
    assert model.stat().st_mtime_ns == before


def test_conversion_that_fails_says_why(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    (tmp_path / KERAS_NAME).write_bytes(b"nothing")
    manifest = bundle.manifest.model_copy(update={"openvino": None})
    (tmp_path / "openvino/model.bin").unlink()
    with pytest.raises(EngineError, match=r"not converted.*cannot be loaded"):
        OpenVinoEngine(write_manifest(tmp_path, manifest))


@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="the extra 'jax' is not installed"
)
def test_the_same_engine_runs_on_jax(tiny_keras: Bundle, engine: TensorFlowEngine) -> None:
    program = f"""
import numpy
from monitor.inference.bundle import load_bundle
from monitor.inference.tensorflow_engine import TensorFlowEngine
from tests.support.bundles import FIRE_COLOUR, SMOKE_COLOUR, plain
engine = TensorFlowEngine(load_bundle({str(tiny_keras.path)!r}), max_batch=4)
pictures = numpy.stack([plain(c, 299, 299) for c in (FIRE_COLOUR, SMOKE_COLOUR, FIRE_COLOUR)])
print(engine.device, engine.score(pictures).probabilities.argmax(axis=1).tolist())
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout == "CPU:0 (float32, JAX) [0, 2, 0]\n", result.stderr
