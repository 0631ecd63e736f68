"""Decoders of one stream: the same pictures as of the container's own, unless told otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from monitor.ingest.codec import Codec
from tests.support.clips import counted, counting_scene, green_scene, make_clip


@contextmanager
def stream_of(clip: Path) -> Iterator[tuple[av.container.InputContainer, VideoStream]]:
    with av.open(str(clip)) as container:
        yield container, container.streams.video[0]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_pictures_come_in_order_from_a_decoder_that_was_made(codec: str, tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4", counting_scene(), seconds=3, fps=10, gop=10, b_frames=2, codec=codec
    )
    with stream_of(clip) as (container, stream):
        decoder = Codec(stream.codec_context, threads=1).decoder()
        assert decoder is not stream.codec_context
        pictures = [p for packet in container.demux(stream) for p in decoder.decode(packet)]
    shown = [counted(np.asarray(p.to_ndarray(format="rgb24"), np.uint8)) for p in pictures]
    assert shown == [number % 20 for number in range(30)]
    assert not stream.codec_context.is_open  # it would keep its memory as long as the stream


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_without_the_loop_filter_edges_of_blocks_stay(codec: str, tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4",
        green_scene(),
        seconds=1,
        fps=10,
        codec=codec,
        preset="veryfast",
        quality=35,
    )
    pictures = []
    for loop_filter in (True, False):
        with stream_of(clip) as (container, stream):
            decoder = Codec(stream.codec_context, threads=1).decoder(loop_filter=loop_filter)
            packet = next(packet for packet in container.demux(stream) if packet.is_keyframe)
            (picture,) = decoder.decode(packet) + decoder.decode(None)
            pictures.append(np.asarray(picture.to_ndarray(format="gray"), np.int16))
    difference = np.abs(pictures[0] - pictures[1])
    assert 0.0 < difference.mean() < 10.0


def test_other_codecs_are_decoded_by_the_container_s_own(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", counting_scene(), seconds=1, fps=10, codec="mpeg4")
    with stream_of(clip) as (_, stream):
        codec = Codec(stream.codec_context, threads=1)
        assert codec.decoder() is stream.codec_context
        assert not codec.may_skip_loop_filter
        with pytest.raises(ValueError, match="no such decoder of mpeg4"):
            codec.decoder(loop_filter=False)


def test_hardware_decodes_with_the_container_s_own(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", counting_scene(), seconds=1, fps=10)
    with stream_of(clip) as (_, stream):
        codec = Codec(stream.codec_context, threads=1, hardware=True)
        assert codec.decoder() is stream.codec_context
        assert not codec.may_skip_loop_filter
        assert not codec.in_hardware  # software stands in for what this machine has not
