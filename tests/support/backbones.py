"""A backbone that has learned nothing, for tests of what stands around it."""

from pathlib import Path

import keras
import numpy as np

from trainer.backbone import SIZE


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
