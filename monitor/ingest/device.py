"""Reads a V4L2 device, such as a USB camera. FFmpeg's wheel has no V4L2, so OpenCV does it."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from monitor.clock import Clock
from monitor.errors import OpenError
from monitor.ingest import faults
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.picture import shrink
from monitor.ingest.sampler import Sampler
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.ingest.url import local_path

_V4L2_MAJOR = 81
"""Linux's number for video devices."""


class DeviceSource:
    """One device; see :class:`monitor.ingest.source.FrameSource`."""

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
        path = _checked(local_path(settings), settings)
        progress()
        self._capture = cv2.VideoCapture(
            str(path),
            cv2.CAP_V4L2,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                round(settings.open_timeout_seconds * 1000),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                round(settings.read_timeout_seconds * 1000),
            ],
        )
        if not self._capture.isOpened():
            raise OpenError(
                f"{faults.name_of(settings)} cannot be opened for video; check that no other "
                "program uses it, and that it is a capture device (v4l2-ctl --list-devices)"
            )
        # One picture in the driver's queue: with more, what is read is old.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._sampler = Sampler(settings.fps, "all")

    @property
    def info(self) -> StreamInfo:
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        return StreamInfo(
            kind="device",
            codec=_four_characters(int(self._capture.get(cv2.CAP_PROP_FOURCC))),
            width=int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            declared_fps=fps if fps > 0 else None,
        )

    def frames(self) -> Iterator[DecodedFrame]:
        began = self._clock.monotonic()
        while not self._stop.is_set():
            # All pictures are taken from the driver, or those that wait there grow old.
            if not self._capture.grab():
                raise faults.silent(self._settings, self._settings.read_timeout_seconds)
            self._progress()
            now = self._clock.monotonic()
            if not self._sampler.picture(now - began):
                continue
            taken, picture = self._capture.retrieve()
            if taken:
                pixels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
                yield DecodedFrame(
                    pixels=shrink(pixels, self._settings.max_side),
                    captured_at=self._clock.wall(),
                    captured_monotonic=now,
                    media_seconds=now - began,
                )

    def close(self) -> None:
        self._capture.release()


def _checked(path: Path, settings: SourceSettings) -> Path:
    """The path, if a video device that this user may read stands there."""
    name = faults.name_of(settings)
    try:
        status = path.stat()
    except (OSError, ValueError):
        raise OpenError(
            f"{name}: there is no such device; check the path, and that it is plugged in",
            reason="not_found",
        ) from None
    if not stat.S_ISCHR(status.st_mode) or os.major(status.st_rdev) != _V4L2_MAJOR:
        raise OpenError(f"{name} is no video device; give one such as v4l2:/dev/video0")
    if not os.access(path, os.R_OK | os.W_OK):
        raise OpenError(f"{name} may not be read by this user; add it to the group 'video'")
    return path


def _four_characters(code: int) -> str:
    text = code.to_bytes(4, "little", signed=False) if code >= 0 else b""
    return text.decode("ascii", "replace").strip("\0 ").lower()
