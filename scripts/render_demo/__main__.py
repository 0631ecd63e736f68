"""Render the demo's footage: ``python -m scripts.render_demo [CLIP ...]``.

Needs numba beside the project's own packages (``pip install numba``). A clip takes some minutes
on two cores; the clips that ship lie in config/demo and need not be rendered again.
"""

import argparse
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.clips import FPS, clips
from scripts.render_demo.kernel import COMPILED
from scripts.render_demo.studio import Studio


class Film:
    """An MP4 file with H.264 and a key frame every second."""

    def __init__(self, path: Path, width: int, height: int, quality: int) -> None:
        self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream("libx264", rate=FPS)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = Fraction(1, FPS)
        self._stream.options = {
            "crf": str(quality),
            "preset": "slow",
            "g": str(FPS),
            "keyint_min": str(FPS),
            "sc_threshold": "0",
            "bf": "0",
        }
        self._count = 0

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Append one frame: uint8 (height, width, 3), RGB."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = self._count
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is still in the encoder, and the index."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def main() -> int:
    """Render the clips that are named, or all."""
    known = clips()
    parser = argparse.ArgumentParser(prog="render_demo", description=__doc__)
    parser.add_argument("clip", nargs="*", help=f"any of {', '.join(known)}; all if none is named")
    parser.add_argument("--output", type=Path, default=Path("config/demo"), help="folder for MP4s")
    parser.add_argument("--samples", type=int, default=24, help="light paths a pixel")
    parser.add_argument("--quality", type=int, default=26, help="H.264 crf; lower is larger")
    options = parser.parse_args()
    unknown = sorted(set(options.clip) - set(known))
    if unknown:
        parser.error(f"unknown clip {unknown[0]!r}; known are {', '.join(known)}")
    if not COMPILED:
        parser.error("without numba a frame takes hours; install it: pip install numba")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.clip or list(known):
        clip = known[name]
        began = time.monotonic()
        view = clip.scene.view
        film = Film(options.output / f"{name}.mp4", view.width, view.height, options.quality)
        total = round(clip.seconds * FPS)
        for number, picture in enumerate(Studio(clip, options.samples).frames(), 1):
            film.add(picture)
            if number % FPS == 0:
                print(f"{name}: frame {number} of {total}, {time.monotonic() - began:.0f} s")
        film.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
