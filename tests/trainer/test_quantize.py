"""The int8 form: how much stays in float, and that agreement is what is measured."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from monitor.inference.convert import convert_keras
from monitor.inference.openvino_runtime import import_openvino
from tests.support.pictures import picture
from trainer.blocks import blocks_of, head_of
from trainer.console import Console
from trainer.export import agreement_within
from trainer.quantize import (
    DOUBT,
    Known,
    Rung,
    climb,
    export_int8,
    openvino_scores,
    quantize,
    second_look,
)
from trainer.size import SIZE

# Keras and NumPy disagree on a keyword; nothing that this project could change.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ALL = ("stem", "mixed0", "mixed1")


def branching(before: Any, width: int) -> Any:
    """A block: three branches, joined; one joins two within, as Inception's last ones do."""
    first = layers.Conv2D(width, 1, activation="relu")(before)
    pair = [layers.Conv2D(width, 3, padding="same", activation="relu")(first) for _ in range(2)]
    pooled = layers.AveragePooling2D(3, 1, padding="same")(before)
    return layers.Concatenate()([
        layers.Conv2D(width, 1, activation="relu")(before),
        layers.Concatenate()(pair),
        layers.Conv2D(width, 1, activation="relu")(pooled),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Any:
    """A network that is to Inception v3 what a toy is: a stem, two blocks, the same head."""
    keras.utils.set_random_seed(4)
    pictures = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="pictures")
    maps = layers.Rescaling(1 / 127.5, offset=-1.0)(pictures)
    maps = layers.Conv2D(6, 7, strides=16, activation="relu")(maps)
    maps = branching(branching(maps, 6), 8)
    pooled = layers.GlobalAveragePooling2D(name="pool")(maps)
    logits = layers.Dense(3, name="logits", kernel_initializer="he_normal")(pooled)
    return keras.Model(pictures, layers.Softmax(name="probabilities")(logits))


@pytest.fixture(scope="module")
def known(model: Any) -> Known:
    labels = ("fire", "misc", "smoke")
    pictures = np.stack([picture(labels[n % 3], n, SIZE, SIZE) for n in range(24)])
    return Known(pictures, np.asarray(model(pictures), np.float32))


def roundings(path: Path) -> int:
    """How many values are rounded on their way, weights aside."""
    operations = import_openvino().Core().read_model(path).get_ordered_ops()
    return sum(
        node.get_type_name() == "FakeQuantize"
        and node.input_value(0).get_node().get_type_name() != "Constant"
        for node in operations
    )


def test_each_operation_is_in_one_block(model: Any) -> None:
    graph = convert_keras(model, SIZE, SIZE)
    blocks = blocks_of(graph)
    assert tuple(blocks) == ALL
    named = [name for block in blocks.values() for name in block]
    assert len(named) == len(set(named))
    kinds = {node.get_friendly_name(): node.get_type_name() for node in graph.get_ordered_ops()}
    counts = {
        block: sum(kinds[name] == "Convolution" for name in names)
        for block, names in blocks.items()
    }
    assert counts == {"stem": 1, "mixed0": 5, "mixed1": 5}
    assert [kinds[name] for name in head_of(graph)] == ["ReduceMean", "MatMul"]


def test_blocks_that_are_kept_are_not_rounded(model: Any, known: Known, tmp_path: Path) -> None:
    counts, sizes = [], []
    for kept in ((), ("stem", "mixed1"), ALL):
        path = tmp_path / "model.xml"
        found = quantize(model, known.pictures[:8], path, known, [kept])
        assert found.kept == kept
        counts.append(roundings(path))
        sizes.append(path.with_suffix(".bin").stat().st_size)
        scores = openvino_scores(path, known.pictures)
        exact = openvino_scores(path.with_name("exact.xml"), known.pictures)
        both = second_look(scores, exact)
        assert found.agreement == agreement_within(both, known.scores)
    assert counts[0] > counts[1] > counts[2] == 0
    assert sizes[0] < sizes[1] < sizes[2]
    # Nothing is rounded but the weights, to half precision, where they are stored.
    assert np.abs(scores - known.scores).max() < 0.02


def test_mean_logits_are_the_canonical_models(model: Any, known: Known, tmp_path: Path) -> None:
    path = tmp_path / "model.xml"
    quantize(model, known.pictures, path, known, [()])
    found, wanted = (
        np.log(scores) - np.log(scores).mean(1, keepdims=True)
        for scores in (openvino_scores(path, known.pictures), known.scores)
    )
    assert np.abs((found - wanted).mean(0)).max() < 0.01


def test_form_that_was_written_is_measured_and_tells_of_cells(
    model: Any, known: Known, tmp_path: Path
) -> None:
    path = tmp_path / "model.xml"
    targets = known.scores.argmax(1)
    form = export_int8(model, path, known.pictures[:8], known, known, targets, Console(quiet=True))
    scores = second_look(
        openvino_scores(path, known.pictures),
        openvino_scores(path.with_name("exact.xml"), known.pictures),
    )
    assert form.doubt == DOUBT
    assert form.agreement_within == pytest.approx(agreement_within(scores, known.scores), abs=1e-4)
    assert form.canonical_accuracy == 1.0
    outputs = import_openvino().Core().read_model(path).outputs
    assert [len(port.partial_shape) for port in outputs] == [2, 4]


def test_only_what_is_in_doubt_gets_a_second_look() -> None:
    first = np.array([[0.95, 0.05], [0.6, 0.4], [0.08, 0.92]], np.float32)
    exact = np.array([[0.5, 0.5], [0.3, 0.7], [0.5, 0.5]], np.float32)
    np.testing.assert_array_equal(second_look(first, exact), [first[0], exact[1], first[2]])


def test_the_first_rung_that_holds_is_taken() -> None:
    tried: list[Rung[str]] = []
    measured = {"": 0.992, "a": 0.996, "a b": 1.0}
    best = climb([(), ("a",), ("a", "b")], " ".join, measured.__getitem__, tried.append)
    assert (best.kept, best.form, best.holds) == (("a",), "a", True)
    assert [rung.agreement for rung in tried] == [0.992, 0.996]


def test_where_none_holds_the_one_that_agrees_best_is_taken() -> None:
    measured = {"": 0.9, "a": 0.97, "a b": 0.95}
    best = climb([(), ("a",), ("a", "b")], " ".join, measured.__getitem__)
    assert (best.kept, best.holds) == (("a",), False)


def test_some_of_many_are_from_all_over() -> None:
    pictures = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    many = Known(pictures, np.zeros((100, 3), np.float32))
    assert many.some(3).pictures.ravel().tolist() == [0, 49, 99]
    assert len(many.some(500).pictures) == 100
