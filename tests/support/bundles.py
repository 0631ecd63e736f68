"""A tiny model bundle whose scores anyone can foretell from the picture.

The model takes the mean colour of the picture: red is fire, white or light grey is smoke, anything
else (black, dark grey, green, blue) is misc. It is built in milliseconds, without TensorFlow.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.inference.bundle import KERAS_NAME, OPENVINO_XML, Bundle, write_manifest
from monitor.inference.manifest import BaseWeights, Geometry, Manifest, OpenVinoForm
from monitor.inference.openvino_runtime import import_openvino

# As the program does: without the telemetry that comes with it.
openvino = import_openvino()
ops = importlib.import_module("openvino.opset13")

LABELS = ("fire", "misc", "smoke")
FIRE_COLOUR = (230, 20, 20)
"""RGB; scores above 0.99 for fire."""
SMOKE_COLOUR = (235, 235, 235)
"""RGB; scores above 0.99 for smoke."""
MISC_COLOUR = (30, 60, 30)
"""RGB; scores above 0.99 for misc."""
CELL = 8
"""Width and height of a cell, pixels, where the tiny model tells of cells."""

# Logits = mean RGB in [0, 1] times KERNEL, plus BIAS: fire for more red than green and blue, smoke
# for brightness of all three, misc is what neither of both reaches.
_STEEPNESS = 25.0
KERNEL = _STEEPNESS * np.array(
    [[1.0, 0.0, 1 / 3], [-0.5, 0.0, 1 / 3], [-0.5, 0.0, 1 / 3]], dtype=np.float32
)
BIAS = _STEEPNESS * np.array([-0.3, 0.0, -0.6], dtype=np.float32)


def plain(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """A picture of one colour: uint8 (height, width, 3), RGB."""
    return np.full((height, width, 3), colour, dtype=np.uint8)


def tiny_manifest(labels: tuple[str, ...] = LABELS, side: int = 299) -> Manifest:
    """The manifest of the tiny bundle, before its files are hashed."""
    return Manifest(
        labels=list(labels),
        geometry=Geometry(width=side, height=side),
        thresholds={label: 0.5 for label in labels if label != "misc"},
        metrics={"accuracy": 1.0},
        data_fingerprint="none",
        base_weights=BaseWeights(name="none", sha256="0" * 64),
        created="2026-01-01T00:00:00+00:00",
        openvino=OpenVinoForm(
            precision="f32",
            accuracy=1.0,
            canonical_accuracy=1.0,
            max_difference=0.0,
            agreement=1.0,
        ),
    )


def tiny_bundle(folder: Path, labels: tuple[str, ...] = LABELS, side: int = 299) -> Bundle:
    """Write the tiny bundle to ``folder``, with its OpenVINO form alone."""
    write_tiny_openvino(folder, side)
    return write_manifest(folder, tiny_manifest(labels, side))


def tiny_cells_bundle(folder: Path, side: int = 64) -> Bundle:
    """The tiny bundle, whose OpenVINO form tells of its cells too: 8 pixels wide and high each."""
    write_tiny_openvino(folder, side, cells=True)
    return write_manifest(folder, tiny_manifest(side=side))


def tiny_keras_bundle(folder: Path, side: int = 299) -> Bundle:
    """The tiny bundle with both forms; imports Keras, which takes seconds."""
    write_tiny_openvino(folder, side)
    write_tiny_keras(folder, side)
    return write_manifest(folder, tiny_manifest(side=side))


def write_tiny_openvino(folder: Path, side: int = 299, *, cells: bool = False) -> None:
    """Write ``openvino/model.xml`` and ``.bin``; with ``cells``, a second output tells of these."""
    pictures = ops.parameter([-1, side, side, 3], dtype=np.uint8, name="pictures")
    unit = ops.divide(ops.convert(pictures, "f32"), ops.constant(np.float32(255.0)))
    means = ops.reduce_mean(unit, ops.constant([1, 2]), keep_dims=False)
    outputs = [ops.softmax(_logits(means), axis=1)]
    if cells:
        count = side // CELL
        # Each cell's pixels on axes of their own.
        parts = ops.constant(np.array([0, count, CELL, count, CELL, 3]))
        split = ops.reshape(unit, parts, special_zero=True)
        outputs.append(_logits(ops.reduce_mean(split, ops.constant([2, 4]), keep_dims=False)))
    model = openvino.Model(outputs, [pictures], "tiny")
    path = folder / OPENVINO_XML
    path.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, path, compress_to_fp16=False)


def _logits(colours: Any) -> Any:
    return ops.add(
        ops.matmul(colours, ops.constant(KERNEL), transpose_a=False, transpose_b=False),
        ops.constant(BIAS),
    )


def write_tiny_keras(folder: Path, side: int = 299, *, cells: bool = False) -> None:
    """Write ``model.keras`` with the same arithmetic; with ``cells`` built as trained models are,
    so that these can be told."""
    import keras

    inputs = keras.Input((side, side, 3), dtype="uint8", name="pictures")
    unit = keras.layers.Rescaling(1 / 255.0)(inputs)
    if cells:
        unit = keras.layers.AveragePooling2D(CELL, name="backbone")(unit)
    means = keras.layers.GlobalAveragePooling2D(name="pool")(unit)
    head = keras.layers.Dense(len(LABELS), name="logits", activation=None if cells else "softmax")
    scores = head(means)
    if cells:
        scores = keras.layers.Softmax(name="probabilities")(scores)
    model = keras.Model(inputs, scores)
    head.set_weights([KERNEL, BIAS])
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / KERAS_NAME)
