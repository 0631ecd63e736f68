"""Cameras behind TLS: trusted, not trusted, and not asked for trust."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from monitor.errors import OpenError
from monitor.ingest import tls
from tests.support.clips import encode_jpeg, make_clip, red_scene
from tests.support.http_camera import http_camera
from tests.support.rtsp import rtsp_server
from tests.support.sources import frames_of, settings_for

pytestmark = pytest.mark.debian


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for loopback that signs itself, as cameras have; its key is in the file."""
    file = tmp_path_factory.mktemp("tls") / "camera.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(file), "-out", f"{file}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def tls_in_front_of(port: int, certificate: Path) -> Iterator[int]:
    """The port at which the plain server at ``port`` is reached through TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
            with suppress(OSError):
                while data := read(65536):
                    write(data)

        def join(client: socket.socket) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(client, server_side=True) as outer,
                socket.create_connection(("127.0.0.1", port)) as inner,
            ):
                back = threading.Thread(target=pump, args=(inner.recv, outer.sendall), daemon=True)
                back.start()
                pump(outer.recv, inner.sendall)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=join, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module", params=["rtsps", "https"])
def url(
    request: pytest.FixtureRequest, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "rtsps":
        clip = make_clip(tmp_path_factory.mktemp("clip") / "red.mp4", red_scene(), fps=5, gop=5)
        with rtsp_server({"/a": clip}) as camera, tls_in_front_of(camera.port, certificate) as port:
            yield f"rtsps://127.0.0.1:{port}/a"
    else:
        with (
            http_camera([encode_jpeg(red_scene()(0))]) as camera_,
            tls_in_front_of(camera_.server_address[1], certificate) as port,
        ):
            yield f"https://127.0.0.1:{port}/snapshot"


def test_an_unknown_certificate_is_refused(url: str) -> None:
    with pytest.raises(OpenError, match="does not trust"):
        frames_of(settings_for(url, timeout_seconds=5.0))


def test_an_unknown_certificate_is_taken_where_the_settings_say_so(url: str) -> None:
    assert frames_of(settings_for(url, tls_verify=False), 1)


def test_a_certificate_named_by_the_environment_is_trusted(
    url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    tls.context.cache_clear()
    try:
        assert frames_of(settings_for(url), 1)
    finally:
        tls.context.cache_clear()
