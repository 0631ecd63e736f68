"""Clips of kept packets, of each codec, played again."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import av
import pytest

from monitor.clock import SystemClock
from monitor.ingest.clip_writer import Clip, ClipWriter
from monitor.ingest.packet_ring import KeptPacket, PacketRing
from monitor.ingest.packet_tap import PacketTap
from tests.support.clip_files import play
from tests.support.clips import counting_scene, make_clip

FPS = 25
BEGAN = 100.0


class Then(SystemClock):
    """When the clips are made: their end has not come."""

    def monotonic(self) -> float:
        return BEGAN


class Recorder:
    """A ring that is fed from files, and the clips that are made of it."""

    def __init__(self, folder: Path, seconds: float = 60.0) -> None:
        self.ring = PacketRing(seconds, 10**7)
        self.at = BEGAN
        self.clips: list[Clip] = []
        self.path = folder / "clip"

    def read(self, *files: Path, live: bool = True) -> None:
        """Feed all packets, as if they came one by one in their own time."""
        for file in files:
            with av.open(str(file)) as container:
                stream = container.streams.video[0]
                tap = PacketTap(self.ring, stream, live=live)
                for packet in container.demux():
                    tap.take(packet, self.at, 1000.0 + self.at)
                    self.at += 1 / FPS if packet.size else 0.0

    def start(self, since: float, until: float, max_bytes: int = 10**7) -> ClipWriter:
        writer = ClipWriter(
            os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC),
            until=until,
            max_bytes=max_bytes,
            done=self.clips.append,
            clock=Then(),
        )
        self.ring.clip(since, writer)
        writer.thread.start()
        return writer

    def clip(self, since: float, until: float, max_bytes: int = 10**7) -> Clip:
        """Write a clip of what is there."""
        self.start(since, until, max_bytes).thread.join(20)
        (clip,) = self.clips
        return clip


@pytest.mark.parametrize(
    ("codec", "b_frames", "suffix", "container", "tag"),
    [
        ("h264", 0, "ts", "mp4", "avc1"),
        ("h264", 2, "mp4", "mp4", "avc1"),
        ("h264", 2, "mkv", "mp4", "avc1"),
        ("hevc", 0, "ts", "mp4", "hvc1"),
        ("hevc", 0, "mp4", "mp4", "hvc1"),
        ("mpeg4", 0, "avi", "mp4", "mp4v"),
        ("mjpeg", 0, "avi", "mkv", ""),
    ],
)
def test_a_clip_holds_the_pictures_as_they_were(
    tmp_path: Path, codec: str, b_frames: int, suffix: str, container: str, tag: str
) -> None:
    source = make_clip(
        tmp_path / f"source.{suffix}",
        counting_scene((160, 120)),
        seconds=4,
        gop=10,
        codec=codec,
        b_frames=b_frames,
        bit_rate=1_000_000,
    )
    recorder = Recorder(tmp_path)
    recorder.read(source)
    clip = recorder.clip(BEGAN + 1.5, BEGAN + 3.1)
    played = play(recorder.path)
    assert (clip.container, clip.cut) == (container, "")
    assert container in played.container or "matroska" in played.container
    assert played.codec == codec
    assert not tag or played.tag == tag
    assert played.size == (160, 120)
    assert played.gapless
    begin = round((clip.began_at - 1000 - BEGAN) * FPS)
    assert played.pictures[0] == begin % 20
    assert 1.5 * FPS - 10 <= begin <= 1.5 * FPS, "it begins with the key frame before"
    assert begin + len(played.pictures) >= 3.1 * FPS - b_frames
    assert clip.seconds == pytest.approx(len(played.pictures) / FPS, abs=0.1)
    assert played.seconds == pytest.approx(len(played.pictures) / FPS, abs=0.1)
    assert clip.size_bytes == recorder.path.stat().st_size


def test_pictures_that_come_after_the_order_are_in_the_clip(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.ts", counting_scene((160, 120)), seconds=2, gop=10)
    recorder = Recorder(tmp_path)
    recorder.read(source)
    writer = recorder.start(BEGAN + 1.0, BEGAN + 3.0)
    recorder.read(source, source)
    writer.thread.join(20)
    played = play(recorder.path)
    assert len(played.pictures) == pytest.approx(2.2 * FPS, abs=6)
    assert recorder.clips[0].cut == ""


@pytest.mark.parametrize("other", ["hevc", "size"])
def test_a_change_of_codec_or_size_ends_a_clip_that_can_be_played(
    tmp_path: Path, other: str
) -> None:
    first = make_clip(tmp_path / "a.ts", counting_scene((160, 120)), seconds=2, gop=10)
    second = make_clip(
        tmp_path / "b.ts",
        counting_scene((160, 120) if other == "hevc" else (192, 128)),
        seconds=2,
        gop=10,
        codec="hevc" if other == "hevc" else "h264",
    )
    recorder = Recorder(tmp_path)
    recorder.read(first)
    writer = recorder.start(BEGAN, BEGAN + 10.0)
    recorder.read(second)
    writer.thread.join(20)
    assert recorder.clips[0].cut == "codec"
    played = play(recorder.path)
    assert played.size == (160, 120)
    assert len(played.pictures) == 2 * FPS
    # One that is asked for after the change has what came after it.
    recorder.clips.clear()
    recorder.clip(BEGAN, BEGAN + 3.9)
    assert play(recorder.path).codec == ("hevc" if other == "hevc" else "h264")
    assert play(recorder.path).size == ((160, 120) if other == "hevc" else (192, 128))


def test_a_file_that_begins_again_makes_one_clip(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", counting_scene((160, 120)), seconds=2, gop=10)
    recorder = Recorder(tmp_path)
    recorder.read(source, source, live=False)
    recorder.clip(BEGAN, BEGAN + 3.9)
    played = play(recorder.path)
    assert len(played.pictures) == pytest.approx(4 * FPS, abs=3)
    assert played.times[-1] - played.times[0] == pytest.approx(3.9, abs=0.2)


def test_a_clip_ends_before_it_is_too_large(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.ts", counting_scene(), seconds=4, gop=10)
    recorder = Recorder(tmp_path)
    recorder.read(source)
    limit = source.stat().st_size // 2
    clip = recorder.clip(BEGAN, BEGAN + 3.9, max_bytes=limit)
    assert clip.cut == "size"
    assert 0 < clip.size_bytes <= limit
    assert play(recorder.path).gapless


class Late(SystemClock):
    """Long after every clip's end."""

    def monotonic(self) -> float:
        return super().monotonic() + 1e9


def test_a_camera_that_sends_no_more_leaves_a_clip_of_what_came(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.ts", counting_scene((160, 120)), seconds=2, gop=10)
    recorder = Recorder(tmp_path)
    recorder.read(source)
    descriptor = os.open(recorder.path, os.O_RDWR | os.O_CREAT)
    writer = ClipWriter(
        descriptor, until=BEGAN + 9, max_bytes=10**7, done=recorder.clips.append, clock=Late()
    )
    recorder.ring.clip(BEGAN, writer)
    writer.thread.start()
    writer.thread.join(20)
    assert recorder.clips[0].cut == "stalled"
    assert len(play(recorder.path).pictures) == 2 * FPS


def test_what_no_file_can_hold_is_said(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    source = make_clip(tmp_path / "a.ts", counting_scene((160, 120)), seconds=1, gop=10)
    recorder.read(source)
    noise = [
        KeptPacket(os.urandom(200), packet.is_key, packet.pts, packet.dts, packet.at, packet.wall)
        for packet in _packets(recorder.ring)
    ]
    form = recorder.ring._groups[0].form
    recorder.ring.close("")
    for packet in noise:
        recorder.ring.add(form, packet)
    clip = recorder.clip(BEGAN, BEGAN + 0.9)
    assert clip.cut == "unfit"
    assert clip.container == ""


def test_a_disk_that_takes_no_more_ends_the_clip_and_nothing_else(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.ts", counting_scene((160, 120)), seconds=1, gop=10)
    recorder = Recorder(tmp_path)
    recorder.read(source)
    writer = ClipWriter(
        os.open("/dev/full", os.O_RDWR),
        until=BEGAN + 0.9,
        max_bytes=10**7,
        done=recorder.clips.append,
        clock=SystemClock(),
    )
    recorder.ring.clip(BEGAN, writer)
    writer.thread.start()
    writer.thread.join(20)
    assert recorder.clips[0].cut == "disk"
    assert not any(thread.name == "clip" for thread in threading.enumerate())


def _packets(ring: PacketRing) -> Sequence[KeptPacket]:
    return [packet for group in ring._groups for packet in group.packets]
