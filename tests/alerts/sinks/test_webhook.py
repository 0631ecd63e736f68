"""The webhook: its shape, its signature, and what answers mean."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from email.utils import formatdate
from pathlib import Path

import pytest

from monitor.alerts.notice import Notice
from monitor.alerts.sinks.http import HttpLogin, HttpTarget, TlsFiles, retry_after_seconds
from monitor.alerts.sinks.webhook import WebhookSink, signing_key
from monitor.clock import SystemClock
from monitor.errors import Permanent, Retryable
from tests.support.daemon import free_port
from tests.support.news import notice, over, smoke
from tests.support.sinks import Hook, certificate_for_loopback, hook

SECRET = "open sesame"
DOC = Path(__file__).parents[3] / "docs" / "alerts.md"


@pytest.fixture
def web() -> Iterator[Hook]:
    with hook() as made:
        yield made


def send(
    url: str,
    told: Notice,
    *,
    timeout: float = 5.0,
    secret: str | None = SECRET,
    tls: TlsFiles = TlsFiles(),  # noqa: B008 - it is frozen
) -> None:
    """Send to an address by a sink of its own."""
    target = HttpTarget(
        url, login=HttpLogin("ember", "pass-word"), tls=tls, timeout_seconds=timeout
    )
    with closing(WebhookSink(target, name="ops", secret=secret, clock=SystemClock())) as sink:
        sink.send(told)


def test_message_has_the_shape_of_alertmanagers_version_4(web: Hook) -> None:
    send(web.url, notice(over(smoke(site="hall")), "resolved"))
    ((_, headers, body),) = web.received
    told = json.loads(body)
    assert set(told) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
        "commonLabels", "commonAnnotations", "externalURL", "alerts", "emberwatch",
    }  # fmt: skip
    assert (told["version"], told["status"], told["receiver"]) == ("4", "resolved", "ops")
    (alert,) = told["alerts"]
    assert alert["labels"] == {
        "alertname": "EmberwatchSmoke", "alert": "smoke", "camera": "dock", "label": "smoke",
        "severity": "critical", "via": "emberwatch", "site": "hall",
    }  # fmt: skip
    assert (alert["startsAt"], alert["endsAt"]) == (
        "2023-11-14T22:13:22.000Z",
        "2023-11-14T22:14:20.000Z",
    )
    assert headers["webhook-id"] == told["emberwatch"]["key"] == "key-resolved"
    assert headers["authorization"].startswith("Basic ")


def test_example_of_the_documentation_knows_the_genuine(web: Hook) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOC.read_text("utf-8"), flags=re.DOTALL)
    scope: dict[str, Callable[[bytes, dict[str, str], bytes], bool]] = {}
    exec(example, scope)  # noqa: S102 - our own documentation
    is_genuine = scope["is_genuine"]
    send(web.url, notice(smoke()))
    ((_, headers, body),) = web.received
    assert is_genuine(SECRET.encode(), headers, body)
    assert not is_genuine(b"another", headers, body)
    assert not is_genuine(SECRET.encode(), headers, body + b" ")
    assert not is_genuine(SECRET.encode(), headers | {"webhook-timestamp": "1700000000"}, body)


def test_secret_may_be_written_as_the_standard_does() -> None:
    assert signing_key("whsec_c2VzYW1l") == b"sesame"
    assert signing_key("whsec_no base64") == b"whsec_no base64"


def test_message_without_a_secret_is_not_signed(web: Hook) -> None:
    send(web.url, notice(smoke()), secret=None)
    assert "webhook-signature" not in web.received[0][1]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 507])
def test_passing_fault_is_worth_a_retry(web: Hook, status: int) -> None:
    web.answers = [(status, {"Retry-After": "7"})]
    with pytest.raises(Retryable, match=f"answers {status}") as raised:
        send(web.url, notice(smoke()))
    assert raised.value.retry_after_seconds == 7.0


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 422])
def test_refusal_is_for_good(web: Hook, status: int) -> None:
    web.answers = [(status, {"Location": "http://127.0.0.1/elsewhere"})]
    with pytest.raises(Permanent, match=f"answers {status}"):
        send(web.url, notice(smoke()))


def test_nobody_there_is_worth_a_retry() -> None:
    with pytest.raises(Retryable, match="refused"):
        send(f"http://127.0.0.1:{free_port()}/", notice(smoke()))


def test_slow_answer_is_not_waited_for(web: Hook) -> None:
    web.delay_seconds = 5.0
    began = time.monotonic()
    with pytest.raises(Retryable, match="timed out"):
        send(web.url, notice(smoke()), timeout=0.3)
    assert time.monotonic() - began < 4.0


class Dripping:
    """Answers at once with a status, and then sends a byte of its body every now and then."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._socket.accept()
        with peer, suppress(OSError):  # the client may go away
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 " + self._head + b"\r\n\r\n")
            while not self._over.wait(0.05):
                peer.sendall(b"1\r\nx\r\n" if b"chunked" in self._head else b"x")

    def close(self) -> None:
        self._over.set()
        self._socket.close()
        self._thread.join(5.0)


@pytest.mark.parametrize(
    ("head", "refused"),
    [
        (b"200 OK\r\nTransfer-Encoding: chunked", False),
        (b"200 OK\r\nContent-Length: 4000", False),
        (b"200 OK", False),
        (b"503 Busy\r\nTransfer-Encoding: chunked", True),
    ],
)
def test_answer_that_drips_is_not_waited_for(head: bytes, refused: bool) -> None:
    with closing(Dripping(head)) as server:
        began = time.monotonic()
        with pytest.raises(Retryable, match="answers 503") if refused else nullcontext():
            send(server.url, notice(smoke()), timeout=0.5)
        assert time.monotonic() - began < 3.0


def test_what_was_taken_is_not_sent_again_for_an_answer_that_breaks_off() -> None:
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                received.append(peer.recv(65536))
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ntak")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        send(f"http://127.0.0.1:{server.getsockname()[1]}/", notice(smoke()))
        thread.join(5.0)
    assert len(received) == 1


def test_connection_is_kept_behind_a_short_answer() -> None:
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # the test ends it
                while True:
                    peer, _ = server.accept()
                    accepted.append(peer)
                    with peer:
                        while peer.recv(65536):
                            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        none = HttpLogin()
        with closing(HttpTarget(url, login=none, tls=TlsFiles(), timeout_seconds=5.0)) as target:
            for _ in range(2):
                target.post(b"", {})
    assert len(accepted) == 1


def test_error_names_no_secret_of_the_address() -> None:
    port = free_port()
    with pytest.raises(Retryable) as raised:
        send(f"http://127.0.0.1:{port}/?token=planted", notice(smoke()))
    assert "planted" not in str(raised.value)


def test_date_in_retry_after_is_understood() -> None:
    assert retry_after_seconds(formatdate(1000.0, usegmt=True), 940.0) == 60.0
    assert retry_after_seconds("Fri, 31 Dec 1999 23:59:59 GMT", 1.7e9) == 0.0
    assert retry_after_seconds("soon", 0.0) is None


def test_broken_certificate_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(Permanent, match=r"ca\.pem: cannot be used for TLS"):
        TlsFiles(ca=tmp_path / "ca.pem").context()


@pytest.mark.debian
def test_server_behind_tls_is_known_by_its_authority(tmp_path: Path) -> None:
    file = certificate_for_loopback(tmp_path)
    with hook(file) as web:
        url = web.url.replace("http:", "https:")
        with pytest.raises(Retryable, match="certificate verify failed"):
            send(url, notice(smoke()))
        send(url, notice(smoke()), tls=TlsFiles(ca=Path(f"{file}.crt")))
        send(url, notice(smoke()), tls=TlsFiles(verify=False))
        assert len(web.received) == 2
