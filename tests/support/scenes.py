"""Pictures with the statistics of photographs, drawn by chance from a seed."""

import cv2
import numpy as np
from numpy.typing import NDArray


def scenes(count: int, side: int = 299, seed: int = 5) -> NDArray[np.uint8]:
    """Coloured clouds with detail at every scale, blobs of light and sensor noise.

    Returns:
        uint8 (count, side, side, 3), RGB.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_scene(side, rng) for _ in range(count)])


def _scene(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    picture = np.zeros((side, side, 3), np.float32)
    for cells in (2, 4, 8, 16, 32, 64):
        # Amplitude falls with frequency, and colour varies less than light, as in nature.
        light = rng.normal(0, 100 / cells**0.8, (cells, cells, 1))
        colour = rng.normal(0, 25 / cells**0.8, (cells, cells, 3))
        field = (light + colour).astype(np.float32)
        picture += cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC)
    picture += rng.uniform(40, 190) + rng.uniform(-35, 35, 3).astype(np.float32)
    for _ in range(int(rng.integers(0, 5))):
        x, y, size = (int(value) for value in rng.integers(8, side - 8, 3))
        shade = tuple(float(value) for value in rng.uniform(60, 255, 3))
        cv2.ellipse(picture, (x, y), (1 + size // 8, 1 + size // 5), 0, 0, 360, shade, -1)
    picture += rng.normal(0, rng.uniform(1, 8), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)
