"""A canonical model as ONNX, written layer by layer.

The models of this project are made of a dozen kinds of Keras layers, each of which is one or two
operators of ONNX. Saying them directly needs the small package ``onnx`` alone, and the file has
readable names instead of what a tracing converter leaves.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from monitor.errors import TrainingError

_OPSET = 17
_IR_VERSION = 8
"""Of 2022: what runtimes of the last years read."""


def write_onnx(model: Any, path: Path, labels: Sequence[str]) -> None:
    """Write a model.

    The file takes ``pictures``, uint8 (batch, height, width, 3), and gives ``scores``, float32
    (batch, labels); its metadata hold the labels, separated by line ends.

    Args:
        model: a Keras model of the layers that Inception v3 and its head are made of.
        path: where the file goes.
        labels: in output order.

    Raises:
        TrainingError: the package ``onnx`` is missing, or the model has another kind of layer.
    """
    onnx = _import_onnx()
    shape = tuple(model.inputs[0].shape[1:])
    graph = _Graph(onnx)
    pictures = graph.node("Cast", ["pictures"], "to_float", to=onnx.TensorProto.FLOAT)
    # ONNX has the channels before rows and columns.
    pictures = graph.node("Transpose", [pictures], "to_channels_first", perm=[0, 3, 1, 2])
    (scores,) = graph.model(model, [pictures])
    graph.node("Identity", [scores], "result", output="scores")
    helper = onnx.helper
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "emberwatch",
            [helper.make_tensor_value_info("pictures", onnx.TensorProto.UINT8, ["batch", *shape])],
            [helper.make_tensor_value_info(
                "scores", onnx.TensorProto.FLOAT, ["batch", len(labels)])],
            graph.constants,
        ),
        producer_name="emberwatch",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )  # fmt: skip
    helper.set_model_props(made, {"labels": "\n".join(labels)})
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, str(path))


def _import_onnx() -> Any:
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise TrainingError(
            "the format onnx needs the Python package 'onnx', which is not installed; install "
            "it with: pip install 'onnx>=1.18'"
        ) from error


class _Graph:
    """ONNX nodes and constants, as they are added; tensors go by their names."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._writers: dict[type, Callable[[Any, list[str]], str]] = {
            layers.Rescaling: self._rescaling,
            layers.Conv2D: self._convolution,
            layers.BatchNormalization: self._batch_norm,
            layers.Activation: lambda layer, given: self._activation(layer, given[0], layer.name),
            layers.ReLU: self._relu,
            layers.MaxPooling2D: self._pooling,
            layers.AveragePooling2D: self._pooling,
            layers.GlobalAveragePooling2D: self._global_average,
            layers.Concatenate: self._concatenation,
            layers.Dense: self._dense,
            layers.Softmax: lambda layer, given: self.node("Softmax", given, layer.name, axis=1),
            layers.Dropout: lambda _, given: given[0],
        }

    def node(
        self, kind: str, given: Sequence[str], name: str, *, output: str = "", **settings: Any
    ) -> str:
        """Add one operator with one output, and name the output."""
        output = output or f"{name}:0"
        self.nodes.append(
            self._onnx.helper.make_node(kind, list(given), [output], name=name, **settings)
        )
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        array = np.ascontiguousarray(value, np.float32)
        self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def model(self, model: Any, given: Sequence[str]) -> list[str]:
        """Add all layers of a functional model, and of models inside it."""
        tensors = {
            tensor._keras_history.operation.name: name
            for tensor, name in zip(model.inputs, given, strict=True)
        }
        for layer in model.layers:
            if layer.name in tensors:
                continue
            nodes = layer._inbound_nodes
            if len(nodes) != 1:
                raise _unsupported(layer, "used more than once")
            sources = [tensors[t._keras_history.operation.name] for t in nodes[0].input_tensors]
            tensors[layer.name] = self._layer(layer, sources)
        return [tensors[tensor._keras_history.operation.name] for tensor in model.outputs]

    def _layer(self, layer: Any, given: list[str]) -> str:
        if isinstance(layer, keras.Model):
            return self.model(layer, given)[0]
        writer = self._writers.get(type(layer))
        if writer is None:
            raise _unsupported(layer, "of a kind that is not written")
        if getattr(layer, "data_format", "channels_last") != "channels_last":
            raise _unsupported(layer, "with channels first")
        return writer(layer, given)

    def _rescaling(self, layer: Any, given: list[str]) -> str:
        if np.ndim(layer.scale) or np.ndim(layer.offset):
            raise _unsupported(layer, "with a scale for each channel")
        scale = self.constant(f"{layer.name}/scale", np.array(layer.scale))
        offset = self.constant(f"{layer.name}/offset", np.array(layer.offset))
        scaled = self.node("Mul", [given[0], scale], f"{layer.name}/scaled")
        return self.node("Add", [scaled, offset], layer.name)

    def _convolution(self, layer: Any, given: list[str]) -> str:
        # Keras: rows, columns, in, out. ONNX: out, in, rows, columns.
        kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
        inputs = [given[0], self.constant(f"{layer.name}/kernel", kernel)]
        if layer.use_bias:
            inputs.append(self.constant(f"{layer.name}/bias", np.asarray(layer.bias)))
        made = self.node(
            "Conv", inputs, layer.name,
            kernel_shape=list(layer.kernel_size), strides=list(layer.strides),
            dilations=list(layer.dilation_rate), group=layer.groups, auto_pad=_padding(layer),
        )  # fmt: skip
        return self._activation(layer, made, f"{layer.name}/activation")

    def _batch_norm(self, layer: Any, given: list[str]) -> str:
        if layer.axis not in (-1, 3):
            raise _unsupported(layer, "over another axis than the channels")
        mean = np.asarray(layer.moving_mean)
        values = {
            "scale": np.asarray(layer.gamma) if layer.scale else np.ones_like(mean),
            "offset": np.asarray(layer.beta) if layer.center else np.zeros_like(mean),
            "mean": mean,
            "variance": np.asarray(layer.moving_variance),
        }
        inputs = [self.constant(f"{layer.name}/{name}", value) for name, value in values.items()]
        return self.node(
            "BatchNormalization", [given[0], *inputs], layer.name, epsilon=float(layer.epsilon)
        )

    def _relu(self, layer: Any, given: list[str]) -> str:
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise _unsupported(layer, "with a bound or a slope")
        return self.node("Relu", given, layer.name)

    def _pooling(self, layer: Any, given: list[str]) -> str:
        kind = "MaxPool" if isinstance(layer, layers.MaxPooling2D) else "AveragePool"
        # As in Keras, what is padded does not count in an average.
        return self.node(
            kind, given, layer.name,
            kernel_shape=list(layer.pool_size), strides=list(layer.strides),
            auto_pad=_padding(layer),
        )  # fmt: skip

    def _global_average(self, layer: Any, given: list[str]) -> str:
        if layer.keepdims:
            raise _unsupported(layer, "with keepdims")
        mean = self.node("GlobalAveragePool", given, layer.name)
        return self.node("Flatten", [mean], f"{layer.name}/flat")

    def _concatenation(self, layer: Any, given: list[str]) -> str:
        if layer.axis not in (-1, 3):
            raise _unsupported(layer, "over another axis than the channels")
        return self.node("Concat", given, layer.name, axis=1)

    def _dense(self, layer: Any, given: list[str]) -> str:
        inputs = [given[0], self.constant(f"{layer.name}/kernel", np.asarray(layer.kernel))]
        if layer.use_bias:
            inputs.append(self.constant(f"{layer.name}/bias", np.asarray(layer.bias)))
        made = self.node("Gemm", inputs, layer.name)
        return self._activation(layer, made, f"{layer.name}/activation")

    def _activation(self, layer: Any, given: str, name: str) -> str:
        kind = getattr(layer.activation, "__name__", "")
        if kind == "linear":
            return given
        if kind == "relu":
            return self.node("Relu", [given], name)
        if kind == "softmax":
            return self.node("Softmax", [given], name, axis=1)
        raise _unsupported(layer, f"with the activation '{kind}'")


def _padding(layer: Any) -> str:
    return "SAME_UPPER" if layer.padding == "same" else "VALID"


def _unsupported(layer: Any, what: str) -> TrainingError:
    return TrainingError(
        f"the layer '{layer.name}' ({type(layer).__name__}) is {what}, so the model cannot be "
        "written as ONNX; choose the format saved-model"
    )
