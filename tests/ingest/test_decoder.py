"""The decoder hands on whole pictures only."""

# Packet is generic for the type checker only.
from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from monitor.errors import DecodeError
from monitor.ingest.decoder import KEY_FRAME_TRIES, MAX_BAD_PACKETS, Decoder
from tests.support.clips import counted, counting_scene, make_clip, red_scene

GOP = 10


def damaged(packet: av.Packet[Any], data: bytes) -> av.Packet[Any]:
    """A packet with the stamps of another and other bytes."""
    made = av.Packet(data)
    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
    made.is_keyframe = packet.is_keyframe
    return made


def opened(clip: Path, name: str = "camera yard") -> tuple[Decoder, list[av.Packet[Any]]]:
    """A decoder for the clip, and its packets."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        return Decoder(stream.codec_context, name), packets


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "scene.mkv"
    return make_clip(path, red_scene(), seconds=3, fps=10, gop=GOP, bit_rate=2_000_000)


@pytest.mark.parametrize("damage", ["cut off", "a changed byte", "flagged by the demuxer"])
def test_nothing_is_handed_on_between_damage_and_the_next_key_frame(
    damage: str, clip: Path
) -> None:
    decoder, packets = opened(clip)
    data = bytearray(bytes(packets[4]))
    if damage == "cut off":
        del data[len(data) // 2 :]
    elif damage == "a changed byte":
        data[len(data) // 3] ^= 0x55
    packets[4] = damaged(packets[4], bytes(data))
    if damage == "flagged by the demuxer":
        packets[4].is_corrupt = True
    counts = [len(decoder.decode(packet)) for packet in packets]
    assert counts == [1] * 4 + [0] * (GOP - 4) + [1] * (2 * GOP)
    assert decoder.bad_packets == 1


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_key_frame_alone_gives_its_picture_at_once(codec: str, tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4", counting_scene(), seconds=3, fps=10, gop=GOP, codec=codec
    )
    decoder, packets = opened(clip)
    shown = [
        [
            counted(np.asarray(picture.to_ndarray(format="rgb24"), np.uint8))
            for picture in decoder.decode_alone(packet)
        ]
        for packet in packets
        if packet.is_keyframe
    ]
    assert shown == [[0], [10], [0]]


def test_what_comes_before_the_first_key_frame_is_not_decoded(clip: Path) -> None:
    decoder, packets = opened(clip)
    assert [len(decoder.decode(packet)) for packet in packets[3 : GOP + 2]] == [0] * (GOP - 3) + [
        1,
        1,
    ]
    assert decoder.bad_packets == 0


def test_garbage_without_end_is_an_error_that_names_the_camera(clip: Path) -> None:
    decoder, packets = opened(clip)
    garbage = damaged(packets[0], np.random.default_rng(0).bytes(500))
    for _ in range(MAX_BAD_PACKETS - 1):
        assert decoder.decode(garbage) == []
    with pytest.raises(DecodeError, match=r"camera yard .*cannot be decoded"):
        decoder.decode(garbage)


def test_key_frames_that_give_no_picture_are_noticed(clip: Path) -> None:
    decoder, packets = opened(clip)
    garbage = damaged(packets[0], np.random.default_rng(0).bytes(500))
    for _ in range(KEY_FRAME_TRIES):
        assert not decoder.key_frames_fail
        decoder.decode_alone(garbage)
    assert decoder.key_frames_fail


def test_a_closed_decoder_gives_nothing(clip: Path) -> None:
    decoder, packets = opened(clip)
    decoder.close()
    assert decoder.decode(packets[0]) == []
    assert decoder.drain() == []


def test_a_stream_of_which_no_key_frame_is_taken_goes_to_the_lenient_decoder(
    tmp_path: Path,
) -> None:
    """The strict one is of another codec here, and takes nothing at all."""
    clip = make_clip(tmp_path / "all.mkv", red_scene(), seconds=1, fps=10, gop=1, codec="hevc")
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        packets: list[av.Packet[Any]] = [p for p in container.demux(stream) if p.size]
        refusing = av.VideoCodecContext.create("h264", "r")
        decoder = Decoder(refusing, "camera yard", lenient=stream.codec_context)
        handed_on = [len(decoder.decode(packet)) for packet in packets]
    assert sum(handed_on[:KEY_FRAME_TRIES]) == 0
    assert sum(handed_on[KEY_FRAME_TRIES:]) > 0


def test_pictures_that_no_other_refers_to_are_left_out(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "scene.mp4", red_scene(), seconds=4, fps=10, gop=40, b_frames=2, bit_rate=400_000
    )
    counts = []
    for skip in (False, True):
        decoder, packets = opened(clip)
        for packet in packets:
            decoder.skip_unreferred(skip)
            decoder.decode(packet)
        decoder.drain()
        counts.append(decoder.pictures)
        assert decoder.bad_packets == 0
    assert counts[0] == 40
    assert 10 <= counts[1] <= 30
