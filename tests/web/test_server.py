"""The server against clients as they are: slow, many, silent, hostile."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge

from monitor.errors import ConfigError
from monitor.web.protocol import Limits
from monitor.web.server import WebServer, bind
from tests.support.web_site import no_desk
from tests.support.web_states import FixedState, camera, snapshot

Start = Callable[[Limits], WebServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers and stops them."""
    with contextlib.ExitStack() as servers:

        def make(limits: Limits) -> WebServer:
            registry = CollectorRegistry()
            gauge = Gauge("emberwatch_big", "Many series.", ["n"], registry=registry)
            for n in range(20_000):
                gauge.labels(str(n))
            state = FixedState(snapshot(camera("yard")))
            server = WebServer(
                "127.0.0.1:0", state, no_desk(), registry, version="1", limits=limits
            )
            server.start()
            servers.callback(server.stop)
            return server

        yield make


def connect(server: WebServer) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port or 0), timeout=10)


def is_closed(client: socket.socket) -> bool:
    """Whether the server has ended a connection; what it sent before is thrown away."""
    try:
        while select.select([client], [], [], 0)[0]:
            if not client.recv(65536):
                return True
    except OSError:
        return True
    return False


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    """Time until a condition held; fails where it did not in ``seconds``."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "waited in vain"
        threading.Event().wait(0.02)
    return time.monotonic() - begun


def test_scrape_is_answered_beside_200_clients_that_drip_their_request(start: Start) -> None:
    server = start(Limits(head_seconds=3.0))
    clients = [connect(server) for _ in range(200)]
    begun = time.monotonic()
    for number, client in enumerate(clients):
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" if number % 2 else b"G")

    asked = time.monotonic()
    assert httpx.get(f"{server.url}/livez").status_code == 200
    assert time.monotonic() - asked < 1.0

    def drip() -> bool:
        for client in clients:
            with contextlib.suppress(OSError):
                client.send(b"x")
        return all(is_closed(client) for client in clients)

    wait_until(drip, 10.0)
    assert 2.5 < time.monotonic() - begun < 8.0
    for client in clients:
        client.close()


def test_more_connections_than_allowed_displace_the_one_that_waited_longest(
    start: Start,
) -> None:
    server = start(Limits(connections=8))
    clients = [connect(server) for _ in range(8)]
    # The server has seen all of them once it has answered one that came later.
    assert httpx.get(f"{server.url}/livez").status_code == 200
    wait_until(lambda: is_closed(clients[0]), 5.0)
    assert not is_closed(clients[7])
    clients += [connect(server) for _ in range(50)]
    assert httpx.get(f"{server.url}/livez").status_code == 200
    wait_until(lambda: all(is_closed(client) for client in clients[:50]), 5.0)
    for client in clients:
        client.close()


def test_client_that_does_not_read_its_answer_is_cut(start: Start) -> None:
    server = start(Limits(answer_seconds=4.0))  # a slow machine needs some of it for the answer
    with connect(server) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # Answers larger than what the kernel takes on both sides.
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 12)
        assert client.recv(1) == b"H"
        assert server.open_connections == 1
        wait_until(lambda: server.open_connections == 0, 20.0)


def test_body_that_never_comes_holds_nothing(start: Start) -> None:
    server = start(Limits(head_seconds=1.0, idle_seconds=1))
    with connect(server) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        wait_until(lambda: is_closed(client), 6.0)


def test_connection_is_kept_between_scrapes(start: Start) -> None:
    server = start(Limits(head_seconds=0.5))
    with connect(server) as client:
        for _ in range(2):
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            answered = time.monotonic()
            # Longer than a head may take: being idle is no fault.
            while time.monotonic() < answered + 0.8:
                assert not is_closed(client)
                threading.Event().wait(0.05)


def test_head_without_end_is_refused(start: Start) -> None:
    server = start(Limits())
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.sendall(b"X-Padding: " + b"a" * 1000 + b"\r\n")
        wait_until(lambda: is_closed(client), 5.0)
    assert httpx.get(f"{server.url}/livez").status_code == 200


def test_many_scrapes_at_once_are_all_answered(start: Start) -> None:
    server = start(Limits())
    with ThreadPoolExecutor(40) as pool, httpx.Client(timeout=20) as client:
        answers = list(pool.map(lambda _: client.get(f"{server.url}/metrics"), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.text.count("emberwatch_big{") == 20_000 for answer in answers)


def test_stop_is_quick_with_connections_of_every_kind(start: Start) -> None:
    server = start(Limits())
    silent, half, idle, slow = (connect(server) for _ in range(4))
    half.sendall(b"GET / HT")
    idle.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert idle.recv(4096).startswith(b"HTTP/1.1 200")
    slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 12)
    begun = time.monotonic()
    server.stop()
    assert time.monotonic() - begun < 2.5  # under a second on an idle machine
    assert not server.alive
    server.stop()
    for client in (silent, half, idle, slow):
        client.close()


def test_server_that_was_never_started_gives_its_port_back() -> None:
    server = WebServer(
        "127.0.0.1:0", FixedState(snapshot()), no_desk(), CollectorRegistry(), version="1"
    )
    port = httpx.URL(server.url).port
    server.stop()
    bind(f"127.0.0.1:{port}").close()


def test_port_in_use_is_one_sentence_with_the_address_and_the_cure() -> None:
    with bind("127.0.0.1:0") as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            WebServer(address, FixedState(snapshot()), no_desk(), CollectorRegistry(), version="1")
    assert address in str(caught.value)
    assert "in use" in str(caught.value)
    assert "choose another port" in str(caught.value)


def test_address_of_another_machine_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no address 192\.0\.2\.1"):
        bind("192.0.2.1:9108")


def test_host_that_cannot_be_resolved_is_named() -> None:
    with pytest.raises(ConfigError, match="cannot be resolved"):
        bind("no-such-host.invalid:9108")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6_is_listened_on_where_asked_for() -> None:
    state = FixedState(snapshot(camera("yard")))
    server = WebServer("[::1]:0", state, no_desk(), CollectorRegistry(), version="1")
    server.start()
    try:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    finally:
        server.stop()


@pytest.mark.parametrize("listen", ["", "9108", "::1:9108", "host:", "host:99999", "host:-1"])
def test_what_is_no_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"listen: .*127\.0\.0\.1:9108"):
        bind(listen)


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    server = WebServer(
        "127.0.0.1:0",
        FixedState(snapshot(camera("yard"))),
        no_desk(),
        CollectorRegistry(),
        version="1",
    )
    server.start()
    yield server
    server.stop()


@given(garbage=st.binary(max_size=400), wrap=st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_bytes_bring_it_down(server: WebServer, garbage: bytes, wrap: bool) -> None:
    with connect(server) as client, contextlib.suppress(OSError):
        client.sendall(b"GET /" + garbage + b" HTTP/1.1\r\n\r\n" if wrap else garbage)
        client.shutdown(socket.SHUT_WR)
    assert httpx.get(f"{server.url}/livez").status_code == 200
