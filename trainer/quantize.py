"""The int8 form for OpenVINO, by post-training quantization on pictures of the training side."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.inference.convert import convert_keras
from monitor.inference.image import read_image, resize
from monitor.inference.openvino_runtime import import_openvino
from trainer.backbone import SIZE


def quantize(
    model: Any,
    pictures: NDArray[np.uint8],
    target: Path,
    *,
    keep: tuple[str, ...] = (),
    fast_bias: bool = True,
    preset: str = "mixed",
) -> None:
    import_openvino()
    import nncf
    import openvino

    converted = convert_keras(model, SIZE, SIZE)
    scope = nncf.IgnoredScope(patterns=list(keep), validate=False) if keep else None
    quantized = nncf.quantize(
        converted,
        nncf.Dataset([picture[None] for picture in pictures]),
        preset=nncf.QuantizationPreset(preset),
        subset_size=len(pictures),
        fast_bias_correction=fast_bias,
        ignored_scope=scope,
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


def calibration_pictures(sampler: Any, examples: Any, count: int = 100) -> NDArray[np.uint8]:
    """Pictures that span what the model sees: half plain ones, half training views.

    Views are degraded and small as cameras make them; without them int8 ranges fit web
    photographs only.
    """
    picked = np.linspace(0, len(examples) - 1, min(count // 2, len(examples))).astype(int)
    plain = [resize(read_image(examples[int(i)].path), SIZE, SIZE) for i in picked]
    views: list[NDArray[np.uint8]] = []
    step = -1
    while len(views) < count // 2:
        step += 1
        views += list(sampler.batch(2**31 + step).pictures)
    return np.stack([*plain, *views[: count // 2]])
