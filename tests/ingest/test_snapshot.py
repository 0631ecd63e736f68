"""Snapshot URLs, from a camera on loopback."""

import logging
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from monitor.errors import AuthError, DecodeError, OpenError, SourceError, StallError
from monitor.ingest.http import response_to
from tests.support.clips import counted, counting_scene, encode_jpeg
from tests.support.http_camera import HttpCamera, http_camera
from tests.support.sources import frames_of, opened, settings_for


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    scene = counting_scene()
    with http_camera([encode_jpeg(scene(index)) for index in range(10)]) as running:
        yield running


@pytest.mark.parametrize("snapshot", [True, False], ids=["configured", "found out"])
def test_one_picture_after_another_at_the_wanted_rate(snapshot: bool, camera: HttpCamera) -> None:
    settings = settings_for(camera.url("/snapshot"), fps=5, snapshot=snapshot)
    with opened(settings) as source:
        assert source.info.kind == "snapshot"
        assert (source.info.codec, source.info.width, source.info.height) == ("jpeg", 320, 240)
        frames = source.frames()
        taken = [next(frames) for _ in range(5)]
    times = [frame.captured_monotonic for frame in taken]
    assert times[-1] - times[0] == pytest.approx(0.8, abs=0.4)
    assert len({counted(frame.image.rgb()) for frame in taken}) == 5


def test_a_login_is_made_where_asked_for(camera: HttpCamera) -> None:
    url = camera.url("/private")
    assert frames_of(settings_for(url, username="user", password="pass"), 1)
    assert frames_of(settings_for(url.replace("://", "://user:pass@")), 1)
    with pytest.raises(AuthError, match="was given none"):
        frames_of(settings_for(url))
    with pytest.raises(AuthError, match="does not accept") as caught:
        frames_of(settings_for(url, username="user", password="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_a_redirect_within_the_camera_is_followed(camera: HttpCamera) -> None:
    assert frames_of(settings_for(camera.url("/moved")), 1)


def test_a_redirect_to_another_host_is_refused(camera: HttpCamera) -> None:
    with pytest.raises(OpenError, match=r"camera\.invalid.*another host") as caught:
        frames_of(settings_for(camera.url("/away")))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://127.0.0.1:{other}/snapshot", "another port"),
        ("https://127.0.0.1:{other}/snapshot", "another port"),
        ("ftp://127.0.0.1/snapshot", "another host"),
    ],
)
def test_a_redirect_to_another_port_is_refused(
    location: str, said: str, camera: HttpCamera
) -> None:
    camera.location = location.format(other=camera.server_address[1] + 1)
    before = camera.requests
    with pytest.raises(OpenError, match=said):
        frames_of(settings_for(camera.url("/elsewhere")))
    assert camera.requests == before + 1


def test_a_redirect_from_https_to_http_is_refused(camera: HttpCamera) -> None:
    """The login would be sent in clear."""
    plain = camera.url("/snapshot")
    port = camera.server_address[1]
    secure = httpx.MockTransport(lambda _: httpx.Response(302, headers={"location": plain}))
    settings = settings_for(f"https://127.0.0.1:{port}/snapshot", username="user", password="pass")
    with (
        httpx.Client(transport=secure) as client,
        pytest.raises(OpenError, match="no longer encrypted"),
        response_to(client, settings),
    ):
        raise AssertionError("it was followed")


def test_a_redirect_from_http_to_https_is_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(200)
        return httpx.Response(302, headers={"location": "https://10.0.4.17/snapshot"})

    settings = settings_for("http://10.0.4.17/snapshot")
    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        response_to(client, settings) as response,
    ):
        assert response.url.scheme == "https"


def test_a_wrong_path_is_not_found(camera: HttpCamera) -> None:
    with pytest.raises(OpenError, match="404") as caught:
        frames_of(settings_for(camera.url("/wrong"), snapshot=True))
    assert caught.value.reason == "not_found"


def test_other_answers_are_told(camera: HttpCamera) -> None:
    with pytest.raises(OpenError, match="503"):
        frames_of(settings_for(camera.url("/busy"), snapshot=True))


@pytest.mark.parametrize("path", ["/garbage", "/page"])
def test_what_is_no_picture_is_refused(path: str, camera: HttpCamera) -> None:
    with pytest.raises(DecodeError, match=r"camera yard: .* cannot be used; picture: "):
        frames_of(settings_for(camera.url(path), snapshot=True))


def test_a_picture_of_absurd_size_is_refused() -> None:
    jpeg = bytearray(encode_jpeg(counting_scene((64, 48))(0)))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = (20_000).to_bytes(2, "big") * 2
    with http_camera([bytes(jpeg)]) as camera, pytest.raises(DecodeError, match="20000x20000"):
        frames_of(settings_for(camera.url("/snapshot")))


def test_a_stream_in_place_of_a_picture_does_not_fill_the_memory(camera: HttpCamera) -> None:
    with pytest.raises(StallError):
        frames_of(settings_for(camera.url("/video"), snapshot=True, timeout_seconds=0.5))


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(OpenError, match="refuses") as caught:
            frames_of(settings_for(f"http://127.0.0.1:{closed.getsockname()[1]}/a"))
    assert caught.value.reason == "refused"


def test_an_unknown_name_is_told_as_such() -> None:
    with pytest.raises(OpenError, match="no address for the name") as caught:
        frames_of(settings_for("http://no-such-camera.invalid/a"))
    assert caught.value.reason == "dns"


def test_a_host_that_accepts_and_says_nothing_stalls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        with pytest.raises(StallError):
            frames_of(settings_for(url, timeout_seconds=0.5))


def test_a_host_that_speaks_another_language_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def chat() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail server ready\r\n")

        thread = threading.Thread(target=chat)
        thread.start()
        with pytest.raises(SourceError, match="yard"):
            frames_of(settings_for(f"http://127.0.0.1:{listener.getsockname()[1]}/a"))
        thread.join()


def test_a_stop_ends_the_wait_for_the_next_picture(camera: HttpCamera) -> None:
    stop = threading.Event()
    with opened(settings_for(camera.url("/snapshot"), fps=0.01), stop=stop) as source:
        frames = source.frames()
        next(frames)
        timer = threading.Timer(0.1, stop.set)
        timer.start()
        began = time.monotonic()
        assert list(frames) == []
        assert time.monotonic() - began < 2.0
        timer.join()


def test_no_url_is_logged(camera: HttpCamera, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    frames_of(settings_for(camera.url("/snapshot?token=hunter2")), 1)
    assert "hunter2" not in caplog.text
