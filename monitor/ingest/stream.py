"""Reads RTSP cameras and video files: packets in, sampled pictures out."""

# Packet is generic for the type checker only.
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from av import error as ffmpeg
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from monitor.clock import Clock
from monitor.errors import DecodeError
from monitor.ingest import faults
from monitor.ingest.container import OpenStream, lenient_decoder, open_file, open_rtsp
from monitor.ingest.continuity import Continuity
from monitor.ingest.convert import Converter
from monitor.ingest.decoder import Decoder
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.hardware import hardware_for
from monitor.ingest.lag import Lag
from monitor.ingest.pace import Due, Pace
from monitor.ingest.packet_ring import PacketRing
from monitor.ingest.packet_tap import PacketTap
from monitor.ingest.patience import pictureless_seconds
from monitor.ingest.sampler import Sampler
from monitor.ingest.status import SOFTWARE, SourceSettings, StreamInfo
from monitor.ingest.timeline import Timeline
from monitor.ingest.url import source_kind

_BACKLOG_BYTES = 8 * 1024 * 1024
"""Most packets kept since the last key frame while only key frames are decoded."""

_CUT_OFF_SHARE = 0.05
_CUT_OFF_SECONDS = 1.0
"""A file that ends earlier than it says by both of these is cut off."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a packet arrived, and where in the recording it stands."""

    wall: float
    monotonic: float
    position: float


class StreamSource:
    """One RTSP camera or video file; see :class:`monitor.ingest.source.FrameSource`.

    Live pictures carry the time at which their packet was read, because the stamps of streams lie;
    a stream that is read ever later than it was made is given up.
    """

    def __init__(
        self,
        settings: SourceSettings,
        *,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._progress, self._stop = progress, stop
        self._kind = source_kind(settings)
        self._hardware, self._note = hardware_for(settings.hwaccel)
        self._opened = self._open()
        rate = self._opened.stream.average_rate
        # Above any camera's rate the declared one is a time base in disguise.
        self._declared_fps = float(rate) if rate is not None and 0 < rate <= 240 else None
        self._lag = Lag(settings.known_creep)
        self._timeline = Timeline(1.0 / (self._declared_fps or 25.0))
        self._sampler = Sampler(settings.fps, settings.decode)
        self._decoder = Decoder(
            self._opened.stream.codec_context,
            faults.name_of(settings),
            continuity=self._continuity(),
            lenient=lenient_decoder(self._opened.stream),
        )
        self._converter = Converter(settings.max_side)
        self._size = (self._opened.stream.width, self._opened.stream.height)
        self._backlog: list[tuple[Packet[Stream], _Moment]] = []
        self._backlog_bytes = 0
        self._pace: Pace | None = None
        """Of recordings, once their frames are asked for."""
        self._began = clock.monotonic()
        self._picture_at = self._began
        self._left_out = False
        """Whether a key frame of this pass was not decoded because no picture was due."""
        self._ring: PacketRing | None = None
        self._tap: PacketTap | None = None

    @property
    def info(self) -> StreamInfo:
        interval = self._sampler.key_interval_seconds
        return StreamInfo(
            kind=self._kind,
            codec=self._decoder.codec,
            width=self._size[0],
            height=self._size[1],
            declared_fps=self._declared_fps,
            # To a tenth: arrival jitters, and each change is told on.
            key_interval_seconds=None if interval is None else round(interval, 1),
            decoder=self._hardware if self._opened.stream.codec_context.is_hwaccel else SOFTWARE,
            note=self._note,
        )

    @property
    def key_only(self) -> bool:
        """Whether only key frames are decoded now."""
        return self._sampler.key_only

    @property
    def bad_packets(self) -> int:
        """Packets since the source was opened that could not be decoded."""
        return self._decoder.bad_packets

    def set_fps(self, fps: float) -> None:
        self._sampler.set_fps(fps)

    def keep_packets(self, ring: PacketRing) -> None:
        """Put each packet into a ring as well; to be called before :meth:`frames`."""
        self._ring = ring
        self._tap = PacketTap(ring, self._opened.stream, live=self._opened.live)

    def frames(self) -> Iterator[DecodedFrame]:
        if self._opened.live:
            yield from self._live()
            return
        self._pace = Pace(self._settings.paced, self._clock, self._progress, self._stop)
        while not self._stop.is_set():
            taken_before = self._decoder.pictures
            self._left_out = False
            yield from self._pass()
            if self._stop.is_set():
                return
            self._check_complete(self._decoder.pictures - taken_before)
            if not self._settings.loop:
                return
            self._reopen()

    def close(self) -> None:
        self._backlog.clear()
        self._decoder.close()
        # HEVC decoders leak unless the container is closed, garbage collection is not enough.
        self._opened.container.close()

    def _open(self, *, again: bool = False) -> OpenStream:
        self._progress()
        if self._kind == "rtsp":
            opened = open_rtsp(self._settings, self._hardware)
        else:
            opened = open_file(self._settings, self._hardware, again=again)
        self._progress()
        return opened

    def _continuity(self) -> Continuity | None:
        """For live H.264, which has start codes; recordings have their packets all."""
        context = self._opened.stream.codec_context
        if not self._opened.live or context.name != "h264":
            return None
        return Continuity(context.extradata or b"")

    def _reopen(self) -> None:
        """From the beginning again; a new container, because seeking fails in broken files."""
        self.close()
        self._opened = self._open(again=True)
        self._decoder = Decoder(
            self._opened.stream.codec_context,
            faults.name_of(self._settings),
            pictures=self._decoder.pictures,
            bad_packets=self._decoder.bad_packets,
            lenient=lenient_decoder(self._opened.stream),
        )
        self._timeline.restart()
        if self._ring is not None:
            self.keep_packets(self._ring)

    def _live(self) -> Iterator[DecodedFrame]:
        yield from self._pass()
        if not self._stop.is_set():
            raise faults.closed(self._settings)

    def _pass(self) -> Iterator[DecodedFrame]:
        """The sampled pictures up to the end of the stream or file."""
        for packet in self._packets():
            moment = self._moment(packet)
            if _is_end(packet):
                if not self._sampler.key_only:
                    yield from self._take(self._decoder.drain(), moment)
                return
            if packet.size == 0:
                continue  # a hole in the recording; the decoder would take it for the end
            for due, then in self._due(packet, moment):
                if not self._is_time(then):
                    return
                yield from self._take(self._decode(due), then)
            self._check_pictures(moment)

    def _is_time(self, moment: _Moment) -> bool:
        """Wait until a key frame of a recording is due, as a camera's comes when it is made: to
        decode it before would be unlike a camera. False where stopped before."""
        if self._pace is None or not self._sampler.key_only:
            return True
        return self._pace.wait_until(moment.position) is not None

    def _packets(self) -> Iterator[Packet[Stream]]:
        """Packets of the watched stream, until the end or until stopped; the last may be empty."""
        video_at = self._clock.monotonic()
        packets = self._opened.container.demux()
        while not self._stop.is_set():
            try:
                packet = next(packets, None)
            except ffmpeg.FFmpegError as error:
                raise faults.read_fault(error, self._settings, live=self._opened.live) from None
            self._progress()
            if packet is None:
                return
            now = self._clock.monotonic()
            if packet.stream_index == self._opened.stream.index:
                video_at = now
                if self._tap is not None:
                    self._tap.take(packet, now, self._clock.wall())
                yield packet
            elif self._opened.live and now - video_at > self._settings.read_timeout_seconds:
                raise faults.silent(self._settings, self._settings.read_timeout_seconds)

    def _moment(self, packet: Packet[Stream]) -> _Moment:
        now = self._clock.monotonic()
        if self._opened.live:
            position = now - self._began
            lag = None if _is_end(packet) else self._lag.packet(_seconds(packet), now)
            if lag is not None:
                raise faults.lagging(self._settings, lag, self._lag.creep)
        elif _is_end(packet):
            position = self._timeline.picture(None)
        else:
            position = self._timeline.packet(_seconds(packet))
        return _Moment(self._clock.wall(), now, position)

    def _due(
        self, packet: Packet[Stream], moment: _Moment
    ) -> Iterator[tuple[Packet[Stream], _Moment]]:
        """The packets to decode now: none, this one, or all since the last key frame.

        The last is for a camera that stretches its key-frame interval while only key frames are
        decoded: pictures go on at once instead of with its next key frame.
        """
        if packet.is_keyframe:
            self._forget_backlog()
        skipping = self._sampler.key_only
        wanted = self._sampler.packet(moment.position, packet.is_keyframe)
        if self._sampler.key_only:
            self._remember(packet, moment)
            if wanted:
                yield packet, moment
            elif packet.is_keyframe:
                self._left_out = True
        elif skipping:
            self._remember(packet, moment)
            backlog = list(self._backlog)
            self._forget_backlog()
            self._decoder.restart()
            yield from backlog
        else:
            yield packet, moment

    def _remember(self, packet: Packet[Stream], moment: _Moment) -> None:
        if self._backlog_bytes <= _BACKLOG_BYTES and (self._backlog or packet.is_keyframe):
            self._backlog.append((packet, moment))
            self._backlog_bytes += packet.size
            if self._backlog_bytes > _BACKLOG_BYTES:
                self._backlog.clear()

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self._backlog_bytes = 0

    def _decode(self, packet: Packet[Stream]) -> list[VideoFrame]:
        if not self._sampler.key_only:
            self._decoder.skip_unreferred(self._sampler.references_only)
            return self._decoder.decode(packet)
        pictures = self._decoder.decode_alone(packet)
        if self._settings.decode == "auto" and self._decoder.key_frames_fail:
            self._sampler.give_up_key_only()
        return pictures

    def _take(self, pictures: list[VideoFrame], moment: _Moment) -> Iterator[DecodedFrame]:
        for picture in pictures:
            self._picture_at = self._clock.monotonic()
            position = moment.position
            if not self._opened.live:
                position = self._timeline.picture(_seconds(picture))
            if not self._sampler.picture(position):
                continue
            self._size = (picture.width, picture.height)
            self._progress()
            due = Due(moment.wall, moment.monotonic, self._lag.seconds)
            if self._pace is not None:
                # Before it is coloured: what waits here is the decoder's own memory.
                reached = self._pace.wait_until(position)
                if reached is None:
                    return
                due = reached
            image = self._converter.picture(picture)
            yield DecodedFrame(
                image=image,
                captured_at=due.wall,
                captured_monotonic=due.monotonic,
                media_seconds=position,
                lag_seconds=due.lag_seconds,
            )
            del image  # megabytes, that would be kept until the next one comes

    def _check_pictures(self, moment: _Moment) -> None:
        limit = pictureless_seconds(
            min(self._settings.fps, self._sampler.fps), self._sampler.key_interval_seconds
        )
        if self._opened.live and moment.monotonic - self._picture_at > limit:
            raise DecodeError(
                f"{faults.name_of(self._settings)} sends data, but no picture came of it for "
                f"{limit:g} s; set the camera to a key-frame interval of a few seconds"
            )

    def _check_complete(self, pictures: int) -> None:
        """A file has ended: was it all there?"""
        name = faults.name_of(self._settings)
        if pictures == 0 and not self._left_out:
            raise DecodeError(f"{name} holds no picture that can be decoded; fetch the file again")
        stream = self._opened.stream
        if stream.duration is None or stream.time_base is None:
            return
        declared = float(stream.duration * stream.time_base)
        missing = declared - self._timeline.length
        if missing > max(_CUT_OFF_SECONDS, _CUT_OFF_SHARE * declared):
            raise DecodeError(
                f"{name} is cut off: it says {declared:.1f} s and ends after "
                f"{self._timeline.length:.1f} s; fetch the file again"
            )


def _is_end(packet: Packet[Stream]) -> bool:
    """Whether it is the empty packet that stands for the end of a stream."""
    return packet.size == 0 and packet.pts is None and packet.dts is None


def _seconds(item: Packet[Stream] | VideoFrame) -> float | None:
    """The presentation stamp in seconds, where there is one."""
    pts, base = item.pts, item.time_base  # made anew each time that it is asked for
    if pts is None or base is None:
        return None
    # The quotient of whole numbers is as exact as a fraction's, and takes a tenth of the time.
    return pts * base.numerator / base.denominator
