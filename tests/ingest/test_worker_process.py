import os
import select
import signal
import socket
import sys
from collections.abc import Iterator

import pytest

from monitor.ingest.channel import AddCamera, ChannelError, Message, Ready, Setup, Stop
from monitor.ingest.status import SourceSettings
from monitor.ingest.worker_process import WORKER_COMMAND, WorkerProcess
from tests.support.supervision import open_descriptors

DEADLINE = 30.0
SETUP = Setup(max_back_off_seconds=1.0, concurrent_opens=1)


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess()
    yield process
    process.close()


def say(process: WorkerProcess) -> list[Message]:
    """What it says next."""
    assert select.select([process.channel], [], [], DEADLINE)[0]
    return process.receive()


def await_end(process: WorkerProcess) -> None:
    assert select.select([process.exit], [], [], DEADLINE)[0]
    assert process.poll() is not None


def scripted(body: str) -> WorkerProcess:
    """A process in a worker's place; ``control`` is its end of the channel."""
    head = "import os, socket, sys; control = socket.socket(fileno=int(sys.argv[1]));"
    return WorkerProcess((sys.executable, "-c", head + body))


def test_a_worker_says_that_it_is_ready_and_ends_when_told(worker: WorkerProcess) -> None:
    worker.send(SETUP)
    assert say(worker) == [Ready()]
    worker.send(Stop())
    await_end(worker)
    assert worker.report().summary == "ended with exit status 0"


def test_a_worker_gives_way_to_scoring(worker: WorkerProcess) -> None:
    assert say(worker) == [Ready()]
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == min(19, ours + 10)


def test_a_worker_ends_when_the_channel_is_closed(worker: WorkerProcess) -> None:
    assert say(worker) == [Ready()]
    worker.channel.shutdown(2)
    await_end(worker)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_does_not_end_a_worker(
    worker: WorkerProcess, number: signal.Signals
) -> None:
    assert say(worker) == [Ready()]
    os.kill(worker.pid, number)
    worker.send(Stop())
    await_end(worker)
    assert worker.report().summary == "ended with exit status 0"


def test_messages_for_a_worker_that_does_not_listen_wait_and_leave_nothing_behind() -> None:
    before = open_descriptors()
    process = scripted("import signal; signal.pause()")
    for _ in range(2000):
        process.send(SETUP, 0)
    assert process.unsent
    process.close()
    assert open_descriptors() == before


def test_what_a_worker_wrote_last_is_in_the_report() -> None:
    process = scripted("raise ValueError('rtsp://admin:hunter2@10.0.4.17/a is broken')")
    await_end(process)
    summary = process.report().summary
    assert "ended with exit status 1; ValueError: rtsp://***@10.0.4.17/a is broken" in summary
    process.close()


def test_a_worker_can_write_only_so_much() -> None:
    process = scripted("os.write(2, b'x' * 262144); os._exit(os.write(2, b'x'))")
    await_end(process)
    assert process.poll() != 1, "one byte more was not written"
    assert len(process.report().summary) <= 300
    process.close()


def test_a_crash_report_names_the_thread() -> None:
    crash = (
        "import faulthandler, threading, ctypes\n"
        "faulthandler.enable(int(sys.argv[3]))\n"
        "def crash():\n"
        "    control.send(b'%d' % threading.get_ident())\n"
        "    ctypes.string_at(0)\n"
        "threading.Thread(target=crash).start()"
    )
    process = scripted("\n" + crash)
    assert select.select([process.channel], [], [], DEADLINE)[0]
    thread = int(process.channel.recv(100))
    await_end(process)
    report = process.report()
    assert report.thread == thread
    assert report.summary.startswith("was killed by SIGSEGV; Fatal Python error")
    process.close()


def test_nonsense_from_a_worker_is_refused() -> None:
    process = scripted("control.send(b'nonsense'); control.recv(1)")
    assert select.select([process.channel], [], [], DEADLINE)[0]
    with pytest.raises(ChannelError):
        process.receive()
    process.close()


def test_descriptors_from_a_worker_are_refused_and_closed() -> None:
    process = scripted('socket.send_fds(control, [b\'{"type": "Ready"}\'], [0]); control.recv(1)')
    assert select.select([process.channel], [], [], DEADLINE)[0]
    before = open_descriptors()
    with pytest.raises(ChannelError, match="descriptor"):
        process.receive()
    assert open_descriptors() == before
    process.close()


def test_a_command_that_does_not_exist_leaves_nothing_open() -> None:
    before = open_descriptors()
    with pytest.raises(FileNotFoundError):
        WorkerProcess(("/nowhere/python",))
    assert open_descriptors() == before


def test_a_worker_is_started_without_the_current_folder_on_its_path() -> None:
    assert "-P" in WORKER_COMMAND


def test_a_worker_that_cannot_be_told_is_killed(worker: WorkerProcess) -> None:
    assert say(worker) == [Ready()]
    worker.channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    worker.send(AddCamera(SourceSettings("a", "x" * 50_000), 1))  # longer than the socket takes
    await_end(worker)
    assert not worker.unsent
