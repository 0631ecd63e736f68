"""Decodes packets to whole pictures: broken ones are counted and never handed on."""

# Packet is generic for the type checker only.
from __future__ import annotations

from av import error as ffmpeg
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from monitor.errors import DecodeError
from monitor.ingest.continuity import Continuity

MAX_BAD_PACKETS = 30
"""So many in a row without one good picture: the stream is broken, not just disturbed."""

KEY_FRAME_TRIES = 3
"""So many key frames in a row that give no picture alone: they are none, in this stream."""


class Decoder:
    """One decoder, for the life of a connection.

    After damage nothing is handed on before the next key frame: what lies between is decoded from
    pictures that are missing, and the grey smear that this gives looks like smoke.

    Args:
        context: FFmpeg's decoder.
        name: how error sentences call the source.
        pictures: good pictures that were decoded before.
        bad_packets: bad packets that were met before.
        continuity: finds lost pictures that the decoder says nothing of.
        lenient: another decoder, for a stream of which this one takes no key frame from the start:
            some cameras break the rules in ways that do no harm.
    """

    def __init__(
        self,
        context: VideoCodecContext,
        name: str,
        *,
        pictures: int = 0,
        bad_packets: int = 0,
        continuity: Continuity | None = None,
        lenient: VideoCodecContext | None = None,
    ) -> None:
        self._context: VideoCodecContext | None = context
        self._name = name
        self.codec = context.name
        self.pictures = pictures
        """Good pictures so far."""
        self.bad_packets = bad_packets
        """Packets so far that could not be decoded, or that gave a damaged picture."""
        self._bad_in_a_row = 0
        self._failed_key_frames = 0
        self._awaits_key_frame = True
        self._continuity = continuity
        self._lenient = lenient
        self._refused_key_frames = 0

    @property
    def key_frames_fail(self) -> bool:
        """Whether the last key frames gave no picture when decoded alone."""
        return self._failed_key_frames >= KEY_FRAME_TRIES

    def decode(self, packet: Packet[Stream]) -> list[VideoFrame]:
        """The good pictures that come out now; a stream with B frames gives them later.

        Raises:
            DecodeError: too many packets in a row were bad.
        """
        if self._awaits_key_frame and not packet.is_keyframe:
            return []
        if self._continuity is not None and self._continuity.has_gap(bytes(packet)):
            self._count_bad()
            if not packet.is_keyframe:
                return []
        if packet.is_keyframe:
            self._awaits_key_frame = False
        return self._run(packet)

    def decode_alone(self, packet: Packet[Stream]) -> list[VideoFrame]:
        """The picture of a key frame, at once, from nothing but itself.

        Raises:
            DecodeError: too many packets in a row were bad.
        """
        self.restart()
        pictures = self.decode(packet)
        pictures += self.drain()
        self.restart()
        self._failed_key_frames = 0 if pictures else self._failed_key_frames + 1
        return pictures

    def drain(self) -> list[VideoFrame]:
        """The pictures that the decoder still holds."""
        return self._run(None)

    def restart(self) -> None:
        """Forget all pictures; the next packet that is decoded is a key frame."""
        if self._context is not None and self._context.is_open:
            self._context.flush_buffers()
        self._await_key_frame()

    def skip_unreferred(self, skip: bool) -> None:
        """Leave out pictures that no other refers to, or take them again."""
        if self._context is not None and skip is not (self._context.skip_frame == "NONREF"):
            self._context.skip_frame = "NONREF" if skip else "DEFAULT"

    def close(self) -> None:
        """Free the decoder's pictures."""
        self._context = self._lenient = None

    def _run(self, packet: Packet[Stream] | None) -> list[VideoFrame]:
        if self._context is None:
            return []
        if packet is not None and packet.is_corrupt:
            self._count_bad()
            return []
        try:
            decoded = self._context.decode(packet)
        except ffmpeg.EOFError:
            return []
        except (ffmpeg.FFmpegError, MemoryError):
            self._count_bad()
            if packet is not None and packet.is_keyframe:
                self._refuse_key_frame()
            return []
        good = [picture for picture in decoded if not picture.is_corrupt]
        if len(good) < len(decoded):
            self._count_bad()
        if good:
            self.pictures += len(good)
            self._bad_in_a_row = 0
            self._lenient = None  # it takes this stream as it is
        return good

    def _await_key_frame(self) -> None:
        self._awaits_key_frame = True
        if self._continuity is not None:
            self._continuity.restart()

    def _refuse_key_frame(self) -> None:
        self._refused_key_frames += 1
        if self._lenient is not None and self._refused_key_frames >= KEY_FRAME_TRIES:
            self._context, self._lenient = self._lenient, None

    def _count_bad(self) -> None:
        self.bad_packets += 1
        self._bad_in_a_row += 1
        self._await_key_frame()
        if self._bad_in_a_row >= MAX_BAD_PACKETS:
            raise DecodeError(
                f"{self._name} sends video that cannot be decoded: {self._bad_in_a_row} packets in "
                "a row were broken; check the network, or restart the camera"
            )
