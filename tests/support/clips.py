"""Scenes of clips made for tests; :mod:`monitor.bench.footage` encodes them.

The three plain scenes are those that the tiny test bundle knows: red is fire, grey is smoke, green
is neither. They carry noise like a sensor's, so that nobody takes them for a frozen picture.
"""

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from monitor.bench.footage import Picture, Scene
from monitor.bench.footage import write_clip as make_clip

__all__ = [
    "GREEN",
    "GREY",
    "RED",
    "Picture",
    "Scene",
    "counted",
    "counting_scene",
    "encode_jpeg",
    "green_scene",
    "grey_scene",
    "make_clip",
    "plain_scene",
    "red_scene",
]

RED = (220, 30, 30)
GREY = (215, 215, 215)
GREEN = (30, 90, 35)


def plain_scene(
    colour: tuple[int, int, int], size: tuple[int, int] = (320, 240), noise: float = 6.0
) -> Scene:
    """A colour with a little structure and sensor noise, drawn anew for each picture.

    Args:
        colour: mean RGB.
        size: width and height, pixels.
        noise: standard deviation; 0 gives the same picture again and again.
    """
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    structure = 12.0 * np.sin(columns / 9.0) * np.cos(rows / 7.0)
    base = np.asarray(colour, np.float32) + structure[..., None].astype(np.float32)

    def picture(index: int) -> Picture:
        drawn = np.random.default_rng(index).normal(0.0, noise, (height, width, 1))
        noisy: Picture = np.clip(base + drawn, 0, 255).astype(np.uint8)
        return noisy

    return picture


def red_scene(size: tuple[int, int] = (320, 240)) -> Scene:
    """What the tiny test bundle calls fire."""
    return plain_scene(RED, size)


def grey_scene(size: tuple[int, int] = (320, 240)) -> Scene:
    """What the tiny test bundle calls smoke."""
    return plain_scene(GREY, size)


def green_scene(size: tuple[int, int] = (320, 240)) -> Scene:
    """What the tiny test bundle calls misc."""
    return plain_scene(GREEN, size)


def counting_scene(size: tuple[int, int] = (320, 240)) -> Scene:
    """Picture n has the brightness of :func:`counted` (n % 20): tests read off which it is."""
    width, height = size

    def picture(index: int) -> Picture:
        return np.full((height, width, 3), 20 + 10 * (index % 20), np.uint8)

    return picture


def counted(pixels: Picture) -> int:
    """The number, modulo 20, of a picture of :func:`counting_scene`."""
    return round((float(pixels.mean()) - 20) / 10)


def encode_jpeg(picture: Picture) -> bytes:
    """The picture as the bytes of a JPEG file."""
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)
    context.height, context.width = picture.shape[:2]
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
