"""Decodes packets to whole pictures: broken ones are counted and never handed on."""

# Packet is generic for the type checker only.
from __future__ import annotations

from av import error as ffmpeg
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from monitor.errors import DecodeError
from monitor.ingest.codec import Codec
from monitor.ingest.continuity import Continuity

MAX_BAD_PACKETS = 30
"""So many in a row without one good picture: the stream is broken, not just disturbed."""

KEY_FRAME_TRIES = 3
"""So many key frames in a row that give no picture alone: they are none, in this stream."""


class Decoder:
    """One decoder, for the life of a connection.

    After damage nothing is handed on before the next key frame: what lies between is decoded from
    pictures that are missing, and the grey smear that this gives looks like smoke.

    A stream of which the usual decoder takes no key frame from the start gets a lenient one, where
    there is one: some cameras break the rules in ways that do no harm.

    Args:
        codec: makes FFmpeg's decoders.
        name: how error sentences call the source.
        pictures: good pictures that were decoded before.
        bad_packets: bad packets that were met before.
        continuity: finds lost pictures that the decoder says nothing of.
    """

    def __init__(
        self,
        codec: Codec,
        name: str,
        *,
        pictures: int = 0,
        bad_packets: int = 0,
        continuity: Continuity | None = None,
    ) -> None:
        self._codec = codec
        self._context: VideoCodecContext | None = None
        """Made when it is needed, and anew where it is to be another."""
        self._closed = False
        self._lenient = False
        self._loop_filter = True
        self._keeps_filter = False
        """Another decoder did not take this stream: there is no other way of key frames."""
        self._name = name
        self.pictures = pictures
        """Good pictures so far."""
        self.bad_packets = bad_packets
        """Packets so far that could not be decoded, or that gave a damaged picture."""
        self._bad_in_a_row = 0
        self._failed_key_frames = 0
        self._awaits_key_frame = True
        self._continuity = continuity
        self._refused_key_frames = 0
        self._proven = not codec.may_be_lenient
        """Whether the usual decoder takes this stream as it is."""

    @property
    def key_frames_fail(self) -> bool:
        """Whether the last key frames gave no picture when decoded alone."""
        return self._failed_key_frames >= KEY_FRAME_TRIES

    def decode(self, packet: Packet[Stream]) -> list[VideoFrame]:
        """The good pictures that come out now; a stream with B frames gives them later.

        Raises:
            DecodeError: too many packets in a row were bad.
        """
        self._filter(use=True)
        return self._decode(packet)

    def decode_alone(self, packet: Packet[Stream], *, loop_filter: bool = True) -> list[VideoFrame]:
        """The picture of a key frame, at once, from nothing but itself.

        Args:
            packet: the key frame.
            loop_filter: smooth the edges of blocks; False is heeded where the codec can do
                without.

        Raises:
            DecodeError: too many packets in a row were bad.
        """
        before = self._filter(use=loop_filter) if not self._keeps_filter else None
        pictures = self._alone(packet)
        if before is not None and not pictures:
            # It may know what was sent once, before the other was made.
            self._context, self._loop_filter = before, not self._loop_filter
            self._keeps_filter = True
            pictures = self._alone(packet)
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
        context = self._opened()
        if context is not None and skip is not (context.skip_frame == "NONREF"):
            context.skip_frame = "NONREF" if skip else "DEFAULT"

    def close(self) -> None:
        """Free the decoder's pictures."""
        self._closed = True
        self._context = None

    def _decode(self, packet: Packet[Stream]) -> list[VideoFrame]:
        if self._awaits_key_frame and not packet.is_keyframe:
            return []
        if self._continuity is not None and self._continuity.has_gap(bytes(packet)):
            self._count_bad()
            if not packet.is_keyframe:
                return []
        if packet.is_keyframe:
            self._awaits_key_frame = False
        return self._run(packet)

    def _opened(self) -> VideoCodecContext | None:
        """The decoder in use; None once closed."""
        if self._context is None and not self._closed:
            self._context = self._codec.decoder(
                lenient=self._lenient, loop_filter=self._loop_filter
            )
        return self._context

    def _alone(self, packet: Packet[Stream]) -> list[VideoFrame]:
        self.restart()
        pictures = self._decode(packet) + self.drain()
        self.restart()
        return pictures

    def _filter(self, *, use: bool) -> VideoCodecContext | None:
        """Smooth edges of blocks, or not; to be called between pictures that need no others.

        Returns:
            The decoder that was in use before, where it is another now.
        """
        use = use or not self._codec.may_skip_loop_filter
        if use is self._loop_filter:
            return None
        before, self._context, self._loop_filter = self._context, None, use
        return before

    def _run(self, packet: Packet[Stream] | None) -> list[VideoFrame]:
        context = self._opened()
        if context is None:
            return []
        if packet is not None and packet.is_corrupt:
            self._count_bad()
            return []
        try:
            decoded = context.decode(packet)
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
            self._proven = True
        return good

    def _await_key_frame(self) -> None:
        self._awaits_key_frame = True
        if self._continuity is not None:
            self._continuity.restart()

    def _refuse_key_frame(self) -> None:
        self._refused_key_frames += 1
        if not self._proven and self._refused_key_frames >= KEY_FRAME_TRIES:
            self._proven = self._lenient = True
            self._context = None

    def _count_bad(self) -> None:
        self.bad_packets += 1
        self._bad_in_a_row += 1
        self._await_key_frame()
        if self._bad_in_a_row >= MAX_BAD_PACKETS:
            raise DecodeError(
                f"{self._name} sends video that cannot be decoded: {self._bad_in_a_row} packets in "
                "a row were broken; check the network, or restart the camera"
            )
