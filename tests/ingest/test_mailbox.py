import math
import mmap
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import SourceError
from monitor.ingest.frame import DecodedFrame, Frame, Health
from monitor.ingest.mailbox import Mailbox, create_mailbox
from monitor.ingest.mailbox_layout import Phase
from monitor.layout import Image, Layout

ROOT = Path(__file__).resolve().parents[2]
NOW = 1000.0

WRITER = """
import sys, time
import numpy as np
from monitor.ingest.frame import DecodedFrame, Health
from monitor.ingest.mailbox import Mailbox
from monitor.layout import Image
mailbox = Mailbox(int(sys.argv[1]))
number = mailbox.sequence()
while True:
    number += 1
    side = 100 + number % 3 * 100
    pixels = np.full((side, side, 3), number % 251, np.uint8)
    frame = DecodedFrame(Image.of(pixels), float(number), float(number % 900), float(number))
    assert mailbox.write(frame, Health(number % 5)) == number
"""


class Pair:
    """A mailbox mapped twice, as by a worker and the daemon."""

    def __init__(self, max_side: int = 300, first_after: int = 0) -> None:
        self.descriptor = create_mailbox(max_side, first_after=first_after)
        self.writer = Mailbox(self.descriptor)
        self.reader = Mailbox(self.descriptor)

    def read(self, after: int, now: float = NOW) -> Frame | None:
        return self.reader.read_newer("cam", after, now)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
        os.close(self.descriptor)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def frame(
    value: int = 7, height: int = 20, width: int = 30, monotonic: float = 5.0
) -> DecodedFrame:
    return DecodedFrame(
        Image.of(np.full((height, width, 3), value, np.uint8)), 1.7e9, monotonic, 2.5
    )


def test_a_frame_comes_out_as_it_went_in(pair: Pair) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8)
    pair.writer.write(DecodedFrame(Image.of(pixels), 1.7e9, 5.0, 2.5), Health.DARK)
    read = pair.read(0)
    assert read is not None
    assert np.array_equal(read.image.rgb(), pixels)
    assert (read.camera, read.sequence, read.health) == ("cam", 1, Health.DARK)
    assert (read.captured_at, read.captured_monotonic, read.media_seconds) == (1.7e9, 5.0, 2.5)


@pytest.mark.parametrize("layout", list(Layout))
def test_planes_come_out_as_they_went_in(pair: Pair, layout: Layout) -> None:
    shape = layout.shape(30, 20)
    pixels = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    pair.writer.write(DecodedFrame(Image.of(pixels, layout), 1.7e9, 5.0, 2.5), Health.OK)
    read = pair.read(0)
    assert read is not None
    assert (read.image.layout, read.image.size) == (layout, (30, 20))
    for plane, wanted in zip(read.image.planes, Image.of(pixels, layout).planes, strict=True):
        assert np.array_equal(plane, wanted)
    assert read.image.rgb().shape == (20, 30, 3)


def test_planes_of_an_odd_size_are_refused(pair: Pair) -> None:
    pixels = np.zeros(Layout.I420_709.shape(30, 20), np.uint8)
    pair.writer.write(DecodedFrame(Image.of(pixels, Layout.I420_709), 1.7e9, 5.0, 2.5), Health.OK)
    os.pwrite(pair.descriptor, struct.pack("=Q", 29), 8 * (16 + 4))
    with pytest.raises(SourceError, match="29x20"):
        pair.read(0)


def test_the_gist_of_a_frame_is_known_before_its_picture_is_read(pair: Pair) -> None:
    gist = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for value in range(1, 4):
        pair.writer.write(frame(value), Health.OK, gist + value)
    mark = pair.reader.peek(0, NOW)
    assert mark is not None
    assert np.array_equal(mark.gist, gist + 3)
    read = pair.read(0)
    assert read is not None
    assert np.array_equal(read.gist, gist + 3)


def test_an_empty_mailbox_gives_nothing(pair: Pair) -> None:
    assert pair.read(0) is None


def test_a_frame_is_given_once(pair: Pair) -> None:
    pair.writer.write(frame(), Health.OK)
    assert pair.read(1) is None


def test_the_newest_wins_and_the_gap_tells_what_was_overwritten(pair: Pair) -> None:
    for value in range(1, 6):
        pair.writer.write(frame(value), Health.OK)
    read = pair.read(2)
    assert read is not None
    assert (read.sequence, int(read.image.rgb().max())) == (5, 5)


def test_the_copy_belongs_to_the_reader(pair: Pair) -> None:
    pair.writer.write(frame(1), Health.OK)
    read = pair.read(0)
    assert read is not None
    for value in (2, 3, 4):
        pair.writer.write(frame(value), Health.OK)
    assert set(read.image.rgb().flat) == {1}


def test_numbers_go_on_in_a_new_mailbox() -> None:
    pair = Pair(first_after=41)
    assert pair.writer.write(frame(), Health.OK) == 42
    pair.close()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((301, 301, 3), np.uint8),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_what_does_not_fit_is_refused(pair: Pair, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a frame"):
        pair.writer.write(DecodedFrame(Image.of(pixels), 1.0, 1.0, 1.0), Health.OK)
    assert pair.reader.sequence() == 0


def test_heartbeat_phase_and_thread_cross(pair: Pair) -> None:
    pair.writer.beat(12.5)
    pair.writer.enter(Phase.OPENING)
    pair.writer.claim(2**47 + 1)
    assert pair.reader.heartbeat() == 12.5
    assert pair.reader.phase() == Phase.OPENING
    assert pair.reader.thread() == 2**47 + 1


def test_its_size_cannot_be_changed(pair: Pair) -> None:
    with pytest.raises(PermissionError):
        os.ftruncate(pair.descriptor, 0)
    with pytest.raises(PermissionError):
        os.ftruncate(pair.descriptor, 1 << 30)


def test_untouched_pages_take_no_memory() -> None:
    descriptor = create_mailbox(4096)
    assert os.fstat(descriptor).st_blocks * 512 <= 2 * mmap.PAGESIZE
    os.close(descriptor)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    for size in (0, 100, 4096, 20000):
        path = tmp_path / "file"
        path.write_bytes(b"x" * size)
        with path.open("r+b") as file, pytest.raises(SourceError, match="restart the daemon"):
            Mailbox(file.fileno())


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (4, struct.pack("=Q", 0)),  # width
        (4, struct.pack("=Q", 2**63)),
        (5, struct.pack("=Q", 0)),  # height
        (5, struct.pack("=Q", 2**64 - 1)),
        (6, struct.pack("=Q", len(Health))),  # health
        (6, struct.pack("=Q", 2**64 - 1)),
        (1, struct.pack("=d", math.nan)),  # wall time
        (1, struct.pack("=d", -1.0)),
        (1, struct.pack("=d", math.inf)),
        (2, struct.pack("=d", math.nan)),  # monotonic time
        (2, struct.pack("=d", NOW + 60)),
        (3, struct.pack("=d", -math.inf)),  # media time
        (8, struct.pack("=Q", 37)),  # rows of the gist
        (9, struct.pack("=Q", 2**63)),  # its columns
        (10, struct.pack("=Q", len(Layout))),  # layout
        (10, struct.pack("=Q", 2**64 - 1)),
    ],
)
def test_impossible_values_are_refused(pair: Pair, word: int, value: bytes) -> None:
    pair.writer.write(frame(), Health.OK)
    os.pwrite(pair.descriptor, value, 8 * (16 + word))
    with pytest.raises(SourceError, match="the worker handed on"):
        pair.read(0)


@pytest.mark.parametrize("sequence", [3, 0, 2**63, 2**64 - 1])
def test_a_frame_counter_that_jumps_is_refused(pair: Pair, sequence: int) -> None:
    os.pwrite(pair.descriptor, struct.pack("=Q", sequence), 8 * 8)
    with pytest.raises(SourceError, match="frame counter"):
        pair.read(5)


@given(st.binary(min_size=56 * 8, max_size=56 * 8), st.integers(0, 2**64 - 1))
def test_no_header_harms_the_reader(header: bytes, sequence: int) -> None:
    pair = Pair()
    os.pwrite(pair.descriptor, header, 64)
    os.pwrite(pair.descriptor, struct.pack("=Q", sequence % 20), 64)
    try:
        pair.read(sequence % 7)
    except SourceError:
        pass
    finally:
        pair.close()


def test_of_a_writer_killed_halfway_nothing_is_read_until_the_next_one_writes(pair: Pair) -> None:
    pair.writer.write(frame(1), Health.OK)
    # What a writer does first for the next frame: mark, and touch pixels.
    os.pwrite(pair.descriptor, struct.pack("=Q", 2), 8 * 16)
    os.pwrite(pair.descriptor, b"\xff" * 50, 8192)
    assert pair.read(0) is None
    assert pair.reader.newest_as(NOW, lambda image: image.rgb()) is None
    successor = Mailbox(pair.descriptor)
    assert successor.write(frame(3), Health.OK) == 2
    successor.close()
    read = pair.read(1)
    assert read is not None
    assert set(read.image.rgb().flat) == {3}


def test_no_frame_is_torn_while_another_process_writes_and_is_killed(pair: Pair) -> None:
    read_frames, sequence = 0, 0
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-P", "-c", WRITER, str(pair.descriptor)],
            pass_fds=[pair.descriptor],
            env={"PYTHONPATH": str(ROOT)},
        )
        target = read_frames + 300
        while read_frames < target and writer.poll() is None:
            got = pair.read(sequence)
            if got is None:
                continue
            read_frames += 1
            sequence = got.sequence
            side = 100 + sequence % 3 * 100
            assert got.image.rgb().shape == (side, side, 3)
            assert np.all(got.image.rgb() == sequence % 251)
            assert got.captured_at == got.media_seconds == float(sequence)
            assert got.health == Health(sequence % 5)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
    assert read_frames >= 1500
