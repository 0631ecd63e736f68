"""The seam between a camera and all that reads it: one protocol, one function that opens any URL.

Each kind of source has a module of its own, imported only where one is opened, so that a worker
with RTSP cameras never loads what only a V4L2 device or a snapshot URL needs.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from monitor.clock import Clock
from monitor.errors import OpenError
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.packet_ring import PacketRing
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.ingest.url import source_kind


class FrameSource(Protocol):
    """One open camera, file or folder. Belongs to the thread that opened it."""

    @property
    def info(self) -> StreamInfo:
        """What the source is, as far as it is known by now; later reads may know more."""
        ...

    @property
    def bad_packets(self) -> int:
        """What arrived since it was opened and could not be decoded: packets, or whole pictures."""
        ...

    def frames(self) -> Iterator[DecodedFrame]:
        """The sampled frames, about ``settings.fps`` a second; to be called once.

        Ends at the end of a file (unless it loops) and soon after ``stop`` is set.

        Raises:
            StallError: nothing arrived for ``settings.read_timeout_seconds``.
            DecodeError: what arrives is no picture any more, or a file is cut off.
            SourceError: the source broke off for another reason.
        """
        ...

    def set_fps(self, fps: float) -> None:
        """Sample so often from the next picture on, if it can; may be called from any thread."""
        ...

    def close(self) -> None:
        """Free everything; may be called more than once."""
        ...


@runtime_checkable
class PacketSource(Protocol):
    """A source whose packets can be kept as they come, for clips."""

    def keep_packets(self, ring: PacketRing) -> None:
        """Put each packet into a ring from now on; to be called before :meth:`frames`."""
        ...


def open_source(
    settings: SourceSettings,
    *,
    clock: Clock,
    progress: Callable[[], None],
    stop: threading.Event,
) -> FrameSource:
    """Open the camera, file or folder that ``settings.url`` names.

    Args:
        settings: what to open and how.
        clock: gives the times of receipt, and the pace of files.
        progress: called at each packet, frame and step of a wait: proof that the source lives.
        stop: ends ``frames()`` soon, waits included.

    Raises:
        OpenError: refused, unreachable, missing, or of an unknown form.
        AuthError: the source wants other credentials.
        StallError: it accepted the connection and then sent nothing.
    """
    match source_kind(settings):
        case "rtsp" | "file":
            from monitor.ingest.stream import StreamSource

            return StreamSource(settings, clock=clock, progress=progress, stop=stop)
        case "http":
            from monitor.ingest.mjpeg import open_http

            return open_http(settings, clock=clock, progress=progress, stop=stop)
        case "snapshot":
            from monitor.ingest.snapshot import SnapshotSource

            return SnapshotSource(settings, clock=clock, progress=progress, stop=stop)
        case "folder":
            from monitor.ingest.folder import FolderSource

            return FolderSource(settings, clock=clock, progress=progress, stop=stop)
        case "device":
            from monitor.ingest.device import DeviceSource

            return DeviceSource(settings, clock=clock, progress=progress, stop=stop)
        case kind:
            raise OpenError(f"camera {settings.camera}: no reader for sources of kind {kind!r}")
