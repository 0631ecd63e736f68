"""Packets into a video file, as they are: nothing is encoded anew.

The file is fragmented MP4, or Matroska for codecs that no browser plays in MP4 anyway. Each
fragment is a group of pictures: what was written before a crash can be played.
"""

# Packet is generic for the type checker only.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import BinaryIO

import av
from av import error as ffmpeg
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from monitor.errors import EmberwatchError
from monitor.ingest.clip_times import ClipTimes
from monitor.ingest.packet_ring import TICKS_PER_SECOND, KeptPacket, StreamForm
from monitor.ingest.parameter_sets import BYTE_STREAM_CODECS, sequence_sets
from monitor.picture_limits import MAX_PIXELS

MP4_CODECS = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9"})
MATROSKA_CODECS = frozenset({"mjpeg", "mpeg1video", "mpeg2video", "vp8"})

_NAMES = {"libdav1d": "av1"}
_OPTIONS = {"mp4": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}}
_MUXERS = {"mp4": "mp4", "mkv": "matroska"}
_HEAD_BYTES = 4096
_SPARE_BYTES = 4096
"""For the head of a file, or of a fragment."""


class ClipFileError(EmberwatchError):
    """No file can be made of these packets."""

    reason = "unfit"


class ClipFile:
    """One file that is being written; nothing is in it before the first group.

    Args:
        file: empty, open for reading and writing.
        max_bytes: it does not become longer.
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._output: OutputContainer | None = None
        self._stream: Stream | None = None
        self._times = ClipTimes()
        self.container = ""
        """``mp4`` or ``mkv``; empty while there is nothing in it."""
        self.size_bytes = 0

    @property
    def seconds(self) -> float:
        """How long the clip is, to its last picture."""
        return self._times.seconds

    def add(self, form: StreamForm, group: Sequence[KeptPacket]) -> bool:
        """Write a key frame and what hangs on it; False where it would be too long.

        Args:
            form: the same for all groups of a file.
            group: as :class:`ClipTimes` wants it.

        Raises:
            ClipFileError: FFmpeg makes no file of them.
            OSError: the file cannot be written.
        """
        bytes_more = sum(len(packet.data) for packet in group)
        if self._file.tell() + bytes_more + _SPARE_BYTES > self._max_bytes:
            return False
        try:
            if self._output is None or self._stream is None:
                group = [replace(group[0], data=_whole(form, group[0].data)), *group[1:]]
                self._output, self._stream = self._open(form, group[0])
            for packet, (pts, dts) in zip(group, self._times.group(group), strict=True):
                self._output.mux_one(_packet(packet, pts, dts, self._stream))
            self._file.flush()
        except (ffmpeg.FFmpegError, ValueError) as error:
            raise _fault(error) from None
        return True

    def close(self) -> None:
        """Write the end.

        Raises:
            ClipFileError: FFmpeg cannot.
            OSError: the file cannot be written.
        """
        if self._output is None:
            return
        try:
            self._output.close()
        except ffmpeg.FFmpegError as error:
            raise _fault(error) from None
        self._name_for_apple()
        self._file.flush()
        self.size_bytes = self._file.seek(0, 2)

    def _open(self, form: StreamForm, first: KeptPacket) -> tuple[OutputContainer, Stream]:
        codec = _NAMES.get(form.codec, form.codec)
        if codec not in MP4_CODECS | MATROSKA_CODECS:
            raise ClipFileError(f"no clips are made of {codec}; set the camera to H.264 or H.265")
        self.container = "mp4" if codec in MP4_CODECS else "mkv"
        self._times = ClipTimes(live=form.live)
        width, height = _size(form.codec, first.data)
        output = av.open(
            self._file,
            "w",
            format=_MUXERS[self.container],
            container_options=_OPTIONS.get(self.container, {}),
        )
        stream = output.add_mux_stream(codec, width=width, height=height)
        stream.time_base = Fraction(1, TICKS_PER_SECOND)
        return output, stream

    def _name_for_apple(self) -> None:
        """H.265 as ``hvc1``: under the name that FFmpeg gives it, Apple's players refuse it."""
        self._file.seek(0)
        at = self._file.read(_HEAD_BYTES).find(b"hev1")
        if self.container == "mp4" and at >= 0:
            self._file.seek(at)
            self._file.write(b"hvc1")


def _whole(form: StreamForm, data: bytes) -> bytes:
    """The first packet with the parameter sets, which may have come beside the stream."""
    if form.codec in BYTE_STREAM_CODECS and not sequence_sets(form.codec, data):
        return form.parameters + data
    if form.codec == "mpeg4" and form.parameters and form.parameters[:8] not in data:
        return form.parameters + data
    return data


def _packet(kept: KeptPacket, pts: int, dts: int, stream: Stream) -> Packet[Stream]:
    packet: Packet[Stream] = Packet(kept.data)
    packet.stream = stream
    packet.time_base = Fraction(1, TICKS_PER_SECOND)
    packet.pts, packet.dts = pts, dts
    packet.is_keyframe = kept.is_key
    return packet


def _size(codec: str, data: bytes) -> tuple[int, int]:
    """Width and height of a key frame. What streams declare may be of before a change.

    Raises:
        ClipFileError: it cannot be decoded.
    """
    context = VideoCodecContext.create(codec, "r")
    if not isinstance(context, VideoCodecContext):
        raise ClipFileError(f"{codec} is no video")
    context.options = {"max_pixels": str(MAX_PIXELS)}
    context.thread_count = 1
    packet: Packet[Stream] = Packet(data)
    for picture in [*context.decode(packet), *context.decode(None)]:
        return picture.width, picture.height
    raise ClipFileError("its key frame cannot be decoded")


def _fault(error: Exception) -> Exception:
    """An error of FFmpeg that is one of the disk, as such; else that there can be no file."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return OSError(error.errno, error.strerror)
    return ClipFileError(f"FFmpeg cannot write the clip: {type(error).__name__}")
