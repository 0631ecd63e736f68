"""The network in JAX against the same network in Keras."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.support.backbones import write_random_weights
from tests.support.pictures import picture
from trainer.backbone import BACKBONE_LAYER, build_model, load_backbone
from trainer.size import SIZE

jax = pytest.importorskip("jax", reason="the extra 'jax' is not installed")
network = pytest.importorskip("trainer.network")

PICTURES = np.stack([picture(label, 1, SIZE, SIZE) for label in ("fire", "smoke", "misc")])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    keras.utils.set_random_seed(1)
    weights = write_random_weights(tmp_path_factory.mktemp("network") / "random.weights.h5")
    return build_model(load_backbone(str(weights)).model, 3)


def logits_of(model: Any, *, rounded: bool) -> Any:
    steps = network.steps_of(model)
    compiled = jax.jit(lambda weights, x: network.logits(steps, weights, x, rounded=rounded))
    return np.asarray(compiled(model.get_weights(), PICTURES))


def test_it_computes_what_keras_computes(model: Any) -> None:
    wanted = np.asarray(keras.Model(model.input, model.get_layer("logits").output)(PICTURES))
    found = logits_of(model, rounded=False)
    # bfloat16 keeps 8 bits of each number, through 94 layers.
    np.testing.assert_allclose(found, wanted, atol=0.05 * float(np.abs(wanted).max()))
    rounded = logits_of(model, rounded=True)
    assert (rounded != found).any()
    np.testing.assert_allclose(rounded, wanted, atol=0.1 * float(np.abs(wanted).max()))


def test_what_is_rounded_has_few_values_and_lets_gradients_pass() -> None:
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 4, 5))
    rounded = np.asarray(network.round_kernel(kernel))
    assert all(len(np.unique(rounded[..., channel])) <= 255 for channel in range(5))
    np.testing.assert_allclose(rounded, kernel, atol=float(np.abs(kernel).max()) / 127)
    values = jax.nn.relu(jax.random.normal(jax.random.key(2), (2, 40, 40, 3)))
    seen = np.asarray(network.round_activation(values))
    assert len(np.unique(seen)) <= 256
    assert seen.max() == pytest.approx(float(values.max()))
    for function, given in ((network.round_kernel, kernel), (network.round_activation, values)):
        slope = jax.grad(lambda x, f=function: f(x).sum())(given)
        np.testing.assert_array_equal(np.asarray(slope), np.ones(given.shape))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (layers.UpSampling2D(2), "UpSampling2D is not known here"),
        (layers.Conv2D(8, 1, activation="relu"), "a layer of its own"),
    ],
)
def test_another_network_is_refused(layer: Any, reason: str, tmp_path: Path) -> None:
    scaled = keras.Input((SIZE, SIZE, 3))
    shrunk = layers.AveragePooling2D(32)(scaled)
    other = keras.Model(scaled, layer(shrunk), name=BACKBONE_LAYER)
    pictures = keras.Input((SIZE, SIZE, 3))
    with pytest.raises(ValueError, match=reason):
        network.steps_of(keras.Model(pictures, other(pictures)))
