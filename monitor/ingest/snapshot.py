"""Asks a URL for one picture after another, at the wanted rate."""

import threading
from collections.abc import Callable, Iterator

from monitor.clock import Clock
from monitor.errors import DecodeError, ImageError
from monitor.ingest import faults
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.http import content_type, make_client, response_to
from monitor.ingest.picture import decode_picture
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.layout import Image

MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024
_STEP_SECONDS = 0.5
"""Longest wait between two signs of life."""


class SnapshotSource:
    """One snapshot URL; see :class:`monitor.ingest.source.FrameSource`.

    The first picture is fetched at once, so that a wrong URL shows when the source is opened.
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
        self._fps = settings.fps
        self._codec = ""
        self.bad_packets = 0
        self._began = clock.monotonic()
        self._client = make_client(settings)
        try:
            self._first: DecodedFrame | None = self._fetch()
        except BaseException:
            self._client.close()
            raise
        self._size = self._first.image.size

    @property
    def info(self) -> StreamInfo:
        return StreamInfo("snapshot", self._codec, *self._size)

    def set_fps(self, fps: float) -> None:
        self._fps = fps

    def frames(self) -> Iterator[DecodedFrame]:
        due = self._clock.monotonic()
        while not self._stop.is_set():
            frame, self._first = self._first or self._fetch(), None
            self._size = frame.image.size
            yield frame
            # The rate is looked at in each step: it may change meanwhile.
            while (left := due + 1.0 / self._fps - self._clock.monotonic()) > 0:
                self._progress()
                if self._stop.wait(min(left, _STEP_SECONDS)):
                    return
            # A slow camera is asked again at once, not several times to catch up.
            due = max(due + 1.0 / self._fps, self._clock.monotonic())

    def close(self) -> None:
        self._client.close()

    def _fetch(self) -> DecodedFrame:
        settings = self._settings
        self._progress()
        limit = self._clock.monotonic() + settings.read_timeout_seconds
        data = bytearray()
        with response_to(self._client, settings) as response:
            for chunk in response.iter_bytes():
                self._progress()
                data += chunk
                if len(data) > MAX_SNAPSHOT_BYTES:
                    raise DecodeError(
                        f"{faults.name_of(settings)} sends more than {MAX_SNAPSHOT_BYTES:,} bytes "
                        "for one picture; for a stream of pictures leave out 'snapshot'"
                    )
                if self._clock.monotonic() > limit:
                    raise faults.silent(settings, settings.read_timeout_seconds)
            kind = content_type(response)
        now, wall = self._clock.monotonic(), self._clock.wall()
        try:
            pixels = decode_picture(bytes(data), "picture", settings.max_side)
        except ImageError as error:
            self.bad_packets += 1
            raise DecodeError(
                f"{faults.name_of(settings)} answers with {kind[:60] or 'data'} that cannot be "
                f"used; {error}"
            ) from None
        self._codec = kind.removeprefix("image/")
        self._progress()
        return DecodedFrame(Image.of(pixels), wall, now, now - self._began)
