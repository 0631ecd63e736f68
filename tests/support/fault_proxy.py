"""A TCP proxy between a camera and the daemon that does to the stream what networks do.

It knows RTSP over TCP: where a fault is about pictures (packets lost, bytes damaged, key frames
missing, time stamps that lie) it takes the interleaved RTP packets apart, and leaves the dialogue
whole. All chance comes from a seed.
"""

import asyncio
import contextlib
import dataclasses
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

_STEP_SECONDS = 0.02
_QUEUED = 512
"""Pieces under way in one direction; beyond, the sender has to wait, as with a full buffer."""
_MARKER = 0x24
"""Begins an interleaved packet."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the line now; nothing, as it is made."""

    stall_down: bool = False
    """Nothing goes from the camera to the daemon."""
    stall_up: bool = False
    """Nothing goes from the daemon to the camera."""
    mute: bool = False
    """Connections are accepted, and never answered."""
    delay_seconds: float = 0.0
    """Whatever comes from the camera arrives so much later."""
    bytes_per_second: float = 0.0
    """The most that the camera gets through; 0: no limit."""
    lose: float = 0.0
    """Share of the picture's packets that are lost."""
    corrupt: float = 0.0
    """Share of the picture's packets in which some bytes are changed."""
    truncate: float = 0.0
    """Share of the picture's packets that are cut off in the middle."""
    lose_key_frames: bool = False
    """All packets of H.264 key frames are lost."""
    shift_stamps_seconds: float = 0.0
    """Added to the time stamps of the picture's packets."""


class FaultProxy:
    """One camera's line. Methods may be called from any thread; ``close`` ends it.

    Args:
        target_port: where the camera listens, on loopback.
        seed: of all chance.
    """

    def __init__(self, target_port: int, *, seed: int = 0) -> None:
        self.target_port = target_port
        self._random = Random(seed)
        self._faults = Faults()
        self._lines: set[_Line] = set()
        self.connections = 0
        """Connections accepted so far."""
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.port = 0
        self._call(self._listen())

    def url(self, path: str) -> str:
        """The URL of the camera's mount, through this proxy."""
        return f"rtsp://127.0.0.1:{self.port}{path}"

    @property
    def faults(self) -> Faults:
        """What is wrong now."""
        return self._faults

    def set(self, **changes: float) -> None:
        """From now on only this is wrong: fields of :class:`Faults`. None at all: nothing is."""
        self._faults = dataclasses.replace(Faults(), **changes)  # type: ignore[arg-type]  # checked by name

    def heal(self) -> None:
        """Nothing is wrong any more. Connections that were cut or left half open stay so."""
        self.set()
        self._call(self._listen())

    def cut(self, kind: Literal["reset", "end"] = "reset") -> None:
        """Break off all connections, by RST or by FIN."""
        self._call(self._each("reset" if kind == "reset" else "end"))

    def refuse(self) -> None:
        """Break off all connections and refuse new ones, until healed."""
        self._call(self._deaf())
        self.cut()

    def vanish(self) -> None:
        """New connections get no answer at all, until healed; those that are go half open.

        As with a camera whose power is gone: the kernel drops what knocks at a full queue.
        """
        self._call(self._deaf())
        self._call(self._fill())
        self.half_open()

    def mute(self) -> None:
        """Break off all connections; new ones are accepted and never answered, until healed."""
        self.set(mute=True)
        self.cut()

    def half_open(self) -> None:
        """The camera is gone and nobody tells the daemon: its connections stay open and silent.

        New ones are accepted and stay silent as well, until healed.
        """
        self._faults = dataclasses.replace(self._faults, mute=True)
        self._call(self._each("half_open"))

    def close(self) -> None:
        """End the proxy and all connections."""
        if self._loop.is_closed():
            return
        self._call(self._deaf())
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # In the loop's thread.

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _deaf(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _fill(self) -> None:
        """A listener whose queue is full: what knocks now is dropped by the kernel."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self._fillers.append(listener)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self._fillers.append(filler)

    async def _each(self, what: str) -> None:
        for line in list(self._lines):
            line.hurt(what)

    async def _end(self) -> None:
        for filler in self._fillers:
            filler.close()
        for line in list(self._lines):
            line.hurt("reset")
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = _Line(self, self._random, reader, writer)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)


class _Line:
    """One connection of the daemon, and the one to the camera that belongs to it."""

    def __init__(
        self,
        proxy: FaultProxy,
        random: Random,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy, self._random = proxy, random
        self._reader, self._writer = reader, writer
        self._camera: asyncio.StreamWriter | None = None
        self._mute = False

    async def run(self) -> None:
        """Until one of both sides is gone."""
        try:
            while self._proxy.faults.mute:
                if not await asyncio.wait_for(self._swallow(), None):
                    return
            try:
                camera_reader, self._camera = await asyncio.open_connection(
                    "127.0.0.1", self._proxy.target_port
                )
            except OSError:
                _reset(self._writer)
                return
            up = asyncio.create_task(self._up(self._reader, self._camera))
            down = asyncio.create_task(self._down(camera_reader, self._writer))
            done, rest = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if self._mute:
                await asyncio.wait(rest)
            for task in (*done, *rest):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        finally:
            for writer in (self._writer, self._camera):
                if writer is not None:
                    writer.close()

    def hurt(self, what: str) -> None:
        """``reset``, ``end``, or ``half_open``: the camera goes and the daemon is not told."""
        if what == "half_open":
            self._mute = True
        elif what == "reset":
            _reset(self._writer)
        else:
            self._writer.close()
        if self._camera is not None:
            _reset(self._camera)

    async def _swallow(self) -> bool:
        """Wait a little in silence; False once the daemon has given up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STEP_SECONDS):
                return bool(await self._reader.read(65536))
        return True

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._mute:
                continue
            while self._proxy.faults.stall_up:
                await asyncio.sleep(_STEP_SECONDS)
            try:
                writer.write(data)
                await writer.drain()
            except ConnectionError:
                if not self._mute:
                    return

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED)
        sender = asyncio.create_task(self._send(queue, writer))
        try:
            splitter = Splitter()
            while True:
                try:
                    data = await reader.read(65536)
                except ConnectionError:
                    break
                if not data:
                    break
                due = self._loop_time() + self._proxy.faults.delay_seconds
                for piece in splitter.feed(data):
                    for changed in change(piece, self._proxy.faults, self._random):
                        await queue.put((due, changed))
            await queue.put((0.0, b""))
            await sender
        finally:
            sender.cancel()

    async def _send(
        self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await queue.get()
            if not data or self._mute:
                return
            while (left := due - self._loop_time()) > 0 or self._proxy.faults.stall_down:
                await asyncio.sleep(max(left, _STEP_SECONDS))
            if rate := self._proxy.faults.bytes_per_second:
                await asyncio.sleep(len(data) / rate)
            try:
                writer.write(data)
                await writer.drain()
            except ConnectionError:
                return

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()


class Splitter:
    """Cuts what a camera says into whole interleaved packets and whatever lies between. Pure."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that are complete now."""
        self._kept += data
        while self._kept:
            length = self._length()
            if length is None or len(self._kept) < length:
                return
            piece, self._kept = self._kept[:length], self._kept[length:]
            yield piece

    def _length(self) -> int | None:
        """Length of the piece that begins here; None where more must come to know."""
        if self._kept[0] == _MARKER:
            if len(self._kept) < 4:
                return None
            return 4 + int(struct.unpack_from(">H", self._kept, 2)[0])
        end = self._kept.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = end + 4
        for line in self._kept[:end].split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length += int(value)
        return length


def change(piece: bytes, faults: Faults, random: Random) -> Iterator[bytes]:
    """What becomes of one piece: itself, another, or nothing. Pure but for the chance given."""
    if piece[0] != _MARKER or piece[1] % 2 or len(piece) < 4 + 12 + 2:
        yield piece  # dialogue, or a report on the stream
        return
    if faults.lose and random.random() < faults.lose:
        return
    start = _payload_start(piece)
    if faults.lose_key_frames and _is_key(piece[start:]):
        return
    changed = bytearray(piece)
    if faults.shift_stamps_seconds:
        (stamp,) = struct.unpack_from(">I", changed, 8)
        moved = (stamp + round(faults.shift_stamps_seconds * 90_000)) % 2**32
        struct.pack_into(">I", changed, 8, moved)
    if faults.corrupt and random.random() < faults.corrupt:
        # Behind the headers of the fragment: the packet is taken for what it was.
        for _ in range(1 + (len(changed) - start) // 50):
            if len(changed) > start + 4:
                changed[random.randrange(start + 4, len(changed))] = random.randrange(256)
    if faults.truncate and random.random() < faults.truncate and len(changed) > start + 4:
        del changed[random.randrange(start + 3, len(changed)) :]
        struct.pack_into(">H", changed, 2, len(changed) - 4)
    yield bytes(changed)


def _payload_start(piece: bytes) -> int:
    """Where the RTP payload begins, behind the interleaving header and RTP's own."""
    return 4 + 12 + 4 * (piece[4] & 0x0F)


def _is_key(payload: bytes) -> bool:
    """Whether an RTP payload holds (part of) an H.264 IDR slice."""
    kind = payload[0] & 0x1F
    if kind == 28:
        return payload[1] & 0x1F == 5
    if kind == 24:
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 0x1F == 5:
                return True
            at += 2 + int(struct.unpack_from(">H", payload, at)[0])
        return False
    return kind == 5


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST."""
    opened = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
