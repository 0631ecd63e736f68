"""Commands against a daemon that wants a token and speaks TLS, as from another machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from monitor.daemon_client import DaemonAddress, daemon_address, unreachable
from monitor.errors import UsageError
from tests.support.clips import make_clip, red_scene
from tests.support.daemon import running_daemon, wait_for, write_config
from tests.web.test_tls import certificate

pytestmark = pytest.mark.debian

TOKEN = "night-shift-token-0123456789abcdef"
URL = "http://127.0.0.1:9108"


@pytest.mark.parametrize(
    "url", [URL, "127.0.0.1:9108", f"{URL}/", f"{URL}/metrics", f"{URL}/metrics/"]
)
def test_the_address_may_be_written_in_any_way(url: str) -> None:
    address = DaemonAddress(url)
    assert address.base == URL
    with address.open() as client:
        assert str(client.build_request("GET", "/livez").url) == f"{URL}/livez"


def test_a_file_goes_before_the_variable_and_nothing_shows_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\nnothing\n")
    environ = {"EMBERWATCH_TOKEN": "other"}
    assert daemon_address(URL, environ, token_file=None, ca_file=None).token == "other"
    address = daemon_address(URL, environ, token_file=file, ca_file=None)
    assert address.token == TOKEN
    assert TOKEN not in repr(address)
    assert daemon_address(URL, {}, token_file=None, ca_file=None).token is None


def test_what_cannot_work_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--token-file: there is no file .*write the token"):
        daemon_address(URL, {}, token_file=tmp_path / "token", ca_file=None)
    with pytest.raises(UsageError, match=r"--ca-file: there is no file"):
        DaemonAddress(URL, ca_file=tmp_path / "ca.pem").open()
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="holds no certificates in PEM"):
        DaemonAddress(URL, ca_file=tmp_path / "ca.pem").open()
    with pytest.raises(UsageError, match="letters that no token has"):
        DaemonAddress(URL, "söme").open()
    with pytest.raises(UsageError, match="write it as"):
        DaemonAddress("http://127.0.0.1:port").open()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Path]]:
    """Address, certificate and file of the token of a daemon that tells nobody else anything."""
    folder = tmp_path_factory.mktemp("closed")
    cert, key = certificate(folder, "daemon")
    file = folder / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    clip = make_clip(folder / "fire.mp4", red_scene(), seconds=6)
    config = write_config(
        folder,
        [{"name": "yard", "url": f"file:{clip}", "loop": True}],
        web={
            "tls": {"certificate": str(cert), "key": str(key)},
            "tokens": [{"name": "night-shift", "role": "view", "token_file": str(file)}],
            "open_reading": "never",
            "open_metrics": False,
        },
    )
    with running_daemon(config) as daemon:
        daemon.wait_logged("alert_firing")
        yield daemon.url.replace("http:", "https:"), cert, file


def emberwatch(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "EMBERWATCH_TOKEN": "", **environ},
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "shown"),
    [(("status", "--once"), "yard: up; ok;"), (("events",), "yard")],
    ids=["status", "events"],
)
def test_a_daemon_behind_tls_and_a_token_is_read(
    closed: tuple[str, Path, Path], command: tuple[str, ...], shown: str
) -> None:
    url, cert, file = closed

    def told() -> bool:
        done = emberwatch(*command, "--ca-file", cert, "--token-file", file, url)
        assert done.returncode == 0, done.stderr
        return shown in done.stdout

    wait_for(told, "what is shown")
    by_variable = emberwatch(*command, "--ca-file", cert, url, EMBERWATCH_TOKEN=TOKEN)
    assert by_variable.returncode == 0, by_variable.stderr
    for wrong in ("", "wrong"):
        done = emberwatch(*command, "--ca-file", cert, url, EMBERWATCH_TOKEN=wrong)
        assert done.returncode == 1
        assert "asks for a token" in done.stderr
        assert "--token-file" in done.stderr
    done = emberwatch(*command, "--token-file", file, url)
    assert done.returncode == 1
    assert "--ca-file" in done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_plain_http_to_a_daemon_behind_tls_is_asked_for_https(
    closed: tuple[str, Path, Path],
) -> None:
    done = emberwatch("status", closed[0].replace("https:", "http:"))
    assert done.returncode == 1
    assert "or does it speak https?" in done.stderr


@pytest.mark.parametrize(
    ("base", "error", "asked"),
    [
        ("http://h:1", httpx.RemoteProtocolError("Server disconnected"), "speak https?"),
        ("https://h:1", httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong"), "speak http?"),
        ("http://h:1", httpx.ConnectError("[Errno 111] Connection refused"), ""),
        ("https://h:1", httpx.RemoteProtocolError("Server disconnected"), ""),
    ],
)
def test_the_other_scheme_is_asked_for_where_something_answers(
    base: str, error: Exception, asked: str
) -> None:
    told = unreachable(base, error)
    assert told.endswith(asked) if asked else "speak" not in told
