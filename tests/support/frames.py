"""Frames as ingest would hand them on."""

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.frame import Frame, Health
from monitor.layout import Image


def frame(
    camera: str = "yard",
    sequence: int = 1,
    at: float = 0.0,
    pixels: NDArray[np.uint8] | None = None,
    image: Image | None = None,
) -> Frame:
    """A frame of ``camera``, captured at ``at`` on both clocks; black by default."""
    if pixels is None:
        pixels = np.zeros((8, 8, 3), np.uint8)
    return Frame(
        camera=camera,
        sequence=sequence,
        image=image or Image.of(pixels),
        captured_at=1_000_000.0 + at,
        captured_monotonic=at,
        media_seconds=at,
        health=Health.OK,
    )
