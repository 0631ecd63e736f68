"""``emberwatch export``: a bundle's canonical model in the formats of other programs.

Each form takes uint8 RGB pictures, (n, height, width, 3) with values 0 to 255, and gives calibrated
probabilities, (n, labels): scaling and temperature are inside. What was written is read again and
compared with the canonical model before it takes its place.
"""

import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from monitor.errors import TrainingError
from monitor.inference.bundle import LABELS_NAME, Bundle
from monitor.inference.convert import convert_keras
from monitor.inference.openvino_runtime import import_openvino
from monitor.inference.tensorflow_engine import load_keras
from trainer.onnx_form import write_onnx

INPUT = "pictures"
OUTPUT = "scores"
FINAL_TENSOR = "final_result"
"""The output's name in a frozen graph, as TensorFlow's retrain.py called it."""

TOLERANCE = 0.005
"""Largest difference of a score from the canonical model's that is let through."""

_SAMPLES = 8

Pictures = NDArray[np.uint8]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Form:
    """One format: how it is written, and how its scores are computed to check it."""

    is_folder: bool
    write: Callable[[Any, Path, Bundle], None]
    """Takes the Keras model, the path to write, and the bundle it is from."""
    score: Callable[[Path, Pictures], Scores]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    labels_path: Path
    """The labels, one a line, in output order."""
    max_difference: float
    """Of any score from the canonical model's, on generated pictures."""


def export(bundle: Bundle, form_name: str, output: Path) -> Exported:
    """Write one form of a bundle's canonical model.

    Args:
        bundle: a checked bundle.
        form_name: a key of FORMS.
        output: a folder for ``saved-model`` and ``openvino``, else a file; must not exist.

    Raises:
        TrainingError: something is there already, it cannot be written, a package is missing, or
            its scores are not the canonical model's.
        BundleError: the bundle has no canonical model.
    """
    form = FORMS[form_name]
    labels = (output / LABELS_NAME) if form.is_folder else output.with_name(
        f"{output.name}.{LABELS_NAME}"
    )  # fmt: skip
    for path in (output, labels):
        if path.exists():
            raise TrainingError(f"{path}: this is there already; name another, or remove it")
    model = load_keras(bundle)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    except OSError as error:
        raise TrainingError(
            f"{output}: it cannot be written there: {error.strerror}; give another place"
        ) from error
    try:
        fresh = scratch / output.name
        form.write(model, fresh, bundle)
        difference = _difference(model, form, fresh)
        if not difference <= TOLERANCE:
            raise TrainingError(
                f"{output}: not written: a score of this form differs by {difference:.4f} from the "
                f"canonical model's, more than {TOLERANCE}; choose another format, and please "
                "report it"
            )
        text = "".join(f"{label}\n" for label in bundle.labels)
        (fresh / LABELS_NAME if form.is_folder else scratch / labels.name).write_text(text, "utf-8")
        if not form.is_folder:
            (scratch / labels.name).rename(labels)
        fresh.rename(output)
    except OSError as error:
        raise TrainingError(
            f"{output}: it cannot be written: {error.strerror}; free space, or give another place"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Exported(output, labels, difference)


def samples(count: int, height: int, width: int) -> Pictures:
    """Pictures of soft colours and of noise, always the same: uint8 (count, height, width, 3)."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        coarse = rng.integers(0, 256, (2 + 3 * number, 2 + 3 * number, 3)).astype(np.float32)
        made.append(tf.image.resize(coarse, (height, width), "bicubic").numpy().clip(0, 255))
    return np.stack(made).astype(np.uint8)


def _difference(model: Any, form: Form, path: Path) -> float:
    pictures = samples(_SAMPLES, *model.inputs[0].shape[1:3])
    wanted = np.asarray(_function(model)(tf.constant(pictures)))
    return float(np.abs(form.score(path, pictures) - wanted).max())


def _function(model: Any, name: str = OUTPUT) -> Any:
    """The model as a concrete function of uint8 pictures."""
    kind, shape = model.inputs[0].dtype, model.inputs[0].shape[1:]

    def score(pictures: Any) -> Any:
        scores = model(tf.cast(pictures, kind), training=False)
        return tf.identity(tf.cast(scores, tf.float32), name=name)

    signature = [tf.TensorSpec((None, *shape), tf.uint8, name=INPUT)]
    return tf.function(
        score, input_signature=signature, autograph=False
    ).get_concrete_function()  # fmt: skip


def _write_saved_model(model: Any, path: Path, _bundle: Bundle) -> None:
    module = tf.Module()
    kind, shape = model.inputs[0].dtype, model.inputs[0].shape[1:]

    def score(pictures: Any) -> dict[str, Any]:
        return {OUTPUT: tf.cast(model(tf.cast(pictures, kind), training=False), tf.float32)}

    module.variables_of_the_model = [variable.value for variable in model.weights]
    module.score = tf.function(
        score,
        input_signature=[tf.TensorSpec((None, *shape), tf.uint8, name=INPUT)],
        autograph=False,
    )
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.score})


def _score_saved_model(path: Path, pictures: Pictures) -> Scores:
    loaded = tf.saved_model.load(str(path))
    return np.asarray(loaded.signatures["serving_default"](tf.constant(pictures))[OUTPUT])


def _write_frozen(model: Any, path: Path, _bundle: Bundle) -> None:
    frozen = convert_variables_to_constants_v2(_function(model, FINAL_TENSOR))
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())


def _score_frozen(path: Path, pictures: Pictures) -> Scores:
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        return np.asarray(session.run(f"{FINAL_TENSOR}:0", {f"{INPUT}:0": pictures}))


def _write_tflite(model: Any, path: Path, _bundle: Bundle) -> None:
    # Frozen first: left as variables, the weights of Keras would be empty in the file.
    frozen = convert_variables_to_constants_v2(_function(model))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    # Weights stay float32: rounded to half precision, the scaling of pixels moves scores by 0.01.
    path.write_bytes(converter.convert())


def _score_tflite(path: Path, pictures: Pictures) -> Scores:
    with warnings.catch_warnings():
        # It tells of its successor, a package of its own; TensorFlow has both still.
        warnings.filterwarnings(
            "ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated"
        )
        interpreter = tf.lite.Interpreter(model_path=str(path))
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(given["index"], pictures.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], pictures)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(made["index"]))


def _write_openvino(model: Any, path: Path, bundle: Bundle) -> None:
    converted = convert_keras(model, bundle.geometry.width, bundle.geometry.height)
    path.mkdir()
    # Not compressed: the scaling of pixels would be rounded too, and scores move by 0.003.
    import_openvino().save_model(converted, path / "model.xml", compress_to_fp16=False)


def _score_by_openvino(path: Path, pictures: Pictures) -> Scores:
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = import_openvino().Core().compile_model(path, "CPU", exact)
    return np.array(compiled.create_infer_request().infer([pictures])[0], np.float32)


FORMS = {
    "saved-model": Form(True, _write_saved_model, _score_saved_model),
    "onnx": Form(
        False, lambda model, path, bundle: write_onnx(model, path, bundle.labels),
        _score_by_openvino,
    ),
    "tflite": Form(False, _write_tflite, _score_tflite),
    "openvino": Form(
        True, _write_openvino,
        lambda path, pictures: _score_by_openvino(path / "model.xml", pictures),
    ),
    "frozen-graph": Form(False, _write_frozen, _score_frozen),
}  # fmt: skip
"""Every format by its name on the command line."""
