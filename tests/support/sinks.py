"""Real receivers of alerts on loopback: Alertmanager, MQTT broker, mail server, web server."""

import email
import email.policy
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import paho.mqtt.client as mqtt
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.daemon import free_port, wait_for


class Hook:
    """A web server that keeps what is posted to it, and answers as it is told.

    A class of its own and no library: it must be taken away and come back on the same port, and
    count what arrives meanwhile.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.received: list[tuple[float, dict[str, str], bytes]] = []
        """Unix time, headers in lower case, body."""
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Statuses and headers to give, the first at once; then 200."""
        self.delay_seconds = 0.0
        self.certificate: Path | None = None
        """PEM file with certificate and key: answers over TLS alone."""
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    def up(self) -> "Hook":
        """Begin to listen."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # whoever posts was killed meanwhile
                time.sleep(hook.delay_seconds)
                status, more = hook.answers.pop(0) if hook.answers else (200, {})
                if status == 200:
                    headers = {key.lower(): value for key, value in self.headers.items()}
                    hook.received.append((time.time(), headers, body))
                self.send_response(status)
                for key, value in more.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever posts may be killed meanwhile."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def down(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def certificate_for_loopback(folder: Path) -> Path:
    """A certificate that signs itself, with its key in the same PEM file."""
    file = folder / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=sink", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(file), "-out", f"{file}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def hook(certificate: Path | None = None) -> Iterator[Hook]:
    """A web server that listens."""
    made = Hook()
    made.certificate = certificate
    made.up()
    try:
        yield made
    finally:
        made.down()


class Mails:
    """What a mail server has taken."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        return "250 OK"


@contextmanager
def mail_server(port: int | None = None) -> Iterator[tuple[Mails, int]]:
    """A mail server, and its port."""
    mails, port = Mails(), port or free_port()
    controller = Controller(mails, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mails, port
    finally:
        controller.stop()


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs while the block lasts."""
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def alertmanager(folder: Path, config: Path) -> Iterator[httpx.Client]:
    """Alertmanager with a configuration; a client of its API."""
    port = free_port()
    command = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (
        process(command, folder / "alertmanager.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client,
    ):

        def ready() -> bool:
            try:
                return client.get("/-/ready").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(ready, "Alertmanager is ready")
        yield client


class Broker:
    """An MQTT broker, seen by a client that has subscribed to everything."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.topics: dict[str, bytes] = {}
        """The newest message of each topic."""
        self.seen: list[tuple[float, str, bytes]] = []
        """All messages: Unix time, topic, payload."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"tests-{uuid4().hex}")
        client.on_message = self._on_message
        client.connect("127.0.0.1", port)
        client.subscribe("#", qos=1)
        client.loop_start()
        self._client = client

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.topics[message.topic] = payload
        self.seen.append((time.time(), message.topic, payload))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def retained(self) -> dict[str, bytes]:
        """What somebody who comes now is told."""
        fresh = Broker(self.port)

        def all_came() -> bool:
            # What is retained comes at the subscription, and so before a message that is newer.
            fresh._client.publish(_END, b"end", qos=1)
            return _END in fresh.topics

        wait_for(all_came, "what is retained has come")
        fresh.close()
        return {name: said for name, said in fresh.topics.items() if said and name != _END}


_END = "tests/end"


@contextmanager
def broker(
    folder: Path, port: int | None = None, *, tls: tuple[int, Path, Path] | None = None
) -> Iterator[Broker]:
    """Mosquitto; with a port, a certificate and its key it listens over TLS as well."""
    port = port or free_port()
    config = folder / "mosquitto.conf"
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true"]
    if tls is not None:
        listen, cert, key = tls
        lines += [f"listener {listen} 127.0.0.1", f"certfile {cert}", f"keyfile {key}", "user root"]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with process(["mosquitto", "-c", str(config)], folder / "mosquitto.log"):

        def connected() -> Broker | None:
            try:
                return Broker(port)
            except OSError:
                return None

        found: Broker = wait_for(connected, "Mosquitto listens")
        try:
            yield found
        finally:
            found.close()
