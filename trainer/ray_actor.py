"""The part of feature extraction that runs on the nodes of a Ray cluster.

Imports neither Ray nor TensorFlow, so an actor is ready as soon as OpenVINO is.
"""

import hashlib
import socket
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ImageError
from monitor.image import decode_image, resize
from monitor.inference.openvino_runtime import import_openvino
from trainer.groups import THUMBNAIL, thumbnail

BATCH = 16
"""Pictures of one inference: always so many, the rest black, so that none is computed
differently for standing in a smaller batch."""


class FeatureActor:
    """Turns paths of pictures into features: one per CPU of the cluster."""

    def __init__(self, xml: bytes, weights: bytes, side: int, width: int) -> None:
        """Compile a model.

        Args:
            xml: OpenVINO intermediate representation: uint8 (n, side, side, 3) to (n, width).
            weights: its ``.bin`` file.
            side: width and height of its pictures, pixels.
            width: numbers in a feature.
        """
        core = import_openvino().Core()
        compiled = core.compile_model(
            core.read_model(xml, weights), "CPU", {"INFERENCE_NUM_THREADS": 1}
        )
        self._request = compiled.create_infer_request()
        self._side = side
        self._width = width

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute a batch.

        Args:
            batch: ``path`` and ``digest``, the sha256 that the file must have, each (n,) of str.

        Returns:
            ``digest``; ``features`` float32 (n, width); ``thumbnail`` float32 (n, 16, 16);
            ``fault`` (n,) of str, a sentence where the picture is not there or is another one.
        """
        count = len(batch["path"])
        features = np.zeros((count, self._width), np.float32)
        small = np.zeros((count, THUMBNAIL, THUMBNAIL), np.float32)
        faults = [""] * count
        for start in range(0, count, BATCH):
            pictures = np.zeros((BATCH, self._side, self._side, 3), np.uint8)
            stop = min(start + BATCH, count)
            for index in range(start, stop):
                try:
                    pixels = _read(Path(str(batch["path"][index])), str(batch["digest"][index]))
                except (ImageError, OSError) as error:
                    faults[index] = f"node {socket.gethostname()}: {error}"
                    continue
                pictures[index - start] = resize(pixels, self._side, self._side)
                small[index] = thumbnail(pixels)
            features[start:stop] = self._request.infer({0: pictures})[0][: stop - start]
        return {
            "digest": batch["digest"],
            "features": features,
            "thumbnail": small,
            "fault": np.array(faults),
        }


def _read(path: Path, digest: str) -> NDArray[np.uint8]:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ImageError(f"{path}: it is another picture there")
    return decode_image(data, str(path))
