"""Decoders of one stream: the same pictures as of the container's own, unless told otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
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
        green_scene((1280, 720)),
        seconds=0.2,
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


def test_small_pictures_keep_their_loop_filter(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", counting_scene(), seconds=1, fps=10)
    with stream_of(clip) as (_, stream):
        codec = Codec(stream.codec_context, threads=1)
        assert codec.remakes
        assert not codec.may_skip_loop_filter


def test_what_is_not_to_be_made_anew_is_the_container_s_own(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", counting_scene((1280, 720)), seconds=0.2, fps=10)
    with stream_of(clip) as (_, stream):
        codec = Codec(stream.codec_context, threads=1, remakes=False)
        assert codec.decoder() is stream.codec_context
        assert not codec.may_skip_loop_filter
        assert not codec.in_hardware


def test_colours_that_the_container_alone_tells_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as made:
        encoded = made.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        assert isinstance(encoded, VideoStream)
        encoded.width, encoded.height, encoded.pix_fmt = 320, 240, "yuv420p"
        packets = [
            packet
            for number in range(3)
            for packet in encoded.encode(
                av.VideoFrame.from_ndarray(counting_scene()(number), format="rgb24")
            )
        ] + encoded.encode(None)
        # After the encoder has written its own idea of them into the stream.
        encoded.codec_context.color_range = ColorRange.JPEG
        encoded.codec_context.colorspace = Colorspace.ITU709
        made.mux(packets)
    with stream_of(path) as (container, stream):
        own = stream.codec_context
        told = own.color_range, own.colorspace
        decoder = Codec(own, threads=1).decoder()
        assert decoder is not own
        assert (decoder.color_range, decoder.colorspace) == told
        picture = next(p for packet in container.demux(stream) for p in decoder.decode(packet))
    assert (picture.color_range, picture.colorspace) == told == (ColorRange.JPEG, 1)
