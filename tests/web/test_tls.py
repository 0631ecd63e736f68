"""HTTPS: a real handshake, another certificate while it runs, and clients that never finish one."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from monitor.config import Config
from monitor.errors import ConfigError
from monitor.web.settings import WebSettings
from monitor.web_settings import web_settings
from tests.support.daemon import wait_for
from tests.support.web_site import VIEWER, Site, tokens, web_site

pytestmark = pytest.mark.debian


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed; see tests/debian-packages.txt")
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def settings(cert: Path, key: Path) -> WebSettings:
    """As a configuration with these files gives them."""
    config = Config.model_validate(
        {"cameras": [{"name": "a", "url": "rtsp://h/s"}],
         "web": {"tls": {"certificate": str(cert), "key": str(key)}}}
    )  # fmt: skip
    return replace(web_settings(config, {}), tokens=tokens())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    cert, key = certificate(folder, "first")
    with web_site(folder / "site", settings=settings(cert, key)) as site:
        yield site


def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cert))


def test_pages_are_served_over_tls_and_cookies_are_for_it_alone(site: Site, folder: Path) -> None:
    assert site.url.startswith("https://")
    with httpx.Client(
        base_url=site.url, verify=trusting(folder / "first.pem"), timeout=20
    ) as client:
        assert client.get("/livez").text == "alive\n"
        done = client.post(
            "/login", data={"token": VIEWER}, headers={"sec-fetch-site": "same-origin"}
        )
        assert done.headers["set-cookie"].startswith("__Host-emberwatch=")
        assert "secure" in done.headers["set-cookie"].lower()


def test_another_certificate_counts_for_new_connections(site: Site, folder: Path) -> None:
    first = httpx.Client(base_url=site.url, verify=trusting(folder / "first.pem"), timeout=20)
    assert first.get("/livez").status_code == 200
    site.server.apply(settings(*certificate(folder, "second")))
    assert first.get("/livez").status_code == 200  # the connection that is there goes on
    assert httpx.get(f"{site.url}/livez", verify=trusting(folder / "second.pem")).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{site.url}/livez", verify=trusting(folder / "first.pem"))
    first.close()


def test_old_protocols_and_plain_text_are_refused(site: Site) -> None:
    url = httpx.URL(site.url)
    with socket.create_connection((url.host, url.port or 0), timeout=20) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" not in plain.recv(4096)


def test_silent_clients_make_room(site: Site, folder: Path) -> None:
    url = httpx.URL(site.url)
    clients = [socket.create_connection((url.host, url.port or 0), timeout=20) for _ in range(300)]
    newest = max((folder / name for name in ("first.pem", "second.pem")), key=_age)
    assert httpx.get(f"{site.url}/livez", verify=trusting(newest), timeout=30).status_code == 200
    wait_for(lambda: clients[0].recv(1) == b"", "the oldest is ended")
    for client in clients:
        client.close()


def _age(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def test_files_that_are_no_pair_are_told_apart(folder: Path, tmp_path: Path) -> None:
    cert, key = folder / "first.pem", folder / "first.key"
    other = certificate(tmp_path, "other")[1]
    for wrong, told in (
        ((cert, other), "no certificate and its key"),
        ((tmp_path / "none.pem", key), "cannot be read"),
        ((key, key), "no certificate and its key"),
    ):
        with pytest.raises(ConfigError, match=told):
            settings(*wrong)
