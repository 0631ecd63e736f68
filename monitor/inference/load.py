"""Which engine scores: the one that is named, or the best that this machine has."""

import os
import subprocess
import sys
from pathlib import Path

from monitor.errors import ConfigError
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine

ENGINES = ("auto", "openvino", "tensorflow")

# Without one of these no GPU can be used: NVIDIA, AMD, Windows' Linux.
_GPU_NODES = ("nvidia0", "nvidiactl", "kfd", "dxg")
_PROBE_SECONDS = 60.0


def load_engine(
    bundle: Bundle,
    name: str = "auto",
    *,
    precision: str = "auto",
    threads: int = 0,
    max_batch: int = 16,
    cache_dir: Path | None = None,
) -> Engine:
    """Load the model of a bundle into an engine. It is not warm yet.

    Args:
        bundle: a checked bundle.
        name: ``auto`` (TensorFlow where it sees a GPU, else OpenVINO), ``openvino`` or
            ``tensorflow``.
        precision: for OpenVINO: ``auto``, ``int8`` or ``full``.
        threads: for scoring; 0 takes all cores.
        max_batch: largest batch that is expected; fewer sizes start faster and take less memory.
        cache_dir: folder for compiled models; None keeps none.

    Raises:
        ConfigError: there is no engine of that name.
        BundleError: the bundle lacks what the engine needs.
        EngineError: the engine cannot run here.
    """
    if name not in ENGINES:
        raise ConfigError(f"there is no engine '{name}'; choose one of {', '.join(ENGINES)}")
    if name == "auto":
        name = "tensorflow" if bundle.keras_path is not None and sees_gpu() else "openvino"
    # Imported late: each brings a library of its own, and only one is wanted in memory.
    if name == "tensorflow":
        from monitor.inference.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine(bundle, threads=threads, max_batch=max_batch)
    from monitor.inference.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(
        bundle, precision=precision, threads=threads, max_batch=max_batch, cache_dir=cache_dir
    )


def sees_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether the engine ``tensorflow`` would score on a GPU.

    Looks for device nodes first, so that nothing is imported on a machine without a GPU; where
    there is one, a child process asks the backend of Keras, which may lack the libraries for it.
    """
    if not any((devices / node).exists() for node in _GPU_NODES):
        return False
    question = (
        "from monitor.inference.keras_backends import keras_backend; "
        "raise SystemExit(not keras_backend().on_gpu)"
    )
    try:
        answer = subprocess.run(
            [sys.executable, "-c", question],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False  # a driver that hangs is no GPU to rely on
    return answer.returncode == 0
