"""Frames as ingest would hand them on."""

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.frame import Frame, Health
from monitor.layout import Layout


def frame(
    camera: str = "yard",
    sequence: int = 1,
    at: float = 0.0,
    pixels: NDArray[np.uint8] | None = None,
    layout: Layout = Layout.RGB,
) -> Frame:
    """A frame of ``camera``, captured at ``at`` on both clocks; black where no pixels are given."""
    return Frame(
        camera=camera,
        sequence=sequence,
        pixels=np.zeros((8, 8, 3), np.uint8) if pixels is None else pixels,
        captured_at=1_000_000.0 + at,
        captured_monotonic=at,
        media_seconds=at,
        health=Health.OK,
        layout=layout,
    )
