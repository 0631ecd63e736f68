"""The worker of :mod:`tests.support.rigged_daemon`."""

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import monitor.ingest.worker
from monitor.clock import Clock
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.source import FrameSource, open_source
from monitor.ingest.status import SourceSettings, StreamInfo
from tests.support.rigged_daemon import SetClock


class HangingSource:
    """A real source whose decoder hangs while a file names its camera."""

    def __init__(self, source: FrameSource, camera: str, file: Path) -> None:
        self._source, self._camera, self._file = source, camera, file

    @property
    def info(self) -> StreamInfo:
        return self._source.info

    @property
    def bad_packets(self) -> int:
        return self._source.bad_packets

    def frames(self) -> Iterator[DecodedFrame]:
        for frame in self._source.frames():
            if self._camera in self._file.read_text(encoding="ascii").split():
                ctypes.CDLL(None).pause()
            yield frame

    def set_fps(self, fps: float) -> None:
        self._source.set_fps(fps)

    def close(self) -> None:
        self._source.close()


def open_rigged(
    folder: Path,
    settings: SourceSettings,
    *,
    clock: Clock,
    progress: Callable[[], None],
    stop: threading.Event,
) -> FrameSource:
    """As :func:`monitor.ingest.source.open_source`."""
    source = open_source(settings, clock=clock, progress=progress, stop=stop)
    return HangingSource(source, settings.camera, folder / "hang")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    vars(monitor.ingest.worker)["SystemClock"] = partial(SetClock, folder)
    monitor.ingest.worker.main(sys.argv[2:], partial(open_rigged, folder))
