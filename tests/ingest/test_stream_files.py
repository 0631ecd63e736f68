"""Video files: real clips, whole, cut off, hostile."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from monitor.clock import ManualClock
from monitor.errors import DecodeError, OpenError, SourceError
from monitor.ingest import stream
from monitor.ingest.container import OpenStream, open_file
from monitor.ingest.status import SourceSettings
from monitor.ingest.stream import StreamSource
from tests.support.clips import counted, counting_scene, make_clip, red_scene
from tests.support.sources import frames_of, opened, read_until_fault, settings_for

MP4 = {"movflags": "faststart"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of counted pictures at 5 a second, a key frame each second."""
    path = tmp_path_factory.mktemp("clips") / "counted.mp4"
    return make_clip(path, counting_scene(), seconds=4, fps=5, gop=5, options=MP4)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_files_are_sampled_at_the_wanted_rate(codec: str, container: str, tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / f"clip.{container}", counting_scene(), seconds=4, fps=10, gop=40, codec=codec
    )
    frames = frames_of(settings_for(clip, fps=2))
    assert [frame.media_seconds for frame in frames] == pytest.approx(
        [0.5 * index for index in range(8)], abs=0.06
    )
    assert [counted(frame.image.rgb()) for frame in frames] == [0, 5, 10, 15, 0, 5, 10, 15]


def test_b_frames_come_in_the_order_of_the_picture(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "b.mp4", counting_scene(), seconds=2, fps=10, gop=10, b_frames=3, codec="mpeg4"
    )
    frames = frames_of(settings_for(clip, fps=10, decode="all"))
    assert [counted(frame.image.rgb()) for frame in frames] == list(range(20))


def test_key_frames_alone_are_decoded_where_they_suffice(clip: Path) -> None:
    with opened(settings_for(clip)) as source:
        assert isinstance(source, StreamSource)
        assert [counted(frame.image.rgb()) for frame in source.frames()] == [0, 5, 10, 15]
        assert source.key_only
        assert source.info.key_interval_seconds == pytest.approx(1.0)


def test_key_frames_only_as_configured(clip: Path) -> None:
    frames = frames_of(settings_for(clip, fps=5, decode="key"))
    assert [counted(frame.image.rgb()) for frame in frames] == [0, 5, 10, 15]


def test_a_stretched_key_interval_leaves_no_hole(tmp_path: Path) -> None:
    """What comes after the last key frame was kept, and is decoded once it is needed."""
    often = make_clip(tmp_path / "often.ts", counting_scene(), seconds=6, fps=10, gop=10)
    rare = make_clip(tmp_path / "rare.ts", counting_scene(), seconds=8, fps=10, gop=80)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(often.read_bytes() + rare.read_bytes())
    with opened(settings_for(joined)) as source:
        frames = list(source.frames())
    gaps = np.diff([frame.media_seconds for frame in frames])
    assert len(frames) >= 13
    assert gaps.max() <= 1.5


def test_a_loop_goes_on_in_time(clip: Path) -> None:
    frames = frames_of(settings_for(clip, loop=True), 10)
    assert [frame.media_seconds for frame in frames] == pytest.approx(range(10), abs=0.11)


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        *(("h264", container) for container in ("mp4", "mkv", "ts", "avi")),
        *(("hevc", container) for container in ("mp4", "mkv", "ts")),
        *(("mjpeg", container) for container in ("mp4", "mkv", "avi")),
    ],
)
def test_a_loop_shows_the_same_again(codec: str, container: str, tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / f"clip.{container}", counting_scene(), seconds=3, fps=5, gop=5, codec=codec
    )
    frames = frames_of(settings_for(clip, loop=True, decode="key"), 9)
    assert [counted(frame.image.rgb()) for frame in frames] == 3 * [0, 5, 10]
    assert len({frame.image.size for frame in frames}) == 1


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_loop_with_b_frames_shows_the_same_again(container: str, tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / f"b.{container}", counting_scene(), seconds=2, fps=10, gop=10, b_frames=2
    )
    frames = frames_of(settings_for(clip, fps=10, loop=True, decode="all"), 40)
    assert [counted(frame.image.rgb()) for frame in frames] == 2 * list(range(20))


def test_only_what_was_opened_before_is_opened_without_a_look(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def watched(settings: SourceSettings, hardware: str = "", *, again: bool = False) -> OpenStream:
        asked.append(again)
        return open_file(settings, hardware, again=again)

    monkeypatch.setattr(stream, "open_file", watched)
    frames_of(settings_for(clip, loop=True), 9)
    assert asked == [False, True, True]


@pytest.mark.parametrize("paced", [True, False])
def test_a_recording_that_is_turned_is_seen_upright(*, paced: bool, tmp_path: Path) -> None:
    """Telephones store pictures as the sensor lies, and say in the container how to turn them."""
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as made:
        encoded = made.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "2"})
        assert isinstance(encoded, VideoStream)
        encoded.width, encoded.height, encoded.pix_fmt = 320, 240, "yuv420p"
        encoded.set_display_rotation(90)
        for number in range(20):
            picture = av.VideoFrame.from_ndarray(counting_scene()(number), format="rgb24")
            made.mux(encoded.encode(picture))
        made.mux(encoded.encode(None))
    frames = frames_of(settings_for(path, paced=paced, loop=True, fps=5), 12)
    assert {frame.image.size for frame in frames} == {(240, 320)}


@pytest.mark.parametrize("decode", ["key", "auto"])
def test_a_loop_shorter_than_the_time_between_two_samples_is_not_broken(
    decode: str, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "short.mp4", counting_scene(), seconds=3, fps=5, gop=5)
    frames = frames_of(settings_for(clip, fps=0.2, loop=True, decode=decode), 5)
    gaps = np.diff([frame.media_seconds for frame in frames])
    assert gaps == pytest.approx(4 * [5.0], abs=1.1)


def test_paced_files_run_in_their_own_time(clip: Path) -> None:
    began = time.monotonic()
    frames = frames_of(settings_for(clip, fps=5, paced=True), 6)
    assert 0.9 <= time.monotonic() - began <= 3.0
    ages = [began + frame.media_seconds - frame.captured_monotonic for frame in frames]
    assert max(abs(age) for age in ages) < 0.5


def test_a_stop_ends_a_paced_file_soon(clip: Path) -> None:
    stop = threading.Event()
    with opened(settings_for(clip, fps=0.2, paced=True, loop=True), stop=stop) as source:
        frames = source.frames()
        next(frames)
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        began = time.monotonic()
        assert list(frames) == []
        assert time.monotonic() - began < 2.0
        timer.join()


def test_progress_is_told_at_each_packet(clip: Path) -> None:
    signs: list[None] = []
    with opened(settings_for(clip), progress=lambda: signs.append(None)) as source:
        list(source.frames())
    assert len(signs) >= 20


def test_large_pictures_are_scaled_down_with_their_aspect(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "wide.mp4", red_scene((640, 360)), seconds=1, fps=5)
    (frame,) = frames_of(settings_for(clip, max_side=320))
    assert frame.image.rgb().shape == (180, 320, 3)
    assert frame.image.rgb().dtype == np.uint8
    red, green, blue = frame.image.rgb().reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 50


def test_a_change_of_size_in_mid_stream_is_survived(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.ts", red_scene((320, 240)), seconds=3, fps=5, gop=5)
    large = make_clip(tmp_path / "large.ts", red_scene((480, 272)), seconds=3, fps=5, gop=5)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    shapes = [frame.image.rgb().shape[:2] for frame in frames_of(settings_for(joined))]
    assert set(shapes) == {(240, 320), (272, 480)}
    assert len(shapes) >= 5


def test_a_cut_off_file_gives_its_pictures_and_then_says_so(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 6 // 10])
    with opened(settings_for(cut, fps=5, decode="all")) as source:
        frames, error = read_until_fault(source)
    assert isinstance(error, DecodeError)
    assert "cut off" in str(error)
    assert [counted(frame.image.rgb()) for frame in frames] == list(range(len(frames)))
    assert 5 <= len(frames) < 20


def test_broken_packets_are_skipped_and_counted(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "scene.mkv", red_scene(), seconds=6, fps=10, gop=10, bit_rate=2_000_000
    )
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 30_000] = np.random.default_rng(0).bytes(30_000)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data)
    frames = frames_of(settings_for(broken, fps=10, decode="all"))
    assert len(frames) >= 20
    for frame in frames:
        red, green, blue = frame.image.rgb().reshape(-1, 3).mean(axis=0)
        assert red > 150
        assert max(green, blue) < 100


@pytest.mark.parametrize("suffix", ["mp4", "ts", "h264", "avi"])
def test_garbage_is_refused(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"garbage.{suffix}"
    file.write_bytes(np.random.default_rng(1).bytes(200_000))
    with pytest.raises(SourceError, match=r"camera yard: .*garbage.*(fetch|convert|check)"):
        frames_of(settings_for(file))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.mp4"
    file.touch()
    with pytest.raises(OpenError, match="empty"):
        frames_of(settings_for(file))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match="no such file") as caught:
        frames_of(settings_for(tmp_path / "missing.mp4"))
    assert caught.value.reason == "not_found"


def test_a_pipe_in_place_of_a_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    with pytest.raises(OpenError, match="regular"):
        frames_of(settings_for(pipe))


def test_a_device_in_place_of_a_file_is_refused() -> None:
    with pytest.raises(OpenError, match="regular"):
        frames_of(settings_for("file:/dev/zero"))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    file = tmp_path / "sound.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        assert isinstance(stream, av.AudioStream)
        samples = np.zeros((1, 4096), np.float32)
        silence = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 48_000, 0
        fifo = av.AudioFifo()
        fifo.write(silence)
        for frame in fifo.read_many(1024):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(DecodeError, match="no video"):
        frames_of(settings_for(file))


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{clip}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{clip}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
    ],
    ids=["hls", "concat", "sdp"],
)
@pytest.mark.parametrize("suffix", ["m3u8", "mp4", "sdp"])
def test_a_playlist_cannot_make_it_open_other_files(
    text: str, suffix: str, clip: Path, tmp_path: Path
) -> None:
    file = tmp_path / f"playlist.{suffix}"
    file.write_text(text.format(clip=clip))
    with pytest.raises(DecodeError):
        frames_of(settings_for(file))


def test_many_opens_do_not_leak_files(clip: Path) -> None:
    frames_of(settings_for(clip))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        frames_of(settings_for(clip), 1)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_live_stream_that_is_seldom_sampled_is_kept_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that is read as a camera's stream, a second a packet."""
    clip = make_clip(
        tmp_path / "slow.mp4", red_scene((160, 120)), seconds=600, fps=1, gop=5, codec="hevc"
    )
    monkeypatch.setattr(
        stream, "open_file", lambda *asked, **how: replace(open_file(*asked, **how), live=True)
    )
    clock = ManualClock()
    settings = settings_for(clip, fps=1 / 120)
    with opened(settings, clock=clock, progress=lambda: clock.advance(1.0)) as source:
        frames, error = read_until_fault(source)
    assert error.reason == "ended", "it ends where the recording does"
    assert len(frames) == 6
