"""One slot in shared memory for the newest frame of one camera; the newest wins, nothing queues.

A mailbox is an anonymous file in memory (``memfd``), so nothing is left behind when a process is
killed. It is sealed against a change of size: a worker that was taken over through a hostile stream
cannot cut it short and so kill the daemon by a bus error. Layout, in 8-byte words::

    0 magic  1 version  2 capacity, bytes
    8 sequence of the newest whole frame    9 heartbeat    10 phase    11 thread    12 still since
    13 bad packets    14 still from lively    15 bytes kept for clips    48 delay
    16..26 description of the frame
    64..351 its gist, one byte a pixel
    8192 bytes  its pixels; pages that no picture touches take no memory

The description begins with ``begin`` and ends with ``end``: the writer sets ``begin`` before it
touches the pixels, ``end`` after, and the sequence last of all. The reader copies and looks at
``begin`` again. So it never sees a torn frame: one that is being written, which takes a fraction of
a millisecond, is read when it is whole. Of a writer that is killed in that moment no picture is
left, until the next one writes; so nobody knows then whether the picture had been frozen.
"""

import fcntl
import math
import mmap
import os
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SourceError
from monitor.ingest.frame import DecodedFrame, Frame, Health
from monitor.ingest.gist import GIST_COLUMNS, GIST_ROWS, NO_GIST
from monitor.ingest.mailbox_layout import (
    BAD_PACKETS,
    BEGIN,
    CAPACITY_WORD,
    CAPTURED_AT,
    CAPTURED_MONOTONIC,
    DELAY,
    DESCRIPTION,
    DESCRIPTION_WORDS,
    END,
    FROM_LIVELY,
    GIST,
    GIST_HEIGHT,
    GIST_WIDTH,
    HEADER_BYTES,
    HEALTH,
    HEARTBEAT,
    HEIGHT,
    LAYOUT,
    MAGIC,
    MAGIC_WORD,
    MEDIA,
    PHASE,
    RING_BYTES,
    SEQUENCE,
    STILL_SINCE,
    THREAD,
    VERSION,
    VERSION_WORD,
    WIDTH,
    FrameMark,
    Phase,
    checked,
)
from monitor.layout import Image

_LONGEST_GAP = 10_000_000
"""More frames than this between two reads is no gap but a broken counter (4 days at 30 fps)."""
_TRIES = 4
_LONGEST_DELAY = 3600.0
_WRITE_SECONDS = 0.0005
"""A picture of 1080p is written in less."""


class Mailbox:
    """The mapped memory of one mailbox. One process writes, another reads."""

    def __init__(self, descriptor: int) -> None:
        """Map an existing mailbox; the descriptor stays the caller's.

        Raises:
            SourceError: the file is no mailbox of this version.
        """
        size = os.fstat(descriptor).st_size
        if size <= HEADER_BYTES:
            raise SourceError(f"a mailbox of {size} bytes is too small; restart the daemon")
        self._map = mmap.mmap(descriptor, size)
        self._view = memoryview(self._map)
        self._header = self._view[:HEADER_BYTES]
        self._words = self._header.cast("Q")
        self._floats = self._header.cast("d")
        # What is checked below and used for addresses afterwards is never read from memory again.
        self.capacity_bytes = size - HEADER_BYTES
        words = self._words
        found = (words[MAGIC_WORD], words[VERSION_WORD], words[CAPACITY_WORD])
        if found != (MAGIC, VERSION, self.capacity_bytes):
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
        self._floats[HEARTBEAT] = monotonic

    def heartbeat(self) -> float:
        """The last stamp. The writer can write anything here: only that it changes says much."""
        return self._floats[HEARTBEAT]

    def enter(self, phase: Phase) -> None:
        """Mark what the camera's thread does from now on."""
        self._words[PHASE] = phase

    def phase(self) -> int:
        """The marked phase; compare it with :class:`Phase`, any number may stand here."""
        return self._words[PHASE]

    def claim(self, thread: int) -> None:
        """Mark the thread that writes, as a crash report names it."""
        self._words[THREAD] = thread

    def thread(self) -> int:
        """Identity of the thread that writes, in its own process."""
        return self._words[THREAD]

    def note_still(self, since_monotonic: float, from_lively: bool = False) -> None:
        """Stamp since when the picture has not moved, and whether it tingled until then: whoever
        reads the camera next goes on."""
        self._floats[STILL_SINCE] = since_monotonic
        self._words[FROM_LIVELY] = from_lively

    def still_from_lively(self) -> bool:
        """The second of these stamps."""
        return self._words[FROM_LIVELY] == 1

    def still_since(self, now_monotonic: float) -> float:
        """The stamp; now, where what stands there cannot be true."""
        since = self._floats[STILL_SINCE]
        return since if math.isfinite(since) and 0.0 < since <= now_monotonic else now_monotonic

    def note_delay(self, seconds: float) -> None:
        """Stamp how long the next frame took from the camera to here."""
        self._floats[DELAY] = seconds

    def delay(self) -> float:
        """The stamp, seconds; 0 where what stands there cannot be true."""
        seconds = self._floats[DELAY]
        return seconds if 0.0 <= seconds <= _LONGEST_DELAY else 0.0

    def add_bad_packets(self, count: int) -> None:
        """Count so many more that could not be decoded."""
        self._words[BAD_PACKETS] += count

    def bad_packets(self) -> int:
        """How many could not be decoded, over all who wrote here; any number may stand here."""
        return self._words[BAD_PACKETS]

    def note_ring(self, kept_bytes: int) -> None:
        """Stamp how much of the stream is kept for clips."""
        self._words[RING_BYTES] = kept_bytes

    def ring_bytes(self) -> int:
        """The stamp; any number may stand here."""
        return self._words[RING_BYTES]

    # Frames.

    def sequence(self) -> int:
        """Sequence number of the newest whole frame; 0 before the first."""
        return self._words[SEQUENCE]

    def write(self, frame: DecodedFrame, health: Health, gist: NDArray[np.uint8] = NO_GIST) -> int:
        """Put a frame in, with its gist; gives its sequence number.

        Raises:
            ValueError: the picture is empty, or is larger than the capacity.
        """
        image, layout = frame.image, frame.image.layout
        width, height = image.size
        if not 0 < image.nbytes <= self.capacity_bytes:
            raise ValueError(f"a frame of {width}x{height} does not fit into the mailbox")
        if gist.ndim != 2 or gist.size > GIST_ROWS * GIST_COLUMNS:
            raise ValueError(f"a frame comes with a gist of {gist.shape}")
        sequence = self._words[SEQUENCE] + 1
        base = DESCRIPTION
        self._words[base + BEGIN] = sequence
        _fence()
        image.write_to(self._buffer(layout.shape(width, height)))
        self._floats[base + CAPTURED_AT] = frame.captured_at
        self._floats[base + CAPTURED_MONOTONIC] = frame.captured_monotonic
        self._floats[base + MEDIA] = frame.media_seconds
        self._words[base + WIDTH] = width
        self._words[base + HEIGHT] = height
        self._words[base + LAYOUT] = int(layout)
        self._words[base + HEALTH] = int(health)
        self._words[base + GIST_HEIGHT], self._words[base + GIST_WIDTH] = gist.shape
        self._gist()[: gist.size] = gist.ravel()
        _fence()
        self._words[base + END] = sequence
        _fence()
        self._words[SEQUENCE] = sequence
        return sequence

    def peek(self, after: int, now_monotonic: float) -> FrameMark | None:
        """The newest frame's description, or None where none is newer than ``after``.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        for _ in range(_TRIES):
            sequence = self._words[SEQUENCE]
            if sequence == after:
                return None
            if not after < sequence <= after + _LONGEST_GAP:
                raise SourceError(f"the worker's frame counter went from {after} to {sequence}")
            _fence()
            base, end = DESCRIPTION, DESCRIPTION + DESCRIPTION_WORDS
            words = self._words[base:end].tolist()
            floats = self._floats[base:end].tolist()
            gist = self._gist().copy()
            _fence()
            if words[BEGIN] == words[END] == sequence == self._words[base + BEGIN]:
                return checked(sequence, words, floats, self.capacity_bytes, now_monotonic, gist)
        return None  # it is being written, and who does so tells when it is done

    def read_newer(self, camera: str, after: int, now_monotonic: float) -> Frame | None:
        """A copy of the newest frame, or None where none is newer than ``after``.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        for _ in range(_TRIES):
            mark = self.peek(after, now_monotonic)
            if mark is None:
                return None
            image = self._image(mark).copy()
            _fence()
            if self._words[DESCRIPTION + BEGIN] == mark.sequence:
                return Frame(
                    camera=camera,
                    sequence=mark.sequence,
                    image=image,
                    captured_at=mark.captured_at,
                    captured_monotonic=mark.captured_monotonic,
                    media_seconds=mark.media_seconds,
                    health=mark.health,
                    gist=mark.gist,
                )
        return None

    def newest(self, camera: str, now_monotonic: float) -> Frame | None:
        """A copy of the newest frame, whether or not it was read; None before the first.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        return self.read_newer(camera, max(0, self.sequence() - 1), now_monotonic)

    def newest_as(
        self, now_monotonic: float, make: Callable[[Image], NDArray[np.uint8]]
    ) -> tuple[FrameMark, NDArray[np.uint8]] | None:
        """The newest frame as ``make`` gives it, without a copy of the whole; None before the
        first, and where the writer overtook each try.

        Args:
            now_monotonic: monotonic time now.
            make: gets the picture where it lies, and must give pixels of its own; the writer may
                be at it.

        Raises:
            SourceError: what stands there cannot be true: the worker is broken or hostile.
        """
        for _ in range(_TRIES):
            mark = self.peek(max(0, self.sequence() - 1), now_monotonic)
            if mark is None:
                if self.sequence() == 0:
                    return None
                time.sleep(_WRITE_SECONDS)  # it is being written
                continue
            made = make(self._image(mark))
            _fence()
            if self._words[DESCRIPTION + BEGIN] == mark.sequence:
                return mark, made
        return None

    def _gist(self) -> NDArray[np.uint8]:
        return np.ndarray((GIST_ROWS * GIST_COLUMNS,), np.uint8, self._map, GIST)

    def _image(self, mark: FrameMark) -> Image:
        return Image.of(self._buffer(mark.layout.shape(mark.width, mark.height)), mark.layout)

    def _buffer(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        return np.ndarray(shape, np.uint8, self._map, HEADER_BYTES)


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
        os.ftruncate(descriptor, HEADER_BYTES + capacity)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        with mmap.mmap(descriptor, HEADER_BYTES) as header, memoryview(header) as view:
            words = view.cast("Q")
            words[MAGIC_WORD] = MAGIC
            words[VERSION_WORD] = VERSION
            words[CAPACITY_WORD] = capacity
            words[SEQUENCE] = first_after
            words.release()
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def new_mailbox(max_side: int, first_after: int = 0) -> tuple[int, Mailbox]:
    """A new mailbox's descriptor, and the mailbox."""
    descriptor = create_mailbox(max_side, first_after=first_after)
    try:
        return descriptor, Mailbox(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _fence() -> None:
    """Order the stores and loads around it, also on processors that reorder them (ARM).

    Python has no memory barrier; releasing and taking a lock is one.
    """
    with threading.Lock():
        pass
    with threading.Lock():
        pass
