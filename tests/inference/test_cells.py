"""Cells: what each part of the picture adds to its logits, from the same pass, in each engine."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.batcher import Batch, Batcher
from monitor.inference.buckets import check_scores
from monitor.inference.bundle import Bundle, write_manifest
from monitor.inference.convert import convert_keras
from monitor.inference.engine import Engine
from monitor.inference.keras_cells import with_cells
from monitor.inference.openvino_engine import OpenVinoEngine
from monitor.inference.regions import full_view
from monitor.inference.scored import Scores
from monitor.inference.scorer import Scorer
from monitor.inference.tensorflow_engine import TensorFlowEngine, in_mixed_precision, load_keras
from tests.support.bundles import (
    CELL,
    FIRE_COLOUR,
    MISC_COLOUR,
    SMOKE_COLOUR,
    plain,
    tiny_cells_bundle,
    tiny_manifest,
    write_tiny_keras,
)
from tests.support.frames import frame

# Keras and NumPy disagree on a keyword; nothing that this project could change.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDE = 64
GRID = SIDE // CELL


@pytest.fixture(scope="module")
def canonical(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with a canonical model that is built as trained ones are, and nothing else."""
    folder = tmp_path_factory.mktemp("canonical")
    write_tiny_keras(folder, SIDE, cells=True)
    return write_manifest(folder, tiny_manifest(side=SIDE).model_copy(update={"openvino": None}))


@pytest.fixture(scope="module", params=["openvino", "openvino, converted", "tensorflow"])
def engine(
    request: pytest.FixtureRequest, canonical: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    if request.param == "openvino":
        return OpenVinoEngine(tiny_cells_bundle(tmp_path_factory.mktemp("form")), max_batch=4)
    if request.param == "tensorflow":
        return TensorFlowEngine(canonical, max_batch=4)
    return OpenVinoEngine(canonical, precision="full", max_batch=4)


def pictures(count: int) -> NDArray[np.uint8]:
    """Pictures of blocks of colours, each block a cell."""
    cells = np.random.default_rng(3).integers(0, 256, (count, GRID, GRID, 3), np.uint8)
    return cells.repeat(CELL, 1).repeat(CELL, 2)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), np.float32)


def test_cells_average_to_the_logits(engine: Engine) -> None:
    scores = engine.score(pictures(7))
    assert scores.cells is not None
    assert scores.cells.shape == (7, GRID, GRID, 3)
    # bfloat16, where the CPU has it, keeps three digits of logits up to 15.
    assert np.abs(softmax(scores.cells.mean((1, 2))) - scores.probabilities).max() < 0.05


def test_each_cell_tells_of_its_own_place(engine: Engine) -> None:
    picture = plain(MISC_COLOUR, SIDE, SIDE)
    picture[2 * CELL : 3 * CELL, 5 * CELL : 6 * CELL] = FIRE_COLOUR
    picture[6 * CELL :, : 2 * CELL] = SMOKE_COLOUR
    cells = engine.score(picture[None]).cells
    assert cells is not None
    best = cells[0].argmax(-1)
    wanted = np.ones((GRID, GRID), int)
    wanted[2, 5], wanted[6:, :2] = 0, 2
    assert (best == wanted).all()


def test_cells_do_not_change_the_probabilities(canonical: Bundle) -> None:
    model = load_keras(canonical)
    both = with_cells(model)
    assert (np.asarray(both(pictures(3))[0]) == np.asarray(model(pictures(3)))).all()
    assert len(model.outputs) == 1


def test_mixed_precision_keeps_the_cells(canonical: Bundle) -> None:
    both = with_cells(load_keras(canonical))
    mixed = in_mixed_precision(both)
    difference = np.asarray(mixed(pictures(3))[1]) - np.asarray(both(pictures(3))[1])
    # Of logits up to 15, of which half precision keeps three digits at each step.
    assert np.abs(difference).max() < 0.5


def test_model_that_ends_otherwise_is_left_as_it_is(tiny_keras: Bundle) -> None:
    model = load_keras(tiny_keras)
    assert with_cells(model) is model
    converted = convert_keras(model, 299, 299)
    assert len(converted.outputs) == 1


def test_model_without_cells_scores_all_the_same(tiny: Bundle) -> None:
    scores = OpenVinoEngine(tiny, max_batch=1).score(plain(FIRE_COLOUR, 299, 299)[None])
    assert scores.cells is None
    assert scores.probabilities.argmax() == 0


def test_cells_reach_the_scored_region(tmp_path: Path) -> None:
    bundle = tiny_cells_bundle(tmp_path)
    scorer, batcher = Scorer(OpenVinoEngine(bundle, max_batch=2), bundle.geometry), Batcher(2, 0.0)
    batcher.add(frame("a", pixels=plain(FIRE_COLOUR)), (full_view(),), 0.0)
    (scored,) = scorer.step(batcher, 0.0)
    (region,) = scored.regions
    assert region.cells is not None
    assert region.cells.shape == (GRID, GRID, 3)
    assert (region.cells.argmax(-1) == 0).all()
    assert region.cells.base is None


def test_batch_without_cells_gives_regions_without() -> None:
    batcher = Batcher(1, 0.0)
    batcher.add(frame("a"), (full_view(),), 0.0)
    batch = batcher.take(0.0)
    assert isinstance(batch, Batch)
    (scored,) = batcher.complete(batch, Scores(np.zeros((1, 3), np.float32)))
    assert scored.regions[0].cells is None


@pytest.mark.parametrize(
    "cells",
    [
        np.zeros((2, 8, 8, 3)),
        np.zeros((1, 8, 8, 2)),
        np.zeros((1, 64, 3)),
        np.full((1, 2, 2, 3), np.nan),
    ],
)
def test_cells_of_another_shape_or_without_a_number_are_refused(
    cells: NDArray[np.float64],
) -> None:
    row = np.array([[1.0, 0.0, 0.0]], np.float32)
    with pytest.raises(EngineError, match="cells"):
        check_scores(Scores(row, cells.astype(np.float32)), 1, 3)
