"""Reads MJPEG over HTTP, and finds out whether a URL gives that or single pictures."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import Message

import httpx

from monitor.clock import Clock
from monitor.errors import DecodeError, ImageError, OpenError
from monitor.ingest import faults
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.http import content_type, faults_of, make_client, response_to
from monitor.ingest.multipart import MultipartError, MultipartReader
from monitor.ingest.packet_ring import KeptPacket, PacketRing, StreamForm
from monitor.ingest.picture import decode_picture
from monitor.ingest.sampler import Sampler
from monitor.ingest.snapshot import SnapshotSource
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.layout import Image

MAX_BAD_PICTURES = 10
"""So many in a row that cannot be decoded: the stream is broken, not just disturbed."""


def open_http(
    settings: SourceSettings,
    *,
    clock: Clock,
    progress: Callable[[], None],
    stop: threading.Event,
) -> "MjpegSource | SnapshotSource":
    """Ask the URL once: MJPEG is read on, a single picture is asked for again and again.

    Raises:
        SourceError: no answer, or neither of both.
    """
    progress()
    with ExitStack() as stack:
        client = stack.enter_context(make_client(settings))
        response = stack.enter_context(response_to(client, settings))
        progress()
        kind = content_type(response)
        if kind.startswith("multipart/"):
            return MjpegSource(
                settings, response, stack.pop_all(), clock=clock, progress=progress, stop=stop
            )
    if kind.startswith("image/"):
        return SnapshotSource(settings, clock=clock, progress=progress, stop=stop)
    raise OpenError(
        f"{faults.name_of(settings)} answers with {kind[:60] or 'no Content-Type'}, not with MJPEG "
        "(multipart/x-mixed-replace) or a picture; give the URL of one of these, or the camera's "
        "rtsp:// URL"
    )


class MjpegSource:
    """One MJPEG stream; see :class:`monitor.ingest.source.FrameSource`.

    Only the pictures that are taken are decoded.
    """

    def __init__(
        self,
        settings: SourceSettings,
        response: httpx.Response,
        resources: ExitStack,
        *,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._settings, self._response, self._resources = settings, response, resources
        self._clock, self._progress, self._stop = clock, progress, stop
        self._sampler = Sampler(settings.fps, "all")
        self._size = (0, 0)
        self._bad_in_a_row = 0
        self.bad_packets = 0
        self._ring: PacketRing | None = None

    @property
    def info(self) -> StreamInfo:
        return StreamInfo("http", "mjpeg", *self._size)

    def set_fps(self, fps: float) -> None:
        self._sampler.set_fps(fps)

    def keep_packets(self, ring: PacketRing) -> None:
        """Put each picture into a ring as well; to be called before :meth:`frames`."""
        self._ring = ring

    def frames(self) -> Iterator[DecodedFrame]:
        began = self._clock.monotonic()
        for data in self._pictures():
            now, wall = self._clock.monotonic(), self._clock.wall()
            if self._ring is not None:
                self._ring.add(StreamForm("mjpeg"), KeptPacket(data, True, None, None, now, wall))
            if not self._sampler.picture(now - began):
                continue
            try:
                pixels = decode_picture(data, "picture", self._settings.max_side)
            except ImageError as error:
                self._count_bad(error)
                continue
            self._bad_in_a_row = 0
            self._size = (pixels.shape[1], pixels.shape[0])
            self._progress()
            yield DecodedFrame(Image.of(pixels), wall, now, now - began)
        if not self._stop.is_set():
            raise faults.closed(self._settings)

    def close(self) -> None:
        self._resources.close()

    def _pictures(self) -> Iterator[bytes]:
        """The bodies of the parts, until the camera ends the stream or a stop is asked for."""
        reader = MultipartReader(self._boundary())
        complete_at = self._clock.monotonic()
        chunks = self._response.iter_bytes()
        while not self._stop.is_set():
            with faults_of(self._settings):
                chunk = next(chunks, None)
            if chunk is None:
                return
            self._progress()
            now = self._clock.monotonic()
            try:
                for body in reader.feed(chunk):
                    complete_at = now
                    yield body
            except MultipartError as error:
                raise DecodeError(
                    f"{faults.name_of(self._settings)} sends {error}; that is no MJPEG: check the "
                    "URL"
                ) from None
            if now - complete_at > self._settings.read_timeout_seconds:
                # Bytes trickle in, but no picture is ever whole.
                raise faults.silent(self._settings, self._settings.read_timeout_seconds)

    def _boundary(self) -> str:
        header = Message()
        header["content-type"] = self._response.headers["content-type"]
        boundary = header.get_param("boundary")
        if not isinstance(boundary, str) or not boundary:
            raise DecodeError(
                f"{faults.name_of(self._settings)} sends multipart data and names no boundary; "
                "update the camera's firmware, or take its rtsp:// URL"
            )
        return boundary

    def _count_bad(self, error: ImageError) -> None:
        self.bad_packets += 1
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= MAX_BAD_PICTURES:
            raise DecodeError(
                f"{faults.name_of(self._settings)} sends pictures that cannot be decoded, "
                f"{self._bad_in_a_row} in a row; the last: {error}"
            )
