"""The int8 form for OpenVINO, by post-training quantization on pictures of the training side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.image import read_image, resize
from monitor.inference.convert import convert_keras
from monitor.inference.openvino_runtime import import_openvino
from trainer.backbone import SIZE
from trainer.dataset import Example
from trainer.views import Sampler

CALIBRATION = 200
"""Pictures that the int8 form is measured on."""

# Views that fine-tuning has not seen: its steps count from 0.
_FIRST_STEP = 2**31


def quantize(model: Any, pictures: NDArray[np.uint8], target: Path) -> None:
    """Write the int8 form of a model.

    Args:
        model: the canonical Keras model.
        pictures: uint8 (n, 299, 299, 3) that ranges and biases are measured on.
        target: the .xml file; the .bin lies beside it.
    """
    import_openvino()
    # Loaded late: with PyTorch's stand-ins it takes seconds, and only this needs it.
    import nncf
    import openvino

    quantized = nncf.quantize(
        convert_keras(model, SIZE, SIZE),
        nncf.Dataset([picture[None] for picture in pictures]),
        # Activations after a ReLU have no sign: the mixed preset spends none of their bits on it.
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        target_device=nncf.TargetDevice.CPU,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(quantized, target, compress_to_fp16=True)


def openvino_scores(path: Path, pictures: NDArray[np.uint8], batch: int = 4) -> NDArray[np.float32]:
    """Scores of a model file as the daemon computes them: float32 (n, labels)."""
    openvino = import_openvino()
    request = openvino.Core().compile_model(path, "CPU").create_infer_request()
    parts = [
        np.array(request.infer([pictures[start : start + batch]])[0], np.float32)
        for start in range(0, len(pictures), batch)
    ]
    return np.concatenate(parts)


def calibration_pictures(
    sampler: Sampler, examples: Sequence[Example], count: int = CALIBRATION
) -> NDArray[np.uint8]:
    """Pictures that span what the model sees: half plain ones, half training views.

    Views are degraded and small as cameras make them; without them int8 ranges fit web
    photographs only.

    Returns:
        uint8 (n, 299, 299, 3), n at most ``count`` and at most twice the examples.
    """
    count = min(count, 2 * len(examples))
    picked = np.linspace(0, len(examples) - 1, count // 2).astype(int)
    plain = [resize(read_image(examples[int(i)].path), SIZE, SIZE) for i in picked]
    views: list[NDArray[np.uint8]] = []
    step = _FIRST_STEP
    while len(views) < count // 2:
        views += list(sampler.batch(step).pictures)
        step += 1
    return np.stack([*plain, *views[: count // 2]])
