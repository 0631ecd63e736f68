"""The bundle that ships: its forms give the scores of its canonical model."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.inference.bundle import Bundle, load_bundle
from monitor.inference.openvino_engine import OpenVinoEngine
from monitor.inference.tensorflow_engine import TensorFlowEngine
from tests.support.scenes import scenes

# Keras and NumPy disagree on a keyword; nothing that this project could change.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

COUNT = 32


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle("default")


@pytest.fixture(scope="module")
def reference(bundle: Bundle) -> NDArray[np.float32]:
    """Scores of the canonical model, float32 (COUNT, labels)."""
    return TensorFlowEngine(bundle, max_batch=8).score(scenes(COUNT)).probabilities


def test_shipped_model_knows_fire_smoke_and_misc(bundle: Bundle) -> None:
    assert set(bundle.labels) == {"fire", "smoke", "misc"}


def test_shipped_files_are_small_enough(bundle: Bundle) -> None:
    assert bundle.keras_path is not None
    assert bundle.openvino_path is not None
    assert bundle.keras_path.stat().st_size <= 48_000_000
    form = sum(path.stat().st_size for path in bundle.openvino_path.parent.iterdir())
    assert form <= 26_000_000


def test_manifest_says_that_int8_is_as_good(bundle: Bundle) -> None:
    form = bundle.manifest.openvino
    assert form is not None
    assert form.precision == "int8"
    assert form.accuracy >= form.canonical_accuracy - 0.01
    assert form.agreement >= 0.99
    assert form.agreement_within is not None
    assert form.agreement_within >= 0.98
    assert form.keeps_promise


def test_it_tells_where_in_the_picture_and_what_it_has_learned(bundle: Bundle) -> None:
    scores = OpenVinoEngine(bundle, precision="int8", max_batch=4).score(scenes(4))
    assert scores.cells is not None
    assert scores.cells.shape == (4, 8, 8, 3)
    assert "learned.txt" in bundle.manifest.files


def test_int8_form_scores_as_the_canonical_model(
    bundle: Bundle, reference: NDArray[np.float32]
) -> None:
    scores = (
        OpenVinoEngine(bundle, precision="int8", max_batch=4).score(scenes(COUNT)).probabilities
    )
    assert_close(scores, reference, mean=0.06)


def test_full_form_scores_as_the_canonical_model(
    bundle: Bundle, reference: NDArray[np.float32], tmp_path: Path
) -> None:
    engine = OpenVinoEngine(bundle, precision="full", max_batch=4, cache_dir=tmp_path)
    assert_close(engine.score(scenes(COUNT)).probabilities, reference, mean=0.03)


def assert_close(scores: NDArray[np.float32], reference: NDArray[np.float32], mean: float) -> None:
    """Close on average, and of the same opinion wherever the reference has a clear one."""
    assert np.abs(scores - reference).max(axis=1).mean() < mean
    ordered = np.sort(reference, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 0.4
    assert clear.any()
    assert (scores.argmax(axis=1) == reference.argmax(axis=1))[clear].all()
