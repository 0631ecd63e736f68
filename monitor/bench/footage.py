"""Clips for measuring and testing: a scene is a function, the encoders are those of PyAV's wheel.

A camera's clip is as a camera makes it: sensor noise, something that walks through, key frames at a
fixed interval, arithmetic coding, the loop filter on, no pictures between references. It is encoded
once, a few seconds long; longer ones are made of its packets, without encoding anything again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Scene = Callable[[int], Picture]
"""Gives picture number n: uint8 (height, width, 3), RGB."""

FPS = 25
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
CODECS = ("h264", "hevc")
KEY_SECONDS = (1, 2, 4)

_PRESETS = {"h264": "superfast", "hevc": "ultrafast"}
"""The fastest that use what cameras use: x264's ultrafast has neither CABAC nor a loop filter."""
_QUALITIES = {"h264": 24, "hevc": 20}
"""Constant rate factors. At 1080p they give 3 and 1 Mbit/s, key frames of 170 and 105 kB: what
cameras are set to."""
_ENCODED_SECONDS = 4
_NOISE = 2.5
"""Standard deviation, grey levels: a sensor by day."""
_NOISE_ROOM = 64
"""The noise of a picture is a cut out of one field; this many places in each direction."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a camera sends."""

    codec: str = "h264"
    size: str = "1080p"
    key_seconds: int = 1
    still: bool = False
    """Nothing happens: sensor noise alone."""

    @property
    def name(self) -> str:
        """``h264-1080p-1s``, and ``-still``."""
        return f"{self.codec}-{self.size}-{self.key_seconds}s" + ("-still" if self.still else "")


class Footage:
    """A folder of clips; each is made when it is first asked for, and kept."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made where it is missing."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def clip(self, kind: Kind) -> Path:
        """A short clip, beginning with a key frame."""
        path = self._folder / f"{kind.name}.mp4"
        if not path.exists():
            unfinished = path.with_name(f"unfinished-{path.name}")
            write_clip(
                unfinished,
                room_scene(SIZES[kind.size], still=kind.still),
                seconds=_ENCODED_SECONDS,
                fps=FPS,
                gop=FPS * kind.key_seconds,
                codec=kind.codec,
                preset=_PRESETS[kind.codec],
                quality=_QUALITIES[kind.codec],
            )
            unfinished.rename(path)
        return path

    def long_clip(self, kind: Kind, seconds: int, phase: float = 0.0) -> Path:
        """The clip again and again, for ``seconds``, by its packets.

        Args:
            kind: of the clip.
            seconds: length.
            phase: share of the key-frame interval by which key frames come earlier than in the clip
                that has 0: cameras of one site do not send them all at once.
        """
        skipped = round(phase * FPS * kind.key_seconds)
        path = self._folder / f"{kind.name}-{seconds}s-{skipped}.mp4"
        if not path.exists():
            unfinished = path.with_name(f"unfinished-{path.name}")
            _lengthen(self.clip(kind), unfinished, seconds * FPS, FPS * kind.key_seconds, skipped)
            unfinished.rename(path)
        return path


def room_scene(size: tuple[int, int], *, still: bool = False) -> Scene:
    """A hall with shelves, seen by a fixed camera; a dark figure walks through it unless ``still``.

    Args:
        size: width and height, pixels.
        still: nobody is there.
    """
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    shelves = 28.0 * np.sign(np.sin(columns * 40.0 / width)) * (rows > 0.35 * height)
    goods = 14.0 * np.sin(columns * 300.0 / width) * np.sin(rows * 180.0 / height)
    light = 60.0 * np.exp(-(((rows / height) - 0.1) ** 2) * 30.0)
    grey = 95.0 + shelves + goods * (rows > 0.4 * height) + light
    base = (grey[..., None] + np.array([6.0, 0.0, -8.0], np.float32)).astype(np.int16)
    field = np.random.default_rng(0).normal(
        0.0, _NOISE, (height + _NOISE_ROOM, width + _NOISE_ROOM, 1)
    )
    noise = field.round().astype(np.int16)
    figure = (height // 3, width // 16)

    def picture(index: int) -> Picture:
        down, right = np.random.default_rng(index).integers(0, _NOISE_ROOM, 2)
        drawn = base + noise[down : down + height, right : right + width]
        if not still:
            left = index * width // 100 % (width - figure[1])
            top = height // 2
            drawn[top : top + figure[0], left : left + figure[1]] = (40, 44, 52)
        shown: Picture = np.clip(drawn, 0, 255).astype(np.uint8)
        return shown

    return picture


def write_clip(
    path: Path,
    pictures: Iterable[Picture] | Scene,
    *,
    seconds: float = 4.0,
    fps: int = 25,
    gop: int = 25,
    codec: str = "h264",
    b_frames: int = 0,
    bit_rate: int = 600_000,
    preset: str = "ultrafast",
    quality: int | None = None,
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
        preset: of x264 and x265.
        quality: constant rate factor of x264 and x265, instead of a bit rate.
        options: for the container.

    Returns:
        ``path``.
    """
    iterator = _draw(pictures, round(seconds * fps)) if callable(pictures) else iter(pictures)
    first = next(iterator)
    with av.open(str(path), "w", options=options or {}) as container:
        name = {"h264": "libx264", "hevc": "libx265"}.get(codec, codec)
        encoder = _encoder_options(codec, gop, preset, quality)
        stream = container.add_stream(name, rate=fps, options=encoder)
        context = stream.codec_context
        if not isinstance(context, VideoCodecContext):
            raise ValueError(f"{codec} is no codec of pictures")  # noqa: TRY004 - a wrong name
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


def _draw(scene: Scene, count: int) -> Iterator[Picture]:
    return (scene(index) for index in range(count))


def _encoder_options(codec: str, gop: int, preset: str, quality: int | None) -> dict[str, str]:
    constant = {} if quality is None else {"crf": str(quality)}
    match codec:
        case "h264":
            return {"preset": preset, "sc_threshold": "0", "keyint_min": str(gop), **constant}
        case "hevc":
            quiet = f"log-level=none:keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0"
            return {"preset": preset, "x265-params": f"{quiet}:bframes=0:pools=1", **constant}
        case _:
            return {}


def _lengthen(clip: Path, target: Path, pictures: int, gop: int, skipped: int) -> None:
    """Write ``pictures`` packets of a clip that comes again and again, its key frames ``skipped``
    pictures earlier: the first group of pictures is cut at its end."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as container:
        stream = source.streams.video[0]
        base = stream.time_base or Fraction(1, 90_000)
        step = round(Fraction(1, FPS) / base)
        packets = [packet for packet in source.demux(stream) if packet.size]
        made = container.add_stream_from_template(stream)
        for index in range(pictures):
            at = index if index < gop - skipped else index + skipped
            packet = packets[at % len(packets)]
            packet.stream = made
            packet.pts = packet.dts = index * step
            packet.time_base = base  # writing it changes that
            container.mux(packet)
