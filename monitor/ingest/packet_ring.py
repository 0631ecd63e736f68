"""The last seconds of a camera's stream, as it came: packets in memory, for the clip of an alert.

The ring lies in the worker that reads the camera, so that packets cross no process: the daemon says
when something began, and the worker writes what is here and what comes after. A worker that dies
takes its ring along; the next one begins anew.

A clip begins with a key frame, so packets are kept and forgotten by groups: a key frame and all up
to the next. A group that is longer than the ring may be is given up, and so is what stands before.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

TICKS_PER_SECOND = 90_000
"""Time stamps of packets are kept in these, as MPEG and RTP do for video."""

PACKET_OVERHEAD_BYTES = 250
"""What a kept packet takes beside its bytes: objects of Python, measured."""


@dataclass(frozen=True, slots=True)
class StreamForm:
    """What all packets of one file have in common."""

    codec: str
    """FFmpeg's name."""
    sequence: bytes = b""
    """Sequence parameter sets of H.264 and H.265: with others, another file is needed."""
    parameters: bytes = field(default=b"", compare=False)
    """What a player needs before the first picture and may not be in its packet."""
    live: bool = field(default=True, compare=False)
    """Packets come as they are made; False: a recording, which is read ahead."""


@dataclass(frozen=True, slots=True)
class KeptPacket:
    """One packet: for H.264 and H.265 an access unit with start codes."""

    data: bytes
    is_key: bool
    pts: int | None
    """When it is shown, ticks of the stream; streams lie."""
    dts: int | None
    """When it is decoded."""
    at: float
    """Monotonic time at receipt, seconds."""
    wall: float
    """Unix time at receipt, seconds."""

    @property
    def kept_bytes(self) -> int:
        return len(self.data) + PACKET_OVERHEAD_BYTES


class PacketSink(Protocol):
    """Takes the packets of a clip; nothing here may block."""

    def put(self, form: StreamForm, packets: Sequence[KeptPacket]) -> bool:
        """Take packets, in order; False once no more are wanted."""

    def end(self, reason: str) -> None:
        """No more will come."""


@dataclass(slots=True)
class _Group:
    """A key frame and what hangs on it."""

    form: StreamForm
    packets: list[KeptPacket]
    kept_bytes: int


class PacketRing:
    """The ring of one camera: one thread adds, another asks for clips.

    Args:
        seconds: how much is kept before now; as much more as the newest groups are long.
        max_bytes: never more than this, whatever that costs in seconds.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._groups: deque[_Group] = deque()
        self._kept_bytes = 0
        self._held_since: float | None = None
        self._awaits_key = True
        self._sinks: list[PacketSink] = []

    @property
    def kept_bytes(self) -> int:
        """Memory that the ring takes now."""
        return self._kept_bytes

    @property
    def seconds(self) -> float:
        """Time from the oldest kept packet to the newest."""
        with self._lock:
            if not self._groups:
                return 0.0
            return self._groups[-1].packets[-1].at - self._groups[0].packets[0].at

    def add(self, form: StreamForm, packet: KeptPacket) -> None:
        """Keep a packet; what is too old or too much is forgotten, oldest first."""
        with self._lock:
            self._sinks = [sink for sink in self._sinks if sink.put(form, (packet,))]
            if packet.is_key:
                self._groups.append(_Group(form, [], 0))
                self._awaits_key = False
            elif self._awaits_key:
                return
            group = self._groups[-1]
            group.packets.append(packet)
            group.kept_bytes += packet.kept_bytes
            self._kept_bytes += packet.kept_bytes
            self._forget(packet.at)

    def lost(self) -> None:
        """Packets are missing from here on, as after a new connection: the next is a key frame."""
        with self._lock:
            self._awaits_key = True

    def hold(self, since: float | None) -> None:
        """Keep what came since a monotonic time, as far as there is room; None: no longer."""
        with self._lock:
            self._held_since = since

    def clip(self, since: float, sink: PacketSink) -> None:
        """Give a sink what is here from a monotonic time on, and what comes from now on.

        It begins with the last key frame before that time, or with the first that is kept. Of
        packets of several forms only the newest that go together are given.
        """
        with self._lock:
            chosen: deque[_Group] = deque()
            for group in reversed(self._groups):
                if chosen and group.form != chosen[0].form:
                    break
                chosen.appendleft(group)
                if group.packets[0].at <= since:
                    break
            wanted = True
            for group in chosen:
                wanted = wanted and sink.put(group.form, group.packets)
            if wanted:
                self._sinks.append(sink)

    def close(self, reason: str) -> None:
        """Forget all; clips end here."""
        with self._lock:
            for sink in self._sinks:
                sink.end(reason)
            self._sinks.clear()
            self._groups.clear()
            self._kept_bytes = 0
            self._awaits_key = True

    def _forget(self, now: float) -> None:
        wanted = now - self._seconds
        if self._held_since is not None:
            wanted = min(wanted, self._held_since)
        # The second group must reach back far enough by itself before the first may go.
        while len(self._groups) > 1 and (
            self._groups[1].packets[0].at <= wanted or self._kept_bytes > self._max_bytes
        ):
            self._drop_first()
        if self._kept_bytes > self._max_bytes:
            self._drop_first()
            self._awaits_key = True

    def _drop_first(self) -> None:
        self._kept_bytes -= self._groups.popleft().kept_bytes
