"""Backbones that have learned nothing, for tests of what stands around them."""

from pathlib import Path

import keras
import numpy as np
from keras import layers

from monitor.inference.bundle import KERAS_NAME, write_manifest
from tests.support.bundles import tiny_manifest
from trainer.backbone import BACKBONE_LAYER, FEATURES, build_model
from trainer.export import save_keras
from trainer.layers import BLOCKS
from trainer.size import SIZE


def write_random_weights(path: Path, seed: int = 0) -> Path:
    """Write weights of Keras's InceptionV3 without its top: random ones, alive to the end.

    The statistics of the batch norms are drawn too, so that folding them has something to do.
    """
    keras.utils.set_random_seed(seed)
    plain = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(SIZE, SIZE, 3)
    )
    rng = np.random.default_rng(seed)
    for layer in plain.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean, variance = (np.asarray(value) for value in layer.get_weights())
            layer.set_weights([
                rng.normal(0.1, 0.1, beta.shape),
                rng.normal(0.0, 0.1, mean.shape),
                rng.uniform(0.3, 0.7, variance.shape),
            ])  # fmt: skip
    plain.save_weights(path)
    return path


def write_tiny_backbone(folder: Path, seed: int = 0) -> Path:
    """Write a bundle to start from, whose network takes milliseconds.

    It has the blocks of Inception v3 by their names, each of one convolution of 1x1.
    """
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((SIZE, SIZE, 3), name="scaled")
    made = layers.AveragePooling2D(32, name="shrink")(pictures)
    for number in range(5):
        made = layers.Conv2D(8, 1, name=f"conv2d_{number}" if number else "conv2d")(made)
    for number, block in enumerate(BLOCKS, 5):
        width = FEATURES if block == BLOCKS[-1] else 8
        made = layers.Conv2D(width, 1, name=f"conv2d_{number}")(made)
        made = layers.Activation("relu", name=block)(made)
    folder.mkdir(parents=True)
    whole = build_model(keras.Model(pictures, made, name=BACKBONE_LAYER), 3)
    save_keras(whole, folder / KERAS_NAME)
    write_manifest(folder, tiny_manifest().model_copy(update={"openvino": None}))
    return folder
