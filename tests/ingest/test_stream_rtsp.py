"""RTSP cameras: a real server, with all that goes wrong with one."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from monitor.clock import SystemClock
from monitor.errors import AuthError, OpenError, SourceError, StallError
from monitor.ingest.stream import StreamSource
from tests.support.clips import make_clip, red_scene
from tests.support.rtsp import RtspServer, rtsp_server
from tests.support.sources import frames_of, opened, read_until_fault, settings_for

pytestmark = pytest.mark.debian

PASSWORD = "p@ss/w:rd%2F?"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        f"/{codec}": make_clip(
            folder / f"{codec}.mp4", red_scene(), seconds=4, fps=10, gop=10, codec=codec
        )
        for codec in ("h264", "hevc")
    }


@pytest.fixture(scope="module")
def camera(clips: dict[str, Path]) -> Iterator[RtspServer]:
    with rtsp_server(clips) as server:
        yield server


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_pictures_arrive_at_the_wanted_rate(codec: str, camera: RtspServer) -> None:
    with opened(settings_for(camera.url(f"/{codec}"), fps=4)) as source:
        assert source.info.kind == "rtsp"
        assert source.info.codec == codec
        frames = source.frames()
        times = [next(frames).captured_monotonic for _ in range(10)]
        picture = next(frames).image.rgb()
    assert times[-1] - times[0] == pytest.approx(9 / 4, abs=0.5)
    assert picture.shape == (240, 320, 3)
    red, green, blue = picture.reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_key_frames_suffice_for_one_picture_a_second(codec: str, camera: RtspServer) -> None:
    with opened(settings_for(camera.url(f"/{codec}"))) as source:
        assert isinstance(source, StreamSource)
        frames = source.frames()
        times = [next(frames).captured_monotonic for _ in range(6)]
        assert source.key_only
        assert source.info.key_interval_seconds == pytest.approx(1.0, abs=0.2)
    assert np.diff(times).max() < 1.6


def test_a_faster_rate_takes_effect_before_the_next_key_frame_and_ends_again(
    tmp_path: Path,
) -> None:
    clip = make_clip(tmp_path / "slow.mp4", red_scene((160, 120)), seconds=12, fps=10, gop=40)
    with (
        rtsp_server({"/slow": clip}) as server,
        opened(settings_for(server.url("/slow"), fps=0.25)) as source,
    ):
        assert isinstance(source, StreamSource)
        frames = source.frames()
        while not source.key_only:
            next(frames)
        key_frame = next(frames).captured_monotonic
        source.set_fps(5.0)
        burst = [next(frames).captured_monotonic for _ in range(15)]
        # Without it the next picture would come with the next key frame, 4 s later.
        assert burst[0] - key_frame < 2.0
        assert burst[-1] - burst[0] < 5.0
        source.set_fps(0.25)
        later = [next(frames).captured_monotonic for _ in range(2)]
        assert later[0] - burst[-1] > 2.0
        assert later[1] - later[0] > 2.0
        assert source.key_only


def test_capture_times_are_those_of_receipt(camera: RtspServer) -> None:
    with opened(settings_for(camera.url("/h264"), fps=5)) as source:
        for frame, _ in zip(source.frames(), range(5), strict=False):
            assert 0 <= time.monotonic() - frame.captured_monotonic < 0.5
            assert abs(time.time() - frame.captured_at) < 0.5


class QuickClock(SystemClock):
    """Three seconds go by for each that the camera knows of: as if it were read too slowly."""

    def monotonic(self) -> float:
        return 3 * super().monotonic()


def test_a_stream_that_falls_behind_is_given_up(camera: RtspServer) -> None:
    with opened(settings_for(camera.url("/h264"), fps=5), clock=QuickClock()) as source:
        frames, error = read_until_fault(source)
    assert len(frames) > 5
    assert error.reason == "stall"
    assert "s behind" in str(error)


@pytest.mark.parametrize("scheme", ["digest", "basic"])
def test_a_login_with_odd_characters(scheme: str, clips: dict[str, Path]) -> None:
    with rtsp_server(clips, user="admin", password=PASSWORD, scheme=scheme) as server:
        url = server.url("/h264")
        assert len(frames_of(settings_for(url, username="admin", password=PASSWORD), 1)) == 1
        with pytest.raises(AuthError, match="does not accept") as wrong:
            frames_of(settings_for(url, username="admin", password="hunter2"))
        with pytest.raises(AuthError, match="was given none"):
            frames_of(settings_for(url))
        in_url = url.replace("://", "://admin:hunter2@")
        with pytest.raises(AuthError) as shown:
            frames_of(settings_for(in_url))
    for caught in (wrong, shown):
        assert "hunter2" not in str(caught.value)
        # Nor in a traceback: FFmpeg's own error repeats the URL.
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_a_wrong_path_is_not_found(camera: RtspServer) -> None:
    with pytest.raises(OpenError, match="not found") as caught:
        frames_of(settings_for(camera.url("/wrong")))
    assert caught.value.reason == "not_found"


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(OpenError, match="refuses") as caught:
            frames_of(settings_for(f"rtsp://127.0.0.1:{port}/a"))
    assert caught.value.reason == "refused"


def test_an_unknown_name_is_told_as_such() -> None:
    with pytest.raises(OpenError, match="no address for the name") as caught:
        frames_of(settings_for("rtsp://no-such-camera.invalid/a"))
    assert caught.value.reason == "dns"


def test_a_host_that_accepts_and_says_nothing_stalls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(StallError, match="sent nothing"):
            frames_of(settings_for(f"rtsp://127.0.0.1:{port}/a", timeout_seconds=1.0))
        assert time.monotonic() - began < 4.0


def test_a_host_that_speaks_another_language_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def chat() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail server ready\r\n" * 50)

        thread = threading.Thread(target=chat)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(SourceError, match="yard"):
            frames_of(settings_for(f"rtsp://127.0.0.1:{port}/a", timeout_seconds=2.0))
        thread.join()


def test_a_server_that_hangs_is_a_stall_within_the_timeout(clips: dict[str, Path]) -> None:
    with rtsp_server(clips) as server:
        settings = settings_for(server.url("/h264"), fps=5, timeout_seconds=1.5)
        with opened(settings) as source:
            frames = source.frames()
            next(frames)
            server.pause()
            began = time.monotonic()
            with pytest.raises(StallError, match=r"sent nothing for 1\.5 s"):
                list(frames)
            assert 1.0 < time.monotonic() - began < 5
            server.resume()


def test_a_killed_server_ends_the_stream_and_a_new_one_is_read(clips: dict[str, Path]) -> None:
    with rtsp_server(clips) as server:
        with opened(settings_for(server.url("/h264"), fps=5)) as source:
            frames = source.frames()
            next(frames)
            server.kill()
            with pytest.raises(SourceError, match="closed the connection") as caught:
                list(frames)
            assert caught.value.reason == "ended"
        server.start()
        assert len(frames_of(settings_for(server.url("/h264"), fps=5), 2)) == 2


def test_a_stop_ends_a_live_stream_soon(camera: RtspServer) -> None:
    stop = threading.Event()
    with opened(settings_for(camera.url("/h264"), fps=5), stop=stop) as source:
        frames = source.frames()
        next(frames)
        stop.set()
        began = time.monotonic()
        assert list(frames) == []
        assert time.monotonic() - began < 1.0


def test_nothing_of_ffmpeg_is_written(
    camera: RtspServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url = camera.url("/wrong").replace("://", "://admin:hunter2@")
    with pytest.raises(OpenError):
        frames_of(settings_for(url))
    out, err = capfd.readouterr()
    assert (out, err, caplog.text) == ("", "", "")
    assert av.logging.get_level() is None


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1:99999/a", "rtsp://127.0.0.1/\0", "rtsp:///a"])
def test_urls_that_cannot_be_opened_are_told(url: str) -> None:
    with pytest.raises(SourceError, match="camera yard: rtsp://"):
        frames_of(settings_for(url, timeout_seconds=2.0))
