"""A worker for tests: the real one, with a few cameras whose readers do what decoders do at worst.

Started in place of ``monitor.ingest.worker``. URLs of the form ``fault:KIND`` or ``fault:KIND,N``
open such a reader, which behaves for N pictures first (0 where it is left out); ``fault:still`` is
one picture again and again, each 10 s older than the next; all other URLs are opened as always.
"""

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from monitor.clock import Clock
from monitor.errors import AuthError, OpenError
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.source import FrameSource, open_source
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.ingest.worker import main
from monitor.layout import Image

FAULTY_WORKER = (sys.executable, "-P", "-m", "tests.support.faulty_worker")


class FaultySource:
    """Pictures of one brightness each, then a fault."""

    info = StreamInfo(kind="rtsp", codec="none", width=64, height=48)
    bad_packets = 0

    def __init__(
        self,
        settings: SourceSettings,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        kind, _, count = settings.url.removeprefix("fault:").partition(",")
        self._kind = kind
        self._count = int(count or 0)
        self._fps = settings.fps
        self._clock = clock
        self._progress = progress
        self._stop = stop

    def frames(self) -> Iterator[DecodedFrame]:
        index = 0
        noise = np.random.default_rng(1)
        while not self._stop.is_set():
            if index >= self._count:
                self._fail()
            self._progress()
            now = self._clock.monotonic()
            if self._kind == "still":
                noise = np.random.default_rng(1)
                now += 10.0 * min(index, 100) - 1000.0
            pixels = noise.integers(20, 200, (48, 64, 3), np.uint8)
            yield DecodedFrame(Image.of(pixels), self._clock.wall(), now, index / self._fps)
            index += 1
            self._stop.wait(1 / self._fps)

    def set_fps(self, fps: float) -> None:
        self._fps = fps

    def close(self) -> None:
        pass

    def _fail(self) -> None:
        match self._kind:
            case "segfault":
                ctypes.string_at(0)
            case "hang":
                threading.Event().wait()
            case "freeze":  # keeps Python's lock: all threads of the process stand still
                ctypes.PyDLL(None).pause()
            case "die":
                ctypes.CDLL(None)._exit(3)
            case "deaf":  # a library that waits for the network and cannot be interrupted
                while True:
                    self._progress()
                    time.sleep(0.1)


def open_any(
    settings: SourceSettings,
    *,
    clock: Clock,
    progress: Callable[[], None],
    stop: threading.Event,
) -> FrameSource:
    """As :func:`monitor.ingest.source.open_source`, with the faults."""
    match settings.url:
        case "fault:refused":
            raise OpenError("the camera refused the connection", reason="refused")
        case "fault:auth":
            raise AuthError(f"the camera does not take the password {settings.password}")
        case "fault:closed":
            threading.Event().wait()
    if settings.url.startswith("fault:"):
        return FaultySource(settings, clock, progress, stop)
    return open_source(settings, clock=clock, progress=progress, stop=stop)


if __name__ == "__main__":
    main(sys.argv[1:], open_any)
