"""One slot in shared memory for the newest frame of one camera; the newest wins, nothing queues.

A mailbox is an anonymous file in memory (``memfd``), so nothing is left behind when a process is
killed. It is sealed against a change of size: a worker that was taken over through a hostile stream
cannot cut it short and so kill the daemon by a bus error. Layout, in 8-byte words::

    0 magic  1 version  2 capacity of one buffer, bytes
    8 sequence of the newest whole frame    9 heartbeat    10 phase    11 thread    12 still since
    13 bad packets    14 still from lively    15 bytes kept for clips    48 delay
    16..31 description of the even buffer   32..47 description of the odd buffer
    4096   even buffer, then the odd one; pages that no picture touches take no memory

Frame n goes into buffer n % 2 while the reader has the other. The description begins with ``begin``
and ends with ``end``: the writer sets ``begin`` before it touches the pixels, ``end`` after, and
the sequence last of all. The reader copies and looks at ``begin`` again. So it never sees a torn
frame, and a writer that is killed halfway leaves the frame before untouched.
"""

import enum
import fcntl
import math
import mmap
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SourceError
from monitor.ingest.frame import DecodedFrame, Frame, Health

_MAGIC = int.from_bytes(b"embermbx", "little")
_VERSION = 1
_HEADER_BYTES = 4096
_MAGIC_WORD, _VERSION_WORD, _CAPACITY_WORD = 0, 1, 2
_SEQUENCE, _HEARTBEAT, _PHASE, _THREAD, _STILL_SINCE, _BAD_PACKETS = 8, 9, 10, 11, 12, 13
_FROM_LIVELY, _RING_BYTES, _DELAY = 14, 15, 48
_DESCRIPTION = (16, 32)
_BEGIN, _CAPTURED_AT, _CAPTURED_MONOTONIC, _MEDIA, _WIDTH, _HEIGHT, _HEALTH, _END = range(8)

_FUTURE_SECONDS = 1.0
"""How far ahead of the reader's monotonic clock a capture time may lie: they share one clock."""
_WALL_LIMIT = 1e11
_MEDIA_LIMIT = 1e9
_LONGEST_GAP = 10_000_000
"""More frames than this between two reads is no gap but a broken counter (4 days at 30 fps)."""
_TRIES = 4
_LONGEST_DELAY = 3600.0


class Phase(enum.IntEnum):
    """What a camera's thread is doing; tells who may have crashed a worker."""

    IDLE = 0
    """Waiting: for its turn to open, or in back-off."""
    OPENING = 1
    READING = 2
    """In the demuxer or decoder."""


@dataclass(frozen=True, slots=True)
class FrameMark:
    """The newest frame without its pixels."""

    sequence: int
    captured_at: float
    captured_monotonic: float
    media_seconds: float
    width: int
    height: int
    health: Health


class Mailbox:
    """The mapped memory of one mailbox. One process writes, another reads."""

    def __init__(self, descriptor: int) -> None:
        """Map an existing mailbox; the descriptor stays the caller's.

        Raises:
            SourceError: the file is no mailbox of this version.
        """
        size = os.fstat(descriptor).st_size
        if size <= _HEADER_BYTES:
            raise SourceError(f"a mailbox of {size} bytes is too small; restart the daemon")
        self._map = mmap.mmap(descriptor, size)
        self._view = memoryview(self._map)
        self._header = self._view[:_HEADER_BYTES]
        self._words = self._header.cast("Q")
        self._floats = self._header.cast("d")
        # What is checked below and used for addresses afterwards is never read from memory again.
        self.capacity_bytes = (size - _HEADER_BYTES) // 2
        words = self._words
        found = (words[_MAGIC_WORD], words[_VERSION_WORD], words[_CAPACITY_WORD])
        if found != (_MAGIC, _VERSION, self.capacity_bytes):
            self.close()
            raise SourceError(
                "a worker and the daemon do not agree on the form of a mailbox: they run different "
                "versions; restart the daemon"
            )

    def close(self) -> None:
        """Unmap; the object cannot be used afterwards."""
        for view in (self._words, self._floats, self._header, self._view):
            view.release()
        self._map.close()

    # What the writer stamps beside the frames.

    def beat(self, monotonic: float) -> None:
        """Stamp the proof of progress of the camera's thread."""
        self._floats[_HEARTBEAT] = monotonic

    def heartbeat(self) -> float:
        """The last stamp. The writer can write anything here: only that it changes says much."""
        return self._floats[_HEARTBEAT]

    def enter(self, phase: Phase) -> None:
        """Mark what the camera's thread does from now on."""
        self._words[_PHASE] = phase

    def phase(self) -> int:
        """The marked phase; compare it with :class:`Phase`, any number may stand here."""
        return self._words[_PHASE]

    def claim(self, thread: int) -> None:
        """Mark the thread that writes, as a crash report names it."""
        self._words[_THREAD] = thread

    def thread(self) -> int:
        """Identity of the thread that writes, in its own process."""
        return self._words[_THREAD]

    def note_still(self, since_monotonic: float, from_lively: bool = False) -> None:
        """Stamp since when the picture has not moved, and whether it tingled until then: whoever
        reads the camera next goes on."""
        self._floats[_STILL_SINCE] = since_monotonic
        self._words[_FROM_LIVELY] = from_lively

    def still_from_lively(self) -> bool:
        """The second of these stamps."""
        return self._words[_FROM_LIVELY] == 1

    def still_since(self, now_monotonic: float) -> float:
        """The stamp; now, where what stands there cannot be true."""
        since = self._floats[_STILL_SINCE]
        return since if math.isfinite(since) and 0.0 < since <= now_monotonic else now_monotonic

    def note_delay(self, seconds: float) -> None:
        """Stamp how long the next frame took from the camera to here."""
        self._floats[_DELAY] = seconds

    def delay(self) -> float:
        """The stamp, seconds; 0 where what stands there cannot be true."""
        seconds = self._floats[_DELAY]
        return seconds if 0.0 <= seconds <= _LONGEST_DELAY else 0.0

    def add_bad_packets(self, count: int) -> None:
        """Count so many more that could not be decoded."""
        self._words[_BAD_PACKETS] += count

    def bad_packets(self) -> int:
        """How many could not be decoded, over all who wrote here; any number may stand here."""
        return self._words[_BAD_PACKETS]

    def note_ring(self, kept_bytes: int) -> None:
        """Stamp how much of the stream is kept for clips."""
        self._words[_RING_BYTES] = kept_bytes

    def ring_bytes(self) -> int:
        """The stamp; any number may stand here."""
        return self._words[_RING_BYTES]

    # Frames.

    def sequence(self) -> int:
        """Sequence number of the newest whole frame; 0 before the first."""
        return self._words[_SEQUENCE]

    def write(self, frame: DecodedFrame, health: Health) -> int:
        """Put a frame in; gives its sequence number.

        Raises:
            ValueError: the picture is no uint8 RGB, is empty, or is larger than the capacity.
        """
        pixels = frame.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"a frame is {pixels.dtype} {pixels.shape}, not uint8 RGB")
        height, width, _ = pixels.shape
        if not 0 < pixels.nbytes <= self.capacity_bytes:
            raise ValueError(f"a frame of {width}x{height} does not fit into the mailbox")
        sequence = self._words[_SEQUENCE] + 1
        base = _DESCRIPTION[sequence % 2]
        self._words[base + _BEGIN] = sequence
        _fence()
        self._buffer(sequence, pixels.shape)[...] = pixels
        self._floats[base + _CAPTURED_AT] = frame.captured_at
        self._floats[base + _CAPTURED_MONOTONIC] = frame.captured_monotonic
        self._floats[base + _MEDIA] = frame.media_seconds
        self._words[base + _WIDTH] = width
        self._words[base + _HEIGHT] = height
        self._words[base + _HEALTH] = int(health)
        _fence()
        self._words[base + _END] = sequence
        _fence()
        self._words[_SEQUENCE] = sequence
        return sequence

    def peek(self, after: int, now_monotonic: float) -> FrameMark | None:
        """The newest frame's description, or None where none is newer than ``after``.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        for _ in range(_TRIES):
            sequence = self._words[_SEQUENCE]
            if sequence == after:
                return None
            if not after < sequence <= after + _LONGEST_GAP:
                raise SourceError(f"the worker's frame counter went from {after} to {sequence}")
            _fence()
            base = _DESCRIPTION[sequence % 2]
            words = self._words[base : base + 8].tolist()
            floats = self._floats[base : base + 8].tolist()
            _fence()
            if words[_BEGIN] == words[_END] == sequence == self._words[base + _BEGIN]:
                return _checked(sequence, words, floats, self.capacity_bytes, now_monotonic)
        return None  # overtaken each time: the writer is alive, the next look will do

    def read_newer(self, camera: str, after: int, now_monotonic: float) -> Frame | None:
        """A copy of the newest frame, or None where none is newer than ``after``.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        for _ in range(_TRIES):
            mark = self.peek(after, now_monotonic)
            if mark is None:
                return None
            pixels = self._buffer(mark.sequence, (mark.height, mark.width, 3)).copy()
            _fence()
            if self._words[_DESCRIPTION[mark.sequence % 2] + _BEGIN] == mark.sequence:
                return Frame(
                    camera=camera,
                    sequence=mark.sequence,
                    pixels=pixels,
                    captured_at=mark.captured_at,
                    captured_monotonic=mark.captured_monotonic,
                    media_seconds=mark.media_seconds,
                    health=mark.health,
                )
        return None

    def newest(self, camera: str, now_monotonic: float) -> Frame | None:
        """A copy of the newest frame, whether or not it was read; None before the first.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        return self.read_newer(camera, max(0, self.sequence() - 1), now_monotonic)

    def _buffer(self, sequence: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        offset = _HEADER_BYTES + (sequence % 2) * self.capacity_bytes
        return np.ndarray(shape, np.uint8, self._map, offset)


def create_mailbox(max_side: int, *, first_after: int = 0) -> int:
    """A new mailbox for pictures of up to ``max_side`` x ``max_side`` pixels.

    Args:
        max_side: longest side of a picture, pixels.
        first_after: the first frame gets the number after this one.

    Returns:
        Its file descriptor, which the caller closes.
    """
    page = mmap.PAGESIZE
    capacity = -(-max_side * max_side * 3 // page) * page
    descriptor = os.memfd_create("emberwatch-mailbox", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, _HEADER_BYTES + 2 * capacity)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        with mmap.mmap(descriptor, _HEADER_BYTES) as header, memoryview(header) as view:
            words = view.cast("Q")
            words[_MAGIC_WORD] = _MAGIC
            words[_VERSION_WORD] = _VERSION
            words[_CAPACITY_WORD] = capacity
            words[_SEQUENCE] = first_after
            words.release()
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _checked(
    sequence: int,
    words: Sequence[int],
    floats: Sequence[float],
    capacity: int,
    now_monotonic: float,
) -> FrameMark:
    """A description whose every value is possible; refuses all others with the value found."""
    width, height, health = words[_WIDTH], words[_HEIGHT], words[_HEALTH]
    if width < 1 or height < 1 or width * height * 3 > capacity:
        raise SourceError(f"the worker handed on a picture of {width}x{height} pixels")
    if health >= len(Health):
        raise SourceError(f"the worker handed on a frame with the unknown health {health}")
    captured_at, captured_monotonic, media = floats[1:4]
    for name, value, low, high in (
        ("wall", captured_at, 0.0, _WALL_LIMIT),
        ("monotonic", captured_monotonic, 0.0, now_monotonic + _FUTURE_SECONDS),
        ("media", media, -_MEDIA_LIMIT, _MEDIA_LIMIT),
    ):
        if not (math.isfinite(value) and low <= value <= high):
            raise SourceError(f"the worker handed on a frame with the {name} time {value}")
    return FrameMark(
        sequence, captured_at, captured_monotonic, media, width, height, Health(health)
    )


def _fence() -> None:
    """Order the stores and loads around it, also on processors that reorder them (ARM).

    Python has no memory barrier; releasing and taking a lock is one.
    """
    with threading.Lock():
        pass
    with threading.Lock():
        pass
