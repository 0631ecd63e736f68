"""Pictures made for tests of the trainer: each label has a look, each picture its own noise."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

COLOURS = {"fire": (220, 90, 20), "misc": (30, 90, 40), "smoke": (190, 190, 195)}
"""RGB that a label's pictures are made around."""


def picture(label: str, number: int, height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    """uint8 (height, width, 3), RGB: blobs in the label's colour, different for each number."""
    rng = np.random.default_rng((sum(label.encode()), number))
    coarse = rng.normal(COLOURS.get(label, (128, 128, 128)), 60, (6, 8, 3))
    grown = cv2.resize(np.clip(coarse, 0, 255).astype(np.float32), (width, height))
    return np.asarray(np.clip(grown, 0, 255), np.uint8)


def write_picture(path: Path, pixels: NDArray[np.uint8], quality: int = 95) -> Path:
    """Write RGB pixels as the JPEG or PNG that the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else []
    encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), flags)
    assert encoded
    path.write_bytes(data.tobytes())
    return path


def write_folders(root: Path, count: int, labels: tuple[str, ...] = tuple(COLOURS)) -> Path:
    """Make one folder with ``count`` pictures for each label."""
    for label in labels:
        for number in range(count):
            write_picture(root / label / f"{label}-{number:02}.jpg", picture(label, number))
    return root
