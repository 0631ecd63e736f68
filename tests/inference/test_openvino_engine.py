"""Engine openvino, on a real OpenVINO with the tiny bundle."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import BundleError, EngineError
from monitor.inference.bundle import (
    EXACT_XML,
    KERAS_NAME,
    OPENVINO_XML,
    Bundle,
    write_manifest,
)
from monitor.inference.load import load_engine
from monitor.inference.openvino_engine import OpenVinoEngine
from monitor.inference.openvino_runtime import import_openvino
from tests.support.bundles import (
    FIRE_COLOUR,
    LABELS,
    MISC_COLOUR,
    SMOKE_COLOUR,
    plain,
    tiny_bundle,
    tiny_manifest,
    write_tiny_openvino,
)

COLOURS = np.stack([plain(c, 299, 299) for c in (FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR)])


@pytest.fixture(scope="module")
def engine(tiny: Bundle) -> OpenVinoEngine:
    return OpenVinoEngine(tiny, threads=2, max_batch=8)


def test_each_colour_scores_for_its_label(engine: OpenVinoEngine) -> None:
    scores = engine.score(COLOURS).probabilities
    assert engine.labels == LABELS
    assert scores.shape == (3, 3)
    assert scores.dtype == np.float32
    assert (scores.diagonal() > 0.99).all()
    assert np.allclose(scores.sum(axis=1), 1)


def test_batch_of_any_size_scores_as_its_pictures_do_alone(engine: OpenVinoEngine) -> None:
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (11, 299, 299, 3), np.uint8)
    alone = np.concatenate([engine.score(picture[None]).probabilities for picture in pictures])
    for count in range(1, 12):
        assert np.allclose(engine.score(pictures[:count]).probabilities, alone[:count], atol=1e-3)


def test_scores_are_the_callers_own(engine: OpenVinoEngine) -> None:
    first = engine.score(COLOURS[:1]).probabilities
    kept = first.copy()
    engine.score(COLOURS[1:2])
    assert (first == kept).all()


def test_warm_up_runs_every_size(engine: OpenVinoEngine) -> None:
    engine.warm_up()
    assert tuple(engine.batch_sizes) == (1, 2, 4)
    assert engine.device.startswith("CPU (")


def test_device_says_int8_for_the_int8_form(tmp_path: Path) -> None:
    assert "int8" in OpenVinoEngine(as_int8(tmp_path), precision="int8").device


def test_wrong_batches_are_refused(engine: OpenVinoEngine) -> None:
    with pytest.raises(EngineError, match="handed to the engine"):
        engine.score(np.zeros((1, 64, 64, 3), np.uint8))


def test_closed_engine_says_so(tiny: Bundle) -> None:
    engine = OpenVinoEngine(tiny, max_batch=1)
    engine.close()
    with pytest.raises(EngineError, match="was closed"):
        engine.score(COLOURS)


def test_compiled_model_is_cached_and_taken_from_there(tiny: Bundle, tmp_path: Path) -> None:
    first = OpenVinoEngine(tiny, cache_dir=tmp_path).score(COLOURS).probabilities
    (blob,) = tmp_path.rglob("*.blob")
    before = blob.stat().st_mtime_ns
    second = OpenVinoEngine(tiny, cache_dir=tmp_path).score(COLOURS).probabilities
    assert (first == second).all()
    assert blob.stat().st_mtime_ns == before


def test_broken_cache_is_made_again(tiny: Bundle, tmp_path: Path) -> None:
    expected = OpenVinoEngine(tiny, cache_dir=tmp_path).score(COLOURS).probabilities
    (blob,) = tmp_path.rglob("*.blob")
    blob.chmod(0o600)
    os.truncate(blob, blob.stat().st_size // 2)
    scores = OpenVinoEngine(tiny, cache_dir=tmp_path).score(COLOURS).probabilities
    assert (scores == expected).all()


def test_cache_keeps_the_newest_models_alone(tiny: Bundle, tmp_path: Path) -> None:
    for age in range(5):
        old = tmp_path / f"openvino-old{age}"
        old.mkdir()
        os.utime(old, (1000 + age, 1000 + age))
    OpenVinoEngine(tiny, cache_dir=tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"openvino-old3", "openvino-old4", f"openvino-{tiny.sha256[:16]}"}


def test_cache_that_cannot_be_is_done_without(tiny: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    engine = OpenVinoEngine(tiny, cache_dir=tmp_path / "file" / "cache")
    assert engine.score(COLOURS).probabilities.shape == (3, 3)


def test_model_with_other_labels_than_the_manifest_is_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path, labels=("fire", "misc"))
    with pytest.raises(BundleError, match="export the bundle again"):
        OpenVinoEngine(bundle)


def test_model_with_another_size_than_the_manifest_is_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    write_tiny_openvino(tmp_path, side=64)
    with pytest.raises(BundleError, match="export the bundle again"):
        OpenVinoEngine(write_manifest(tmp_path, bundle.manifest))


def test_model_that_is_none_is_an_engine_error(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    (tmp_path / OPENVINO_XML).write_text("<net/>")
    with pytest.raises(EngineError, match="OpenVINO cannot compile the model"):
        OpenVinoEngine(write_manifest(tmp_path, bundle.manifest))


def test_int8_is_refused_where_the_bundle_has_none(tiny: Bundle) -> None:
    with pytest.raises(BundleError, match="no int8 form"):
        OpenVinoEngine(tiny, precision="int8")


@pytest.mark.parametrize(
    ("agreement", "taken"), [(None, "int8"), (0.995, "int8"), (0.98, "int8"), (0.96, "canonical")]
)
def test_auto_takes_the_int8_form_unless_it_is_known_to_agree_too_little(
    tiny_keras: Bundle, tmp_path: Path, agreement: float | None, taken: str
) -> None:
    (tmp_path / KERAS_NAME).write_bytes((tiny_keras.path / KERAS_NAME).read_bytes())
    engine = OpenVinoEngine(as_int8(tmp_path, agreement), max_batch=1)
    assert ("int8" in engine.device) == (taken == "int8")
    assert (engine.score(COLOURS).probabilities.diagonal() > 0.99).all()


def test_form_that_agrees_too_little_is_better_than_nothing(tmp_path: Path) -> None:
    assert "int8" in OpenVinoEngine(as_int8(tmp_path, 0.5), max_batch=1).device


def test_full_takes_a_form_that_is_not_quantised(tiny: Bundle) -> None:
    scores = OpenVinoEngine(tiny, precision="full").score(COLOURS).probabilities
    assert (scores.diagonal() > 0.99).all()


def test_full_is_refused_where_there_is_nothing_to_convert(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="canonical model"):
        OpenVinoEngine(as_int8(tmp_path), precision="full")


def test_openvino_brings_no_tensorflow_and_no_telemetry(tiny: Bundle, tmp_path: Path) -> None:
    program = f"""
import sys
import numpy
from monitor.inference.bundle import load_bundle
from monitor.inference.load import load_engine
engine = load_engine(load_bundle({str(tiny.path)!r}), "openvino", max_batch=1)
engine.warm_up()
print(sorted({{"tensorflow", "keras", "jax", "urllib.request"}} & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "[]\n", "")
    assert list(tmp_path.iterdir()) == []


def as_int8(folder: Path, agreement_within: float | None = None) -> Bundle:
    """The tiny bundle, calling its form int8."""
    manifest = tiny_bundle(folder).manifest
    form = manifest.openvino
    assert form is not None
    changed = manifest.model_copy(
        update={
            "openvino": form.model_copy(
                update={"precision": "int8", "agreement_within": agreement_within}
            )
        }
    )
    return write_manifest(folder, changed)


def second_look_bundle(folder: Path, doubt: float, side: int = 64) -> Bundle:
    """The tiny bundle, whose exact form calls everything smoke for sure: it is told apart so."""
    write_tiny_openvino(folder, side)
    ops = import_openvino().opset13
    pictures = ops.parameter([-1, side, side, 3], dtype=np.uint8, name="pictures")
    means = ops.reduce_mean(ops.convert(pictures, "f32"), ops.constant([1, 2]), keep_dims=False)
    logits = ops.add(
        ops.multiply(means, ops.constant(np.float32(0))),
        ops.constant(np.array([0, 0, 50], np.float32)),
    )
    model = import_openvino().Model([ops.softmax(logits, axis=1)], [pictures], "exact")
    import_openvino().save_model(model, folder / EXACT_XML)
    manifest = tiny_manifest(side=side)
    assert manifest.openvino is not None
    form = manifest.openvino.model_copy(update={"precision": "int8", "doubt": doubt})
    return write_manifest(folder, manifest.model_copy(update={"openvino": form}))


# The tiny model is in doubt about this colour: it gives 0.5 to fire, 0.5 to misc.
DOUBTFUL_COLOUR = (77, 0, 0)


def test_what_int8_leaves_in_doubt_gets_a_second_look(tmp_path: Path) -> None:
    bundle = second_look_bundle(tmp_path, 0.9)
    engine = load_engine(bundle, "openvino", max_batch=4)
    assert re.fullmatch(r"CPU \(int8, (f32|bf16) where in doubt\)", engine.device)
    engine.warm_up()
    colours = (FIRE_COLOUR, DOUBTFUL_COLOUR, MISC_COLOUR, DOUBTFUL_COLOUR)
    scores = engine.score(np.stack([plain(colour, 64, 64) for colour in colours]))
    assert scores.second_looks == 2
    assert [LABELS[row] for row in scores.probabilities.argmax(1)] == [
        "fire", "smoke", "misc", "smoke"
    ]  # fmt: skip
    sure = engine.score(plain(FIRE_COLOUR, 64, 64)[None])
    assert sure.second_looks == 0


def test_first_scores_stand_where_the_second_look_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OpenVinoEngine(second_look_bundle(tmp_path, 0.9))

    def fail(*_arguments: object) -> None:
        raise MemoryError("no room for a second look")

    assert engine._second is not None
    monkeypatch.setattr(engine._second.requests, "run", fail)
    pictures = np.stack([plain(colour, 64, 64) for colour in (FIRE_COLOUR, DOUBTFUL_COLOUR)])
    scores = engine.score(pictures)
    assert scores.second_looks == 0
    assert "no room for a second look" in scores.second_look_fault
    assert scores.probabilities[0].argmax() == LABELS.index("fire")
    assert scores.probabilities[1].max() < 0.9


def test_full_precision_takes_the_exact_form_and_looks_once(tmp_path: Path) -> None:
    engine = load_engine(second_look_bundle(tmp_path, 0.9), "openvino", precision="full")
    scores = engine.score(plain(FIRE_COLOUR, 64, 64)[None])
    assert LABELS[int(scores.probabilities[0].argmax())] == "smoke"
    assert scores.second_looks == 0
    assert "int8" not in engine.device


def test_two_forms_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_tiny_openvino(tmp_path / "other", 64, cells=True)
    bundle = second_look_bundle(tmp_path / "bundle", 0.9)
    for name in ("model.xml", "model.bin"):
        target = bundle.path / "openvino" / name.replace("model", "exact")
        shutil.copy(tmp_path / "other" / "openvino" / name, target)
    again = write_manifest(bundle.path, bundle.manifest)
    with pytest.raises(BundleError, match="two OpenVINO models give different outputs"):
        load_engine(again, "openvino")
