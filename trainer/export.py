"""Writing a trained model as a bundle: half precision for the truth, int8 for the CPU."""

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from monitor.errors import BundleError, TrainingError
from monitor.inference.bundle import Bundle, write_manifest
from monitor.inference.manifest import CLOSE, Manifest, OpenVinoForm

_WEIGHTS = "model.weights.h5"


def round_to_half(model: Any) -> None:
    """Round all weights to half precision, so that the model is what its file will hold."""
    model.set_weights(
        [value.astype(np.float16).astype(np.float32) for value in model.get_weights()]
    )


def apply_temperature(model: Any, temperature: float) -> None:
    """Divide the logits by the temperature, by dividing the last layer's weights."""
    logits = model.get_layer("logits")
    logits.set_weights([value / temperature for value in logits.get_weights()])


def save_keras(model: Any, path: Path) -> None:
    """Write a ``.keras`` file with half-precision weights; Keras casts them when it loads."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        full = Path(folder) / "full.keras"
        model.save(full)
        with (
            zipfile.ZipFile(full) as source,
            zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target,
        ):
            for name in source.namelist():
                data = source.read(name)
                target.writestr(name, _halved(data) if name == _WEIGHTS else data)


def keras_logits(model: Any, pictures: NDArray[np.uint8], batch: int = 16) -> NDArray[np.float32]:
    """The canonical model's logits for uint8 (n, 299, 299, 3): float32 (n, labels)."""
    part = keras.Model(model.input, model.get_layer("logits").output)
    signature = [tf.TensorSpec((batch, *pictures.shape[1:]), tf.uint8)]
    forward = tf.function(
        lambda x: part(x, training=False), input_signature=signature, autograph=False
    )
    parts = []
    for start in range(0, len(pictures), batch):
        some = pictures[start : start + batch]
        padding = np.zeros((batch - len(some), *pictures.shape[1:]), np.uint8)
        parts.append(forward(np.concatenate([some, padding])).numpy()[: len(some)])
    return np.concatenate(parts).astype(np.float32)


def agreement_within(form: NDArray[np.float32], canonical: NDArray[np.float32]) -> float:
    """Share of the pictures on which no score differs by more than :data:`CLOSE`.

    Args:
        form: float32 (n, labels).
        canonical: float32 (n, labels), of the same pictures.
    """
    return float(np.mean(np.abs(form - canonical).max(axis=1) <= CLOSE))


def compare(
    form: NDArray[np.float32],
    canonical: NDArray[np.float32],
    targets: NDArray[np.int64],
    float_blocks: tuple[str, ...] = (),
    doubt: float | None = None,
) -> OpenVinoForm:
    """Compare int8 scores (n, labels) with the canonical model's on the same pictures.

    Args:
        form: of both forms, where pictures that int8 leaves in doubt get a second look.
        canonical: of the canonical model.
        targets: (n,) label numbers.
        float_blocks: what the int8 form keeps in float.
        doubt: below which highest score a picture gets a second look.
    """
    return OpenVinoForm(
        precision="int8",
        accuracy=round(float(np.mean(form.argmax(1) == targets)), 4),
        canonical_accuracy=round(float(np.mean(canonical.argmax(1) == targets)), 4),
        max_difference=round(float(np.abs(form - canonical).max()), 4),
        agreement=round(float(np.mean(form.argmax(1) == canonical.argmax(1))), 4),
        agreement_within=round(agreement_within(form, canonical), 4),
        float_blocks=float_blocks,
        doubt=doubt,
    )


@contextmanager
def new_bundle(output: Path) -> Iterator[Path]:
    """Give an empty folder beside the output that becomes the output when the block ends well.

    Raises:
        TrainingError: it cannot be made, or cannot take the output's place.
    """
    parent = output.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=parent, prefix=f".{output.name}."))
    except OSError as error:
        raise TrainingError(
            f"{output}: the bundle cannot be written there: {error.strerror}; give another place"
        ) from error
    try:
        fresh.chmod(0o755)
        yield fresh
        _swap(fresh, output)
    except OSError as error:
        raise TrainingError(
            f"{output}: the bundle cannot be written: {error.strerror}; free space, or give "
            "another place"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def finish(folder: Path, manifest: Manifest) -> Bundle:
    """Write the manifest into a complete folder.

    Raises:
        TrainingError: it cannot be written.
    """
    try:
        return write_manifest(folder, manifest)
    except BundleError as error:
        raise TrainingError(str(error)) from error


def _swap(fresh: Path, output: Path) -> None:
    """Put the new folder in the old one's place; the old one goes when the new one stands."""
    output = output.resolve()
    if not output.exists():
        fresh.rename(output)
        return
    old = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}.old."))
    os.rename(output, old / output.name)  # noqa: PTH104
    try:
        fresh.rename(output)
    except OSError:
        (old / output.name).rename(output)
        raise
    finally:
        if output.exists():
            shutil.rmtree(old, ignore_errors=True)


def _halved(data: bytes) -> bytes:
    """Copy an HDF5 file with its float32 arrays as float16."""
    target = io.BytesIO()
    with h5py.File(io.BytesIO(data), "r") as source, h5py.File(target, "w") as copy:
        _copy(source, copy)
    return target.getvalue()


def _copy(source: Any, target: Any) -> None:
    for key, value in source.attrs.items():
        target.attrs[key] = value
    for key, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(key))
        else:
            stored = item[()]
            made = target.create_dataset(
                key, data=stored.astype(np.float16) if stored.dtype == np.float32 else stored
            )
            for name, value in item.attrs.items():
                made.attrs[name] = value
