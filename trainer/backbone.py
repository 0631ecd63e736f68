"""Inception v3 as this project trains it: batch norms folded into the convolutions.

A frozen batch norm is a fixed scale and shift of each channel, so it can be part of the
convolution before it. Folded, the network computes the same, trains about a third faster, and has
nothing left that behaves differently in training and in use.
"""

import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from monitor.errors import BundleError, TrainingError
from monitor.inference.bundle import load_bundle, resolve_bundle
from trainer.size import SIZE

FEATURES = 2048
"""Width of a bottleneck."""
BACKBONE_LAYER = "backbone"
FIRST_UPPER_BLOCK = "mixed7"
"""Blocks up to the one before this are the lower part, which learns slowest."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network that turns pictures into maps of features, and where it is from."""

    model: Any
    """Keras model: float (n, 299, 299, 3) in [-1, 1] to float (n, 8, 8, 2048)."""
    name: str
    sha256: str
    """Of the file it came from."""


def load_backbone(source: str) -> Backbone:
    """Load the backbone from ``imagenet``, a weights file, or a bundle.

    A bundle is given by its folder, or as ``default`` for the one that ships.

    Raises:
        TrainingError: it cannot be fetched, or does not fit Inception v3.
    """
    if source == "imagenet":
        return _from_imagenet()
    path = resolve_bundle(source)
    return _from_bundle(path) if path.is_dir() else _from_weights(path)


def build_model(backbone: Any, labels: int, dtype: str = "float32") -> Any:
    """Put the whole model together: uint8 RGB in, probabilities out.

    Args:
        backbone: a folded backbone; its weights are copied.
        labels: number of outputs.
        dtype: ``float32``, or ``mixed_bfloat16`` to train faster; the weights are float32 in both.

    Returns:
        Keras model: uint8 (n, 299, 299, 3) to float32 (n, labels), with the layers ``scaling``,
        ``backbone``, ``pool``, ``logits`` and ``probabilities``, all of them Keras's own.
    """
    inside = _clone(backbone, dtype)
    inside.set_weights(backbone.get_weights())
    pictures = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="pictures")
    scaled = layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="scaling")(pictures)
    maps = inside(scaled)
    pooled = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(maps)
    logits = layers.Dense(labels, dtype="float32", name="logits")(pooled)
    scores = layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(pictures, scores, name="emberwatch")


def fold(plain: Any) -> Any:
    """Fold the batch norms of Keras's InceptionV3 (``include_top=False``) into its convolutions.

    Returns:
        A Keras model of convolutions with biases that computes the same.
    """
    norms = {
        layer.input._keras_history[0].name: layer
        for layer in plain.layers
        if isinstance(layer, layers.BatchNormalization)
    }
    folded = _clone(plain, "float32")
    for layer in folded.layers:
        if not isinstance(layer, layers.Conv2D):
            continue
        norm = norms[layer.name]
        kernel = np.asarray(plain.get_layer(layer.name).kernel)
        scale = 1.0 / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
        if norm.scale:
            scale = scale * np.asarray(norm.gamma)
        bias = np.asarray(norm.beta) - np.asarray(norm.moving_mean) * scale
        layer.set_weights([kernel * scale, bias])
    return folded


def _clone(source: Any, dtype: str) -> Any:
    """Copy the structure, without batch norms, layer by layer; weights are not copied."""
    made: dict[str, Any] = {}
    inputs = keras.Input((SIZE, SIZE, 3), dtype="float32", name="scaled")
    made[source.layers[0].name] = inputs
    for layer in source.layers[1:]:
        before = layer.input if isinstance(layer.input, list) else [layer.input]
        arguments = [made[tensor._keras_history[0].name] for tensor in before]
        first = arguments[0]
        if isinstance(layer, layers.BatchNormalization):
            made[layer.name] = first
            continue
        settings = {**layer.get_config(), "dtype": dtype}
        if isinstance(layer, layers.Conv2D):
            settings["use_bias"] = True
        copy = type(layer).from_config(settings)
        made[layer.name] = copy(arguments if isinstance(layer, layers.Concatenate) else first)
    return keras.Model(inputs, made[source.layers[-1].name], name=BACKBONE_LAYER)


def _inception(weights: str | None = None) -> Any:
    return keras.applications.InceptionV3(
        weights=weights, include_top=False, input_shape=(SIZE, SIZE, 3)
    )


def _from_imagenet() -> Backbone:
    try:
        plain = _inception("imagenet")
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise TrainingError(
            "--backbone imagenet: the weights could not be downloaded "
            f"({_first_line(error)}); give a weights file or the folder of a bundle instead"
        ) from error
    digest = hashlib.sha256()
    for value in plain.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return Backbone(fold(plain), "InceptionV3 imagenet (Keras)", digest.hexdigest())


def _from_weights(path: Path) -> Backbone:
    plain = _inception()
    try:
        with _keras_weights_name(path) as named, warnings.catch_warnings():
            # Keras only warns where a file lacks layers, and leaves them untrained.
            warnings.filterwarnings("error", "Skipping nested container", UserWarning)
            plain.load_weights(named)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, UserWarning) as error:
        raise TrainingError(
            f"--backbone {path}: these are no weights of Keras's InceptionV3 without its top "
            f"({_first_line(error)}); give such a file, or the folder of a bundle"
        ) from error
    return Backbone(fold(plain), path.name, digest)


@contextmanager
def _keras_weights_name(path: Path) -> Iterator[Path]:
    """Keras tells the format by the file's name: give other names a fitting link."""
    if path.name.endswith((".weights.h5", ".keras")):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "backbone.weights.h5"
        link.symlink_to(path.resolve())
        yield link


def _from_bundle(path: Path) -> Backbone:
    try:
        bundle = load_bundle(path)
    except BundleError as error:
        raise TrainingError(f"--backbone: {error}") from error
    if bundle.keras_path is None:
        raise TrainingError(f"--backbone {path}: it has no model.keras; give a complete bundle")
    try:
        whole = keras.saving.load_model(bundle.keras_path, compile=False, safe_mode=True)
        model = whole.get_layer(BACKBONE_LAYER)
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"--backbone {path}: its model.keras has no backbone that can be trained on "
            f"({_first_line(error)}); give a bundle that 'emberwatch train' wrote"
        ) from error
    if model.output_shape[-1] != FEATURES:
        raise TrainingError(f"--backbone {path}: its backbone is no Inception v3; give another")
    return Backbone(model, f"bundle {path.name}", bundle.manifest.files["model.keras"])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
