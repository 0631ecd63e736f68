"""The canonical Keras model in OpenVINO's format.

Runs as a child process, ``python -m monitor.inference.convert BUNDLE MODEL.xml``, because it needs
TensorFlow, which shall never be in the daemon's memory when it scores with OpenVINO.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from monitor.errors import BundleError, EmberwatchError, EngineError
from monitor.inference.bundle import Bundle, load_bundle
from monitor.inference.openvino_runtime import import_openvino

_TIMEOUT_SECONDS = 600.0


def convert_in_child(bundle: Bundle, model: Path) -> None:
    """Convert the canonical model of a bundle; ``model`` (.xml, with .bin) appears when complete.

    Raises:
        BundleError: there is no canonical model.
        EngineError: it cannot be converted.
    """
    if bundle.keras_path is None:
        raise BundleError(
            f"bundle {bundle.path}: it has neither an OpenVINO form nor a canonical model that is "
            "asked for; copy the bundle completely"
        )
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, "-m", "monitor.inference.convert", str(bundle.path), str(model)]
    try:
        result = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(
            f"the canonical model of {bundle.path} was not converted: {error}; "
            "set inference.precision to auto"
        ) from error
    if result.returncode != 0 or not model.is_file():
        said = result.stderr.strip().splitlines()
        raise EngineError(
            f"the canonical model of {bundle.path} was not converted for OpenVINO: "
            f"{said[-1] if said else f'exit {result.returncode}'}; set inference.precision to auto"
        )


def convert_keras(model: Any, width: int, height: int) -> Any:
    """Convert a Keras model.

    Args:
        model: a ``keras.Model`` on the TensorFlow backend, from pictures to probabilities and, as
            :func:`monitor.inference.keras_cells.with_cells` makes it, cells.
        width: of its input, pixels.
        height: of its input, pixels.

    Returns:
        ``openvino.Model`` from uint8 (?, height, width, 3) to what the Keras model gives, in its
        order: float32 (?, labels), and (?, rows, columns, labels).
    """
    import tensorflow

    openvino = import_openvino()
    signature = tensorflow.TensorSpec((None, height, width, 3), tensorflow.uint8, name="pictures")
    wanted = model.inputs[0].dtype

    @tensorflow.function(input_signature=[signature])  # type: ignore[untyped-decorator]
    def score(pictures: Any) -> Any:
        return model(tensorflow.cast(pictures, wanted), training=False)

    return openvino.convert_model(score)


def main(arguments: list[str]) -> int:
    """Convert ``arguments[0]``, a bundle, to ``arguments[1]``, an .xml file."""
    from monitor.inference.keras_cells import with_cells
    from monitor.inference.tensorflow_engine import load_keras

    bundle, target = load_bundle(arguments[0]), Path(arguments[1])
    openvino = import_openvino()
    model = with_cells(load_keras(bundle))
    converted = convert_keras(model, bundle.geometry.width, bundle.geometry.height)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".convert-") as scratch:
        fresh = Path(scratch) / target.name
        openvino.save_model(converted, fresh, compress_to_fp16=True)
        # The .xml last: where it is, the model is complete.
        fresh.with_suffix(".bin").replace(target.with_suffix(".bin"))
        fresh.replace(target)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EmberwatchError as failure:
        sys.exit(str(failure))
