"""Opens RTSP streams and video files with FFmpeg, and lets it touch nothing else.

What arrives is untrusted: a file may be a playlist that names other files or hosts, a camera may
redirect. So FFmpeg gets a list of protocols, demuxers and decoders for each kind of source, and
looks only so far into a stream before it decides what it is.
"""

import os
import stat
import time
from dataclasses import dataclass

import av
from av import error as ffmpeg
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from monitor.errors import DecodeError, OpenError
from monitor.ingest import faults, tls
from monitor.ingest.hardware import accelerator
from monitor.ingest.status import SourceSettings
from monitor.ingest.url import local_path, shown, with_credentials
from monitor.picture_limits import MAX_PIXELS

_PROBE_BYTES = 4 * 1024 * 1024
_ANALYZE_SECONDS = 5.0
"""How far FFmpeg may read to learn a size; H.264 without parameter sets needs a key frame."""

_AGAIN_MICROSECONDS = 200_000
"""The same, of a file that was opened before."""

_FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,m4v,"
    "mjpeg,ivf,obu,av1,nut,mxf,dhav,wtv"
)
"""Containers that hold their own bytes. Playlists (hls, dash, concat, sdp, image2) are not here."""

_CODECS = (
    "av1,ffv1,h263,h264,hevc,libdav1d,mjpeg,mpeg1video,mpeg2video,mpeg4,msmpeg4v3,prores,rawvideo,"
    "theora,vc1,vp8,vp9,wmv2,wmv3"
)
_RTSP_PROTOCOLS = "rtsp,rtsps,rtp,tcp,udp,tls"


@dataclass(frozen=True, slots=True, eq=False)
class OpenStream:
    """An open container and the one stream of it that is watched."""

    container: InputContainer
    stream: VideoStream
    live: bool


def open_rtsp(settings: SourceSettings, hardware: str = "") -> OpenStream:
    """Connect to a camera; only its picture is asked for, not its sound.

    Args:
        settings: of the camera.
        hardware: kind of the hardware to decode with; empty: software.

    Raises:
        SourceError: see :func:`monitor.ingest.faults.open_fault`.
    """
    timeouts = (settings.open_timeout_seconds, settings.read_timeout_seconds)
    options = {
        "rtsp_transport": settings.transport,
        "allowed_media_types": "video",
        "protocol_whitelist": _RTSP_PROTOCOLS,
        "format_whitelist": "rtsp,sdp,rtp,mpegts,mpegvideo,h264,hevc",
        # Microseconds, for each operation on the socket.
        "timeout": str(round(max(timeouts) * 1e6)),
        # Keeps what arrives out of order, over UDP, no longer than this.
        "max_delay": "500000",
        # FFmpeg would read 20 pictures to guess a rate that nobody uses: at 5 fps, a connection
        # took 5.2 s to its first picture, and takes 1.6 s so.
        "fpsprobesize": "0",
        **_limits(),
        **tls.ffmpeg_options(verify=settings.tls_verify),
    }
    began = time.monotonic()
    try:
        container = av.open(
            with_credentials(settings),
            mode="r",
            format="rtsp",
            options=options,
            timeout=timeouts,
            metadata_errors="replace",
            hwaccel=accelerator(hardware),
        )
    except ffmpeg.FFmpegError as error:
        # Not chained: FFmpeg's error holds the URL with its credentials.
        seconds = time.monotonic() - began
        raise faults.open_fault(error, settings, seconds=seconds) from None
    except ValueError:
        raise OpenError(
            f"{faults.name_of(settings)} is no URL that can be opened; correct it"
        ) from None
    return _pick(container, settings, live=True)


def open_file(settings: SourceSettings, hardware: str = "", *, again: bool = False) -> OpenStream:
    """Open a video file.

    Args:
        settings: of the file.
        hardware: as for :func:`open_rtsp`.
        again: it was opened before, and gave pictures: where it can be helped, none is decoded now
            to learn their form, which takes as long as scoring one.

    Raises:
        OpenError: missing, empty, no regular file, not readable.
        DecodeError: it holds no video that can be decoded.
    """
    name = faults.name_of(settings)
    path = local_path(settings)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise OpenError(
            f"{name}: there is no such file; check the path", reason="not_found"
        ) from None
    except (OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) else str(error)
        raise OpenError(f"{name} cannot be opened: {detail}") from None
    if not stat.S_ISREG(status.st_mode):
        raise OpenError(f"{name} is no regular file; give a video file or a folder of images")
    if status.st_size == 0:
        raise OpenError(f"{name} is empty (0 bytes); fetch the file again")
    if not os.access(path, os.R_OK):
        raise OpenError(f"{name} may not be read by this user; change its permissions")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _FILE_FORMATS,
        **_limits(),
        # FFmpeg would look for a form that only a picture has, and read as far as it may.
        **({"skip_frame": "all", "analyzeduration": str(_AGAIN_MICROSECONDS)} if again else {}),
    }
    try:
        container = av.open(
            f"file:{path.absolute()}",
            mode="r",
            options=options,
            timeout=(settings.open_timeout_seconds, settings.read_timeout_seconds),
            metadata_errors="replace",
            hwaccel=accelerator(hardware),
        )
    except (ffmpeg.FFmpegError, ValueError):
        raise DecodeError(
            f"{name} is no video that can be read, or is cut off; fetch the file again, or convert "
            "it to MP4 with H.264"
        ) from None
    return _pick(container, settings, live=False)


def _limits() -> dict[str, str]:
    return {
        "probesize": str(_PROBE_BYTES),
        "analyzeduration": str(round(_ANALYZE_SECONDS * 1e6)),
        "max_probe_packets": "500",
        "max_streams": "32",
        "max_pixels": str(MAX_PIXELS),
        "codec_whitelist": _CODECS,
    }


def _strictness(codec: str) -> dict[str, str]:
    """How a decoder takes damage.

    FFmpeg's H.265 decoder hands on pictures with holes as whole ones. Told to fail, it finds some:
    of 175 pictures of a calm scene after a lost fragment it passed 25 so, and 173 by default. In
    key frames full of noise it finds hardly any.
    """
    return {"err_detect": "explode"} if codec == "hevc" else {}


def lenient_decoder(stream: VideoStream) -> VideoCodecContext | None:
    """Another decoder for a stream, that passes what the strict one refuses; None where the
    stream's own is as lenient."""
    strict = stream.codec_context
    if not _strictness(strict.name):
        return None
    lenient = VideoCodecContext.create(strict.name, "r")
    if not isinstance(lenient, VideoCodecContext):
        return None
    lenient.extradata = strict.extradata
    lenient.options = {"max_pixels": str(MAX_PIXELS)}
    lenient.thread_count = 1
    return lenient


def _pick(container: InputContainer, settings: SourceSettings, *, live: bool) -> OpenStream:
    """The video stream, ready to be decoded; closes the container where there is none."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        container.close()
        raise DecodeError(
            f"camera {settings.camera}: {shown(settings.url)} holds no video; check the URL"
        )
    context = stream.codec_context
    if context is None or context.name not in _CODECS.split(","):
        codec = "unknown" if context is None else context.name
        container.close()
        raise DecodeError(
            f"camera {settings.camera}: {shown(settings.url)} has video of the codec {codec!r}, "
            "which is not read here; set the camera to H.264 or H.265"
        )
    # Each thread of a decoder holds pictures of its own: one thread, but where speed is all.
    fast = not live and not settings.paced
    context.options = {"max_pixels": str(MAX_PIXELS), **_strictness(context.name)}
    context.thread_count = 0 if fast else 1
    return OpenStream(container=container, stream=stream, live=live)
