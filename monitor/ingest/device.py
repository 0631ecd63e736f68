"""Reads a V4L2 device, such as a USB camera. FFmpeg's wheel has no V4L2, so OpenCV does it."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from monitor.clock import Clock
from monitor.errors import DecodeError, OpenError
from monitor.ingest import faults
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.picture import shrink
from monitor.ingest.sampler import Sampler
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.ingest.url import local_path
from monitor.layout import Image

_V4L2_MAJOR = 81
"""Linux's number for video devices."""

MAX_SPOILT = 10
"""So many pictures in a row that cannot be decoded: the device is broken, not just disturbed."""


class Capture(Protocol):
    """What is used of OpenCV's capture."""

    def grab(self) -> bool:
        """Take the next picture from the driver; False: none came in time."""
        ...

    def retrieve(self) -> tuple[bool, cv2.typing.MatLike | None]:
        """Decode it: whether that went well, and uint8 (height, width, 3), BGR."""
        ...


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
        self._sampler = Sampler(settings.fps, "all")
        self.bad_packets = 0
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

    def set_fps(self, fps: float) -> None:
        self._sampler.set_fps(fps)

    def frames(self) -> Iterator[DecodedFrame]:
        return pictures_of(
            self._capture,
            self._settings,
            self._sampler,
            clock=self._clock,
            progress=self._progress,
            stop=self._stop,
            spoilt=self._count_bad,
        )

    def _count_bad(self) -> None:
        self.bad_packets += 1

    def close(self) -> None:
        self._capture.release()


def pictures_of(
    capture: Capture,
    settings: SourceSettings,
    sampler: Sampler,
    *,
    clock: Clock,
    progress: Callable[[], None],
    stop: threading.Event,
    spoilt: Callable[[], None],
) -> Iterator[DecodedFrame]:
    """The sampled pictures of an open device, until stopped; ``spoilt`` is called for each that
    cannot be decoded.

    Raises:
        StallError: none came in time.
        DecodeError: MAX_SPOILT in a row could not be decoded.
    """
    began = clock.monotonic()
    in_a_row = 0
    while not stop.is_set():
        # All pictures are taken from the driver, or those that wait there grow old.
        if not capture.grab():
            raise faults.silent(settings, settings.read_timeout_seconds)
        progress()
        now = clock.monotonic()
        if not sampler.picture(now - began):
            continue
        taken, picture = capture.retrieve()
        if not taken or picture is None:
            spoilt()
            in_a_row += 1
            if in_a_row >= MAX_SPOILT:
                raise DecodeError(
                    f"{faults.name_of(settings)} gives pictures that cannot be decoded, {in_a_row} "
                    "in a row; set another format (v4l2-ctl --list-formats-ext), or try another "
                    "cable or port"
                )
            continue
        in_a_row = 0
        pixels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        yield DecodedFrame(
            image=Image.of(shrink(pixels, settings.max_side)),
            captured_at=clock.wall(),
            captured_monotonic=now,
            media_seconds=now - began,
        )


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
