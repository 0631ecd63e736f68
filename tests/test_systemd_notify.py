"""What systemd is told, read from real sockets."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.systemd_notify import Notifier, watchdog_interval


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


@pytest.fixture
def notifier(manager: socket.socket) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": str(manager.getsockname())})


def test_ready_carries_its_status_in_the_same_message(
    manager: socket.socket, notifier: Notifier
) -> None:
    assert notifier.ready("2/2 cameras")
    assert manager.recv(4096) == b"READY=1\nSTATUS=2/2 cameras"


def test_reload_names_the_monotonic_time_that_systemd_waits_for(
    manager: socket.socket, notifier: Notifier
) -> None:
    before = time.monotonic()
    assert notifier.reloading(time.monotonic())
    first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    usec = int(second.removeprefix("MONOTONIC_USEC="))
    assert before * 1e6 - 1 <= usec <= time.monotonic() * 1e6


def test_every_sign_has_its_own_assignment(manager: socket.socket, notifier: Notifier) -> None:
    assert notifier.watchdog()
    assert notifier.stopping()
    assert notifier.extend_timeout(12.5)
    assert notifier.status("watching")
    assert [manager.recv(4096) for _ in range(4)] == [
        b"WATCHDOG=1",
        b"STOPPING=1",
        b"EXTEND_TIMEOUT_USEC=12500000",
        b"STATUS=watching",
    ]


def test_abstract_socket_is_reached() -> None:
    name = f"emberwatch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(5)
        assert Notifier({"NOTIFY_SOCKET": "@" + name}).ready()
        assert listener.recv(4096) == b"READY=1"


def test_status_cannot_smuggle_in_another_assignment(
    manager: socket.socket, notifier: Notifier
) -> None:
    notifier.status("camera a\nSTOPPING=1")
    assert manager.recv(4096) == b"STATUS=camera a STOPPING=1"


@pytest.mark.parametrize("address", ["", "relative/path", "vsock:2:1234"])
def test_without_a_usable_socket_nothing_is_sent(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert not notifier.enabled
    assert not notifier.ready()


def test_manager_that_is_gone_does_not_fail_the_daemon(tmp_path: Path) -> None:
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).watchdog()


def test_manager_that_does_not_read_does_not_block_the_daemon(
    manager: socket.socket, notifier: Notifier
) -> None:
    deadline = time.monotonic() + 30
    while notifier.watchdog():
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_watchdog_interval_is_taken_only_where_it_is_meant_for_this_process(
    environ: dict[str, str], wanted: float | None
) -> None:
    assert watchdog_interval(environ, pid=7) == wanted
    assert Notifier(environ, pid=7).watchdog_interval_seconds == wanted
