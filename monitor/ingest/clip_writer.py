"""Writes the clip of an alert beside the camera's thread: takes packets, and never holds it up."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from monitor.clock import Clock
from monitor.ingest.clip_file import ClipFile, ClipFileError
from monitor.ingest.packet_ring import KeptPacket, StreamForm

_LATE_SECONDS = 3.0
"""How much longer than its end a clip is waited for: a stalled camera sends nothing."""
_WAITING_BYTES = 32 * 1024 * 1024
"""Most bytes that wait for a slow disk, beside what the ring held."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What was written."""

    container: str
    """``mp4`` or ``mkv``; empty where nothing was."""
    size_bytes: int
    seconds: float
    began_at: float
    """Unix time at which its first packet was received."""
    cut: str
    """One of CUTS: why it ends before its time; empty where it does not."""


CUTS: tuple[str, ...] = (
    "codec", "size", "slow", "stalled", "disk", "removed", "unfit", "busy", "none",
)  # fmt: skip
"""``codec``: what came then does not go into one file; ``size``: it would be longer than it may be;
``slow``: the disk is; ``stalled``: the camera sent no more; ``disk``: it cannot be written;
``removed``: the camera was given up; ``unfit``: no file can hold this stream; ``busy``: enough
clips of the camera are being written, or no thread can be started; ``none``: the camera sends
none."""


class ClipWriter:
    """One clip: a :class:`monitor.ingest.packet_ring.PacketSink`.

    Args:
        descriptor: of the file, empty and open for reading and writing; belongs to the writer.
        until: monotonic time at which the clip ends, seconds.
        max_bytes: the file is never longer.
        done: told once, from the writer's thread, when the file is closed.
        clock: for the end of a clip whose camera sends nothing.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        until: float,
        max_bytes: int,
        done: Callable[[Clip], None],
        clock: Clock,
    ) -> None:
        self._descriptor = descriptor
        self._until = until
        self._max_bytes = max_bytes
        self._done = done
        self._clock = clock
        self._filled = threading.Condition()
        self._waiting: list[KeptPacket] = []
        self._waiting_bytes = 0
        self._form: StreamForm | None = None
        self._highest: int | None = None
        """Time stamp of the picture that is shown last of those that were taken."""
        self._ended = False
        self._cut = ""
        self.thread = threading.Thread(target=self._run, name="clip", daemon=True)

    def put(self, form: StreamForm, packets: Sequence[KeptPacket]) -> bool:
        with self._filled:
            if self._ended:
                return False
            if self._form is None:
                if not packets[0].is_key:
                    return True
                self._form = form
            elif form != self._form:
                return self._end("codec")
            for packet in packets:
                if not self._is_wanted(packet):
                    return self._end("")
                self._waiting.append(packet)
                self._waiting_bytes += packet.kept_bytes
            self._filled.notify()
            if len(packets) == 1 and self._waiting_bytes > _WAITING_BYTES:
                return self._end("slow")
        return True

    def _is_wanted(self, packet: KeptPacket) -> bool:
        """Up to the end; and beyond it what is shown before what was taken already: without its B
        frames, the last picture would stand behind a gap."""
        if packet.is_key or packet.pts is None or self._highest is None:
            ahead = False
        else:
            ahead = packet.pts < self._highest
        if packet.pts is not None and not ahead:
            self._highest = packet.pts
        return ahead or packet.at <= self._until

    def end(self, reason: str) -> None:
        with self._filled:
            if not self._ended:
                self._end(reason)

    def _give_up(self, reason: str) -> None:
        """No more can be written, also of what has come by its end."""
        with self._filled:
            self._ended, self._cut = True, reason
            self._waiting.clear()

    def _end(self, cut: str) -> bool:
        self._ended, self._cut = True, cut
        self._filled.notify()
        return False

    def _next_group(self) -> list[KeptPacket]:
        """The next key frame with all up to the one after it; empty at the end."""
        with self._filled:
            while not self._ended and self._whole_group() is None:
                left = self._until + _LATE_SECONDS - self._clock.monotonic()
                if left <= 0:
                    self._end("stalled")
                    break
                self._filled.wait(min(left, 1.0))
            length = self._whole_group()
            if length is None:
                length = len(self._waiting)
            group, self._waiting = self._waiting[:length], self._waiting[length:]
            self._waiting_bytes -= sum(packet.kept_bytes for packet in group)
            return group

    def _whole_group(self) -> int | None:
        """How many of those that wait are the first whole group; None where none is whole."""
        following = (n for n, packet in enumerate(self._waiting) if packet.is_key and n > 0)
        return next(following, None)

    def _run(self) -> None:
        clip = Clip("", 0, 0.0, 0.0, "")
        try:
            # Buffered: it writes all or fails, also where the disk is nearly full.
            with os.fdopen(self._descriptor, "r+b") as file:
                clip = self._write(ClipFile(file, self._max_bytes))
        except (OSError, ClipFileError) as error:
            self._give_up("disk" if isinstance(error, OSError) else error.reason)
        finally:
            with self._filled:
                self._ended = True
                self._waiting.clear()
        self._done(replace(clip, cut=self._cut))

    def _write(self, file: ClipFile) -> Clip:
        began_at = 0.0
        while group := self._next_group():
            if self._form is None or not file.add(self._form, group):
                self._give_up("size")
                break
            began_at = began_at or group[0].wall
        file.close()
        return Clip(file.container, file.size_bytes, file.seconds, began_at, "")
