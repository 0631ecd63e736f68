"""Reads a folder of images as if it were a recording: one after another, in the order of names."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.clock import Clock
from monitor.errors import DecodeError, ImageError, OpenError
from monitor.image import IMAGE_SUFFIXES, read_image
from monitor.ingest import faults
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.pace import Pace
from monitor.ingest.picture import shrink
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.ingest.url import local_path
from monitor.layout import Image

MAX_TOLD = 20
"""Most unreadable files that are kept by name."""


class FolderSource:
    """One folder; see :class:`monitor.ingest.source.FrameSource`. Folders in it are not read.

    Each image stands for one sample, ``1 / fps`` seconds after the one before. What cannot be read
    is left out; the folder is listed anew each time it begins again.
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
        self._files = self._list()
        self._size = (0, 0)
        self.bad_packets = 0
        self.unreadable: list[str] = []
        """Why images were left out, a sentence each; the first of them."""

    @property
    def info(self) -> StreamInfo:
        return StreamInfo("folder", "images", *self._size)

    def frames(self) -> Iterator[DecodedFrame]:
        pace = Pace(self._settings.paced, self._clock, self._progress, self._stop)
        shown = 0
        while not self._stop.is_set():
            shown_before = shown
            for file in self._files:
                self._progress()
                if self._stop.is_set():
                    return
                frame = self._read(file, shown / self._settings.fps)
                timed = None if frame is None else pace.wait(frame)
                if timed is not None:
                    shown += 1
                    yield timed
            if shown == shown_before and not self._stop.is_set():
                raise DecodeError(
                    f"{faults.name_of(self._settings)}: none of the {len(self._files)} images can "
                    f"be read; the first: {self.unreadable[0]}"
                )
            if not self._settings.loop:
                return
            self._files = self._list()

    def set_fps(self, fps: float) -> None:
        del fps  # its images are what they are; there are no others in between

    def close(self) -> None:
        self._files = []

    def _list(self) -> list[Path]:
        name = faults.name_of(self._settings)
        try:
            files = sorted(
                path
                for path in local_path(self._settings).iterdir()
                if path.suffix.lower() in IMAGE_SUFFIXES
            )
        except OSError as error:
            raise OpenError(
                f"{name} cannot be listed: {error.strerror}; check the path and its permissions"
            ) from None
        if not files:
            raise OpenError(
                f"{name} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}); check the path",
                reason="not_found",
            )
        return files

    def _read(self, file: Path, position: float) -> DecodedFrame | None:
        try:
            pixels = shrink(read_image(file), self._settings.max_side)
        except ImageError as error:
            self.bad_packets += 1
            if len(self.unreadable) < MAX_TOLD:
                self.unreadable.append(str(error))
            return None
        self._size = (pixels.shape[1], pixels.shape[0])
        return DecodedFrame(Image.of(pixels), self._clock.wall(), self._clock.monotonic(), position)
