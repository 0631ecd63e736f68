"""The network as a plain list of steps, computed with JAX.

Keras computes a model with the framework that it was started with, and TensorFlow's wheels know few
GPUs. JAX runs on CPUs and GPUs alike, so the network is read from the Keras model and computed
here. In training, steps can round weights and activations as the int8 form does, so that the
network learns to bear it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from keras import activations, layers

from trainer.backbone import BACKBONE_LAYER

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_KINDS: dict[type, str] = {
    layers.Conv2D: "convolution",
    layers.Activation: "relu",
    layers.MaxPooling2D: "largest",
    layers.AveragePooling2D: "mean",
    layers.Concatenate: "join",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One layer: what it does, with what, and where its result goes."""

    kind: str
    """``convolution``, ``relu``, ``largest``, ``mean`` or ``join``."""
    inputs: tuple[str, ...]
    """Names of the layers before it."""
    name: str
    weights: int = -1
    """Number of its kernel among the model's weights; its bias is the next."""
    window: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    padding: str = "VALID"


def steps_of(model: Any) -> tuple[Step, ...]:
    """Read a model of :func:`trainer.backbone.build_model`.

    Raises:
        ValueError: a layer such as Inception v3 has not.
    """
    backbone = model.get_layer(BACKBONE_LAYER)
    number = {variable.path: index for index, variable in enumerate(model.weights)}
    made = []
    for layer in backbone.layers[1:]:
        if (kind := _KINDS.get(type(layer))) is None:
            raise ValueError(f"layer {layer.name}: {type(layer).__name__} is not known here")
        if kind == "convolution" and layer.activation is not activations.linear:
            raise ValueError(f"layer {layer.name}: an activation must be a layer of its own")
        before = layer.input if isinstance(layer.input, list) else [layer.input]
        made.append(
            Step(
                kind,
                tuple(tensor._keras_history[0].name for tensor in before),
                layer.name,
                number[layer.kernel.path] if kind == "convolution" else -1,
                getattr(layer, "pool_size", (1, 1)),
                getattr(layer, "strides", (1, 1)),
                getattr(layer, "padding", "valid").upper(),
            )
        )
    return tuple(made)


def logits(
    steps: Sequence[Step], weights: Sequence[Any], pictures: Any, *, rounded: bool = False
) -> Any:
    """Compute the logits, in bfloat16 but for the head.

    Args:
        steps: of the backbone.
        weights: float32 arrays in the model's order; the head's kernel and bias are the last.
        pictures: uint8 (n, 299, 299, 3).
        rounded: round weights and activations to 8 bits on the way; gradients pass as if they
            were not.

    Returns:
        float32 (n, labels).
    """
    scaled = pictures.astype(jnp.float32) / 127.5 - 1
    values = {steps[0].inputs[0]: scaled.astype(jnp.bfloat16)}
    for step in steps:
        inputs = [values[name] for name in step.inputs]
        made = _compute(step, inputs, weights, rounded)
        if rounded and step.kind in ("relu", "mean"):
            made = round_activation(made)
        values[step.name] = made
    pooled = values[steps[-1].name].astype(jnp.float32).mean(axis=(1, 2))
    return jnp.dot(pooled, weights[-2], precision="highest") + weights[-1]


def _compute(step: Step, inputs: Sequence[Any], weights: Sequence[Any], rounded: bool) -> Any:
    first = inputs[0]
    if step.kind == "convolution":
        kernel, bias = weights[step.weights], weights[step.weights + 1]
        if rounded:
            kernel = round_kernel(kernel)
        made = lax.conv_general_dilated(
            first, kernel.astype(first.dtype), step.strides, step.padding,
            dimension_numbers=_LAYOUT,
        )  # fmt: skip
        return made + bias.astype(first.dtype)
    if step.kind == "relu":
        return jax.nn.relu(first)
    if step.kind == "join":
        return jnp.concatenate(inputs, axis=-1)
    window, strides = (1, *step.window, 1), (1, *step.strides, 1)
    if step.kind == "largest":
        return lax.reduce_window(first, -jnp.inf, lax.max, window, strides, step.padding)
    # As TensorFlow's: what lies beyond the border does not count.
    wide = first.astype(jnp.float32)
    total = lax.reduce_window(wide, 0.0, lax.add, window, strides, step.padding)
    ones = jnp.ones((1, *first.shape[1:3], 1), jnp.float32)
    count = lax.reduce_window(ones, 0.0, lax.add, window, strides, step.padding)
    return (total / count).astype(first.dtype)


def round_kernel(kernel: Any) -> Any:
    """To 255 steps about 0, the range of each output channel its own."""
    largest = jnp.abs(kernel).max(axis=(0, 1, 2))
    step = lax.stop_gradient(jnp.maximum(largest, 1e-12) / 127)
    return kernel + lax.stop_gradient(jnp.round(kernel / step) * step - kernel)


def round_activation(values: Any) -> Any:
    """To 256 steps from 0 to the largest of the batch: activations behind a ReLU have no sign."""
    wide = values.astype(jnp.float32)
    step = lax.stop_gradient(jnp.maximum(wide.max(), 1e-12) / 255)
    nearest = (jnp.round(wide / step) * step).astype(values.dtype)
    return values + lax.stop_gradient(nearest - values)
