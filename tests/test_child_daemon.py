import signal
import threading

import pytest

from monitor.child_daemon import ended_by, held_back


def test_a_signal_that_is_held_back_comes_after_the_block() -> None:
    done: list[str] = []

    def start() -> None:
        with held_back(signal.SIGTERM):
            signal.raise_signal(signal.SIGTERM)
            done.append("the block to its end")

    with ended_by(signal.SIGTERM), pytest.raises(SystemExit):
        start()
    assert done == ["the block to its end"]


def test_nothing_comes_where_no_signal_came() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with held_back(signal.SIGTERM):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_than_the_main_one_holds_nothing_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[bool] = []

    def work() -> None:
        with held_back(signal.SIGTERM):
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
