"""What cameras do to a picture: low resolution, compression, night, haze and the like.

Pure functions of pixels (uint8 RGB, 299 x 299) and a random generator; each keeps the size.
"""

from collections.abc import Callable
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.image import resize
from trainer.size import SIZE

Pixels = NDArray[np.uint8]
Rng = np.random.Generator


def degrade(pixels: Pixels, rng: Rng) -> Pixels:
    """Make it look like the picture of a bad camera: one or two faults at once, and text on it."""
    faults: tuple[Callable[[Pixels, Rng], Pixels], ...] = (
        low_resolution, grey, night, noise, blur, haze, colour_temperature, exposure,
    )  # fmt: skip
    for index in rng.choice(len(faults), int(rng.integers(1, 3)), replace=False):
        pixels = faults[int(index)](pixels, rng)
    if rng.random() < 0.25:
        pixels = text(pixels, rng)
    # Whatever a camera does, it compresses last.
    if rng.random() < 0.7:
        pixels = (video if rng.random() < 0.4 else compress)(pixels, rng)
    return pixels


def low_resolution(pixels: Pixels, rng: Rng) -> Pixels:
    """As from a stream of 64 to 200 lines."""
    side = int(rng.integers(64, 200))
    return resize(resize(pixels, side, side), SIZE, SIZE)


def grey(pixels: Pixels, rng: Rng) -> Pixels:
    """Without colour, or with little of it, as in infra-red."""
    flat = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    kept = 0.0 if rng.random() < 0.7 else rng.uniform(0.1, 0.5)
    return np.asarray(cv2.addWeighted(pixels, kept, flat, 1 - kept, 0), np.uint8)


def night(pixels: Pixels, rng: Rng) -> Pixels:
    """Dark, with what is bright left bright, and the grain of a high gain."""
    ramp = (np.arange(256, dtype=np.float32) / 255) ** rng.uniform(1.5, 2.8) * 255
    return noise(np.asarray(cv2.LUT(pixels, ramp.astype(np.uint8)), np.uint8), rng)


def noise(pixels: Pixels, rng: Rng) -> Pixels:
    """Grain, the same in all channels or not."""
    channels = 1 if rng.random() < 0.5 else 3
    grain = rng.standard_normal((*pixels.shape[:2], channels), dtype=np.float32)
    return np.clip(pixels + grain * np.float32(rng.uniform(3, 16)), 0, 255).astype(np.uint8)


def blur(pixels: Pixels, rng: Rng) -> Pixels:
    """A dirty or badly focused lens."""
    sigma = float(rng.uniform(0.8, 2.5))
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def compress(pixels: Pixels, rng: Rng) -> Pixels:
    """JPEG at 10 to 60, the look of a saved bit rate."""
    quality = int(rng.integers(10, 60))
    encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        return pixels
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def haze(pixels: Pixels, rng: Rng) -> Pixels:
    """A veil over the whole view, thicker with distance, which is to say higher up."""
    air = rng.uniform(120, 235) * rng.uniform(0.95, 1.05, 3)
    below = rng.uniform(0.0, 0.35)
    above = rng.uniform(below, 0.7)
    veil = np.linspace(above, below, pixels.shape[0], dtype=np.float32)[:, None, None]
    return np.clip(pixels * (1 - veil) + air * veil, 0, 255).astype(np.uint8)


def colour_temperature(pixels: Pixels, rng: Rng) -> Pixels:
    """The wrong white balance: from the blue of shade to the orange of sodium lamps."""
    warmth = rng.uniform(-0.25, 0.45)
    gains = np.array([1 + warmth, 1 + warmth * 0.15, 1 - warmth])
    table = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table[:, None, :]), np.uint8)


def exposure(pixels: Pixels, rng: Rng) -> Pixels:
    """Too dark, or too bright with the light parts burnt out and bleeding into the others."""
    gain = 2.0 ** rng.uniform(-1.2, 1.2)
    made = pixels.astype(np.float32) * np.float32(gain)
    if gain > 1:
        made += cv2.GaussianBlur(np.maximum(made - 235, 0), (0, 0), float(rng.uniform(2, 8)))
    return np.asarray(np.clip(made, 0, 255), np.uint8)


def text(pixels: Pixels, rng: Rng) -> Pixels:
    """The time and the camera's name, as recorders write them: they mean nothing."""
    made = pixels.copy()
    digits = "".join(rng.choice(list("0123456789:-/ "), int(rng.integers(8, 20))))
    words = str(rng.choice(["CAM", "Camera", "CH", "IPC", "REC", "LIVE", "Ch1 Main"]))
    light = int(rng.integers(170, 256))
    for line in (digits, f"{words} {int(rng.integers(1, 64)):02}"):
        row = int(rng.uniform(0.03, 0.12) * SIZE)
        if rng.random() < 0.4:
            row = SIZE - row
        place = (int(rng.integers(0, SIZE // 2)), row)
        size = float(rng.uniform(0.25, 0.6))
        for colour, width in (((20, 20, 20), 2), ((light, light, light), 1)):
            cv2.putText(made, line, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width)
    return made


def video(pixels: Pixels, rng: Rng) -> Pixels:
    """H.264 at a hard quantizer, after a picture that was a little elsewhere: blocks and smears."""
    height, width = (side - side % 2 for side in pixels.shape[:2])
    before = np.roll(pixels, tuple(rng.integers(-6, 7, 2)), axis=(0, 1))
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, 25)
    # Decoded as it comes, without frames that wait for later ones.
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "threads": "1",
                       "qp": str(int(rng.integers(28, 44)))}  # fmt: skip
    reader = av.CodecContext.create("h264", "r")
    made = pixels
    for index, picture in enumerate((before, pixels)):
        part = np.ascontiguousarray(picture[:height, :width])
        frame = av.VideoFrame.from_ndarray(part, format="rgb24")
        frame.pts = index
        for packet in context.encode(frame):
            for shown in reader.decode(packet):
                made = np.asarray(shown.to_ndarray(format="rgb24"), np.uint8)
    for shown in reader.decode(None):
        made = np.asarray(shown.to_ndarray(format="rgb24"), np.uint8)
    return resize(made, pixels.shape[1], pixels.shape[0])
