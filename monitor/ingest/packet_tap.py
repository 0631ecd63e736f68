"""Takes the packets of an open stream into a ring, in the one form that clips are made of."""

# Packet is generic for the type checker only.
from __future__ import annotations

from fractions import Fraction

from av import error as ffmpeg
from av.bitstream import BitStreamFilterContext
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from monitor.ingest.packet_ring import TICKS_PER_SECOND, KeptPacket, PacketRing, StreamForm
from monitor.ingest.parameter_sets import BYTE_STREAM_CODECS, parameter_sets, sequence_sets

_LENGTH_PREFIXED = 1
"""The first byte of extradata in files (``avcC``, ``hvcC``): no start codes, but lengths."""


class PacketTap:
    """For one connection, or one pass through a file."""

    def __init__(self, ring: PacketRing, stream: VideoStream, *, live: bool) -> None:
        self._ring = ring
        self._codec = stream.codec_context.name
        extradata = stream.codec_context.extradata or b""
        self._to_start_codes: BitStreamFilterContext | None = None
        if self._codec in BYTE_STREAM_CODECS and extradata[:1] == bytes([_LENGTH_PREFIXED]):
            # It puts the parameter sets before each key frame as well.
            self._to_start_codes = BitStreamFilterContext(f"{self._codec}_mp4toannexb", stream)
            extradata = b""
        self._form = StreamForm(
            self._codec, sequence_sets(self._codec, extradata), extradata, live=live
        )
        ring.lost()

    def take(self, packet: Packet[Stream], at: float, wall: float) -> None:
        """Keep a packet; one that cannot be understood is left out.

        Args:
            packet: as it was read; is not changed.
            at: monotonic time at receipt, seconds.
            wall: Unix time at receipt, seconds.
        """
        if packet.size == 0 or packet.is_corrupt:
            return
        if self._to_start_codes is None:
            self._keep(packet, bytes(packet), at, wall)
            return
        try:
            for unit in self._to_start_codes.filter(_copy(packet)):
                self._keep(packet, bytes(unit), at, wall)
        except ffmpeg.FFmpegError:
            self._ring.lost()

    def _keep(self, packet: Packet[Stream], data: bytes, at: float, wall: float) -> None:
        sets = sequence_sets(self._codec, data) if packet.is_keyframe else b""
        if sets and sets != self._form.sequence:
            parameters = parameter_sets(self._codec, data)
            self._form = StreamForm(self._codec, sets, parameters, live=self._form.live)
        base = packet.time_base  # made anew each time that it is asked for
        pts = _ticks(packet.pts, base)
        dts = pts if packet.dts == packet.pts else _ticks(packet.dts, base)
        self._ring.add(
            self._form,
            KeptPacket(data, is_key=packet.is_keyframe, pts=pts, dts=dts, at=at, wall=wall),
        )


def _copy(packet: Packet[Stream]) -> Packet[Stream]:
    """The filter takes its packet's content away."""
    copy: Packet[Stream] = Packet(bytes(packet))
    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
    copy.is_keyframe = packet.is_keyframe
    return copy


def _ticks(stamp: int | None, base: Fraction | None) -> int | None:
    if stamp is None or base is None:
        return None
    # Whole numbers: fractions take ten times as long, 25 times a second and camera.
    return (2 * stamp * base.numerator * TICKS_PER_SECOND // base.denominator + 1) // 2
