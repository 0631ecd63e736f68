"""Clips made for tests: a scene is a function, the encoders are those in the wheel of PyAV.

The three plain scenes are those that the tiny test bundle knows: red is fire, grey is smoke, green
is neither. They carry noise like a sensor's, so that nobody takes them for a frozen picture.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Scene = Callable[[int], Picture]
"""Gives picture number n: uint8 (height, width, 3), RGB."""

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


def make_clip(
    path: Path,
    pictures: Iterable[Picture] | Scene,
    *,
    seconds: float = 4.0,
    fps: int = 25,
    gop: int = 25,
    codec: str = "h264",
    b_frames: int = 0,
    bit_rate: int = 600_000,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode a clip; the suffix of ``path`` says the container (.mp4, .mkv, .ts, .avi).

    Args:
        path: file to write.
        pictures: uint8 (height, width, 3) RGB each, or a scene, asked for ``seconds * fps``.
        seconds: length, where a scene is given.
        fps: pictures a second.
        gop: pictures from one key frame to the next.
        codec: ``h264``, ``hevc``, or any other encoder of FFmpeg's, such as ``mjpeg``.
        b_frames: pictures between references; cameras have none.
        bit_rate: bits a second.
        options: for the container.

    Returns:
        ``path``.
    """
    iterator = _draw(pictures, round(seconds * fps)) if callable(pictures) else iter(pictures)
    first = next(iterator)
    with av.open(str(path), "w", options=options or {}) as container:
        name = {"h264": "libx264", "hevc": "libx265"}.get(codec, codec)
        stream = container.add_stream(name, rate=fps, options=_encoder_options(codec, gop))
        context = stream.codec_context
        assert isinstance(context, VideoCodecContext)
        context.height, context.width = first.shape[:2]
        context.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        context.gop_size = gop
        context.max_b_frames = b_frames
        context.bit_rate = bit_rate
        context.thread_count = 1
        index = 0
        picture: Picture | None = first
        while picture is not None:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(context.encode(frame))
            picture = next(iterator, None)
            index += 1
        container.mux(context.encode(None))
    return path


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


def _draw(scene: Scene, count: int) -> Iterator[Picture]:
    return (scene(index) for index in range(count))


def _encoder_options(codec: str, gop: int) -> dict[str, str]:
    match codec:
        case "h264":
            return {"preset": "ultrafast", "sc_threshold": "0", "keyint_min": str(gop)}
        case "hevc":
            quiet = f"log-level=none:keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0"
            return {"preset": "ultrafast", "x265-params": f"{quiet}:bframes=0:pools=1"}
        case _:
            return {}
