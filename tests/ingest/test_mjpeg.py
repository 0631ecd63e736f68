"""MJPEG over HTTP, from a camera on loopback."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from monitor.errors import DecodeError, OpenError, StallError
from tests.support.clips import counted, counting_scene, encode_jpeg
from tests.support.http_camera import HttpCamera, http_camera
from tests.support.sources import frames_of, opened, read_until_fault, settings_for


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    scene = counting_scene()
    with http_camera([encode_jpeg(scene(index)) for index in range(10)]) as running:
        yield running


def test_pictures_arrive_at_the_wanted_rate(camera: HttpCamera) -> None:
    frames = frames_of(settings_for(camera.url("/video"), fps=5), 6)
    times = [frame.captured_monotonic for frame in frames]
    assert times[-1] - times[0] == pytest.approx(1.0, abs=0.4)
    assert all(frame.image.rgb().shape == (240, 320, 3) for frame in frames)
    assert len({counted(frame.image.rgb()) for frame in frames}) > 1


@pytest.mark.parametrize("path", ["/few", "/lengthless"])
def test_the_end_of_the_stream_is_told(path: str, camera: HttpCamera) -> None:
    with opened(settings_for(camera.url(path), fps=30)) as source:
        frames, error = read_until_fault(source)
        assert source.info.kind == "http"
    assert len(frames) >= 2
    assert "closed the connection" in str(error)
    assert error.reason == "ended"


@pytest.mark.parametrize("path", ["/stall", "/trickle"])
def test_a_stream_without_whole_pictures_stalls(path: str, camera: HttpCamera) -> None:
    began = time.monotonic()
    with pytest.raises(StallError, match=r"sent nothing for 0\.5 s"):
        frames_of(settings_for(camera.url(path), timeout_seconds=0.5))
    assert time.monotonic() - began < 5.0


def test_pictures_that_are_none_end_the_stream(camera: HttpCamera) -> None:
    with pytest.raises(DecodeError, match="10 in a row"):
        frames_of(settings_for(camera.url("/noise"), fps=30))


def test_a_web_page_is_no_stream(camera: HttpCamera) -> None:
    with pytest.raises(OpenError, match="text/html") as caught:
        frames_of(settings_for(camera.url("/page?user=admin&password=hunter2")))
    assert "hunter2" not in str(caught.value)


def test_a_stop_ends_the_stream_soon(camera: HttpCamera) -> None:
    stop = threading.Event()
    with opened(settings_for(camera.url("/video"), fps=5), stop=stop) as source:
        frames = source.frames()
        next(frames)
        stop.set()
        assert list(frames) == []


def test_large_pictures_are_scaled_down() -> None:
    picture = np.full((300, 400, 3), 128, np.uint8)
    with http_camera([encode_jpeg(picture)]) as camera:
        (frame,) = frames_of(settings_for(camera.url("/video"), max_side=200), 1)
    assert frame.image.rgb().shape == (150, 200, 3)
