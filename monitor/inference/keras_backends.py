"""How a Keras model is compiled for one batch size, on each backend of Keras that is known here."""

import importlib
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError

Forward = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
"""Gives all outputs of a model for a batch of exactly one size."""


class Backend(Protocol):
    """One backend of Keras, set up."""

    on_gpu: bool
    device: str
    """What it runs on, for people."""

    def compile(self, model: Any, size: int) -> Forward:
        """A function that scores ``size`` pictures with a ``keras.Model``."""
        ...


class TensorFlowBackend:
    """``tf.function`` with a fixed signature; on a GPU compiled by XLA."""

    def __init__(self, threads: int) -> None:
        """``threads``: for one operation; 0 leaves it to TensorFlow."""
        self._tensorflow = importlib.import_module("tensorflow")
        config = self._tensorflow.config
        gpus = config.list_physical_devices("GPU")
        # RuntimeError: TensorFlow runs already in this process, and keeps what it began with.
        with suppress(RuntimeError):
            for gpu in gpus:
                # Or it takes the whole memory of a card that others may use too.
                config.experimental.set_memory_growth(gpu, True)
            if threads:
                config.threading.set_intra_op_parallelism_threads(threads)
        self.on_gpu = bool(gpus)
        self.device = "GPU:0 (float16, XLA)" if gpus else "CPU (float32)"

    def compile(self, model: Any, size: int) -> Forward:
        tensorflow = self._tensorflow
        wanted = model.inputs[0].dtype
        shape = (size, *model.inputs[0].shape[1:])

        def call(pictures: Any) -> Any:
            made = _as_list(model(tensorflow.cast(pictures, wanted), training=False))
            return [tensorflow.cast(output, tensorflow.float32) for output in made]

        # XLA takes tens of seconds a size on a CPU, for little.
        function = tensorflow.function(
            call,
            input_signature=[tensorflow.TensorSpec(shape, tensorflow.uint8)],
            jit_compile=self.on_gpu,
        ).get_concrete_function()

        def forward(pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            made = function(tensorflow.constant(pictures))
            return [np.asarray(output.numpy(), dtype=np.float32) for output in made]

        return forward


class JaxBackend:
    """``jax.jit``, compiled ahead for the size."""

    def __init__(self, _threads: int) -> None:
        """JAX has no setting for threads."""
        self._jax = importlib.import_module("jax")
        platform = str(self._jax.default_backend())
        self.on_gpu = platform in ("gpu", "cuda", "rocm")
        self.device = f"{platform.upper()}:0 ({'float16' if self.on_gpu else 'float32'}, JAX)"

    def compile(self, model: Any, size: int) -> Forward:
        jax = self._jax
        wanted = model.inputs[0].dtype
        weights = [variable.value for variable in model.trainable_variables]
        state = [variable.value for variable in model.non_trainable_variables]

        def call(weights: Any, state: Any, pictures: Any) -> Any:
            cast = pictures.astype(wanted)
            made, _ = model.stateless_call(weights, state, cast, training=False)
            return [output.astype("float32") for output in _as_list(made)]

        shape = jax.ShapeDtypeStruct((size, *model.inputs[0].shape[1:]), np.uint8)
        compiled = jax.jit(call).lower(weights, state, shape).compile()

        def forward(pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            made = compiled(weights, state, pictures)
            return [np.asarray(output, dtype=np.float32) for output in made]

        return forward


def _as_list(outputs: Any) -> list[Any]:
    """Keras gives a single output as it is, and several as a list."""
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


BACKENDS: dict[str, Callable[[int], Backend]] = {
    "tensorflow": TensorFlowBackend,
    "jax": JaxBackend,
}
"""By the name that Keras gives them; each takes the number of threads."""


def keras_backend(threads: int = 0) -> Backend:
    """The backend that Keras runs on in this process, set up.

    Args:
        threads: for one operation on the CPU; 0 leaves it to the backend.

    Raises:
        EngineError: it is none of those that are known here.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Or JAX takes three quarters of a card that others, decoders among them, may use too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    name = str(importlib.import_module("keras").backend.backend())
    if name not in BACKENDS:
        raise EngineError(
            f"Keras runs on the backend '{name}', the engine tensorflow on "
            f"{' and '.join(BACKENDS)}; set the environment variable KERAS_BACKEND"
        )
    return BACKENDS[name](threads)
