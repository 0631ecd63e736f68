"""What one camera's thread keeps of its stream, and the clips that are made of it."""

import os
import threading
from collections.abc import Callable

from monitor.clock import Clock
from monitor.ingest.channel import ClipDone, FromWorker, SaveClip
from monitor.ingest.packet_ring import PacketRing
from monitor.ingest.source import FrameSource, PacketSource
from monitor.ingest.status import SourceSettings

_MOST_CLIPS = 4
"""Clips of one camera that are written at once."""
_GOODBYE_SECONDS = 1.0
"""How long clips get to be finished when the camera is given up."""


class CameraClips:
    """The ring of one camera. Orders come from another thread than the camera's.

    Args:
        settings: of the camera; without ``ring_bytes`` nothing is kept.
        report: takes messages for the daemon; must not block.
        clock: the machine's.
    """

    def __init__(
        self, settings: SourceSettings, *, report: Callable[[FromWorker], None], clock: Clock
    ) -> None:
        self._camera = settings.camera
        self._report = report
        self._clock = clock
        self._ring = None
        if settings.ring_bytes > 0:
            self._ring = PacketRing(settings.ring_seconds, settings.ring_bytes)
        self._has_packets = True
        """Whether the camera sends a stream, as far as is known."""
        self._writers: list[threading.Thread] = []

    @property
    def kept_bytes(self) -> int:
        """Memory that the ring takes now."""
        return 0 if self._ring is None else self._ring.kept_bytes

    def tap(self, source: FrameSource) -> None:
        """Keep what a source reads, if it reads packets; to be called before its first frame."""
        self._has_packets = isinstance(source, PacketSource)
        if self._ring is not None and isinstance(source, PacketSource):
            source.keep_packets(self._ring)

    def hold(self, since: float | None) -> None:
        """Keep what came since a monotonic time, as far as there is room; None: no longer."""
        if self._ring is not None:
            self._ring.hold(since)

    def save(self, order: SaveClip, descriptor: int) -> None:
        """Write a clip into an open file, which belongs to it from now on; told when it is done."""
        self._writers = [thread for thread in self._writers if thread.is_alive()]
        if self._ring is None or not self._has_packets or len(self._writers) >= _MOST_CLIPS:
            os.close(descriptor)
            cut = "none" if self._ring is None or not self._has_packets else "busy"
            self._report(ClipDone(order.camera, order.clip, "", 0.0, 0.0, cut))
            return
        from monitor.ingest.clip_writer import Clip, ClipWriter  # loads FFmpeg

        def done(clip: Clip) -> None:
            self._report(
                ClipDone(
                    order.camera, order.clip, clip.container, clip.seconds, clip.began_at, clip.cut
                )
            )

        writer = ClipWriter(
            descriptor, until=order.until, max_bytes=order.max_bytes, done=done, clock=self._clock
        )
        self._ring.clip(order.since, writer)
        try:
            writer.thread.start()
        except RuntimeError:  # no more threads: that costs the clip, and no camera
            writer.end("busy")
            os.close(descriptor)
            self._report(ClipDone(order.camera, order.clip, "", 0.0, 0.0, "busy"))
            return
        self._writers.append(writer.thread)

    def close(self) -> None:
        """Forget what is kept, and finish clips with what they have."""
        if self._ring is not None:
            self._ring.close("removed")
        end = self._clock.monotonic() + _GOODBYE_SECONDS
        for thread in self._writers:
            thread.join(max(0.0, end - self._clock.monotonic()))
