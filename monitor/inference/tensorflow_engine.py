"""Engine ``tensorflow``: the canonical Keras model, on NVIDIA GPUs and as the reference.

Keras 3 runs on several backends. The model is called through a function that is compiled once for
each batch size: a ``tf.function`` with a fixed signature, or with ``KERAS_BACKEND=jax`` a
``jax.jit``. ``model.predict`` would cost more than the model itself at these sizes. On a GPU the
arithmetic is mixed precision, compiled by XLA; on a CPU it is float32, the reference for parity.
"""

import importlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import BundleError, EngineError
from monitor.inference.buckets import bucket_sizes, check_pictures, check_scores, padded_size
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Plain
from monitor.inference.keras_backends import Forward, keras_backend
from monitor.inference.keras_cells import with_cells
from monitor.inference.scored import Scores

# What a broken or foreign model file makes Keras raise; others are faults of this program.
_LOAD_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    ImportError,
    OSError,
    RuntimeError,
    NotImplementedError,
)


def load_keras(bundle: Bundle) -> Any:
    """Load the canonical model; no code from the file is run.

    Returns:
        ``keras.Model`` from pictures (n, height, width, 3), values 0 to 255, to probabilities.

    Raises:
        BundleError: there is none, it cannot be loaded, or it has other inputs or outputs than the
            manifest says.
    """
    if bundle.keras_path is None:
        raise BundleError(
            f"bundle {bundle.path}: it has no canonical model (model.keras); set inference.engine "
            "to openvino, or copy the bundle completely"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    keras = importlib.import_module("keras")
    try:
        model = keras.saving.load_model(bundle.keras_path, compile=False, safe_mode=True)
    except _LOAD_ERRORS as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BundleError(
            f"bundle {bundle.path}: its Keras model cannot be loaded: {said}; export the bundle "
            "again with this version"
        ) from error
    size = (bundle.geometry.height, bundle.geometry.width, 3)
    inputs = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    outputs = [tuple(tensor.shape[1:]) for tensor in model.outputs]
    if inputs != [size] or outputs != [(len(bundle.labels),)]:
        raise BundleError(
            f"bundle {bundle.path}: its Keras model goes from {inputs} to {outputs}, the manifest "
            f"says {[size]} to {[(len(bundle.labels),)]}; export the bundle again"
        )
    return model


class TensorFlowEngine:
    """Scores with Keras. Not for use by two threads at once."""

    name = "tensorflow"

    def __init__(self, bundle: Bundle, *, threads: int = 0, max_batch: int = 16) -> None:
        """Load the model; each batch size is compiled when it is first used.

        Args:
            bundle: a checked bundle.
            threads: for one operation on the CPU; 0 leaves it to TensorFlow. Has an effect only
                before TensorFlow's first use in this process.
            max_batch: largest batch; larger ones are scored in parts.

        Raises:
            BundleError: as :func:`load_keras`.
            EngineError: Keras runs on a backend that is not known here.
        """
        self._backend = keras_backend(threads)
        self.device = self._backend.device
        self.labels = bundle.labels
        self.batch_sizes: Sequence[int] = bucket_sizes(max_batch)
        self._geometry = bundle.geometry
        model = with_cells(load_keras(bundle))
        self._model: Any = in_mixed_precision(model) if self._backend.on_gpu else model
        self._forwards: dict[int, Forward] = {}

    def warm_up(self) -> None:
        """Compile and run each batch size once."""
        height, width = self._geometry.height, self._geometry.width
        for size in self.batch_sizes:
            self.score(np.zeros((size, height, width, 3), np.uint8))

    def score(self, pictures: NDArray[np.uint8], _plain: Plain | None = None) -> Scores:
        """Score a batch of any size; see :class:`monitor.inference.engine.Engine`."""
        check_pictures(pictures, self._geometry)
        largest = max(self.batch_sizes)
        parts = [
            self._score_part(pictures[start : start + largest])
            for start in range(0, len(pictures), largest)
        ]
        made = [np.concatenate(part) for part in zip(*parts, strict=True)]
        scores = Scores(made[0], made[1] if len(made) > 1 else None)
        return check_scores(scores, len(pictures), len(self.labels))

    def close(self) -> None:
        """Give the model back."""
        self._forwards.clear()
        self._model = None

    def _score_part(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        if self._model is None:
            raise EngineError("the engine tensorflow was closed; load it again")
        count = len(pictures)
        size = padded_size(count, self.batch_sizes)
        if size > count:
            padding = np.zeros((size - count, *pictures.shape[1:]), np.uint8)
            pictures = np.concatenate([pictures, padding])
        try:
            if size not in self._forwards:
                self._forwards[size] = self._backend.compile(self._model, size)
            return [made[:count] for made in self._forwards[size](pictures)]
        # Out of memory, a lost device, no kernel for it: the backends have a class for each, and
        # RuntimeError is not among their parents.
        except Exception as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise EngineError(
                f"{self.device} failed on {count} pictures: {said}; if it happens again, restart "
                "with inference.engine: openvino"
            ) from error


def in_mixed_precision(model: Any) -> Any:
    """A copy of a Keras model that computes in half precision and keeps float32 at both ends.

    float16 rather than bfloat16: every GPU with fast half precision has it, it keeps scores closer
    to the reference, and the batch norms of the model keep its values in range.
    """
    keras = importlib.import_module("keras")
    ends = {operation.name for operation in _last_layers(model)}

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        exact = layer.name in ends or isinstance(
            layer, (keras.layers.InputLayer, keras.layers.Rescaling, keras.layers.Softmax)
        )
        if not exact:
            config["dtype"] = "mixed_float16"
        return layer.__class__.from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def _last_layers(model: Any) -> list[Any]:
    """The layers that give the model's outputs."""
    return [tensor._keras_history.operation for tensor in model.outputs]
