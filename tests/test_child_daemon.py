import signal
import subprocess
import sys
import threading

from monitor.child_daemon import held_back

PROGRAM = """
import signal
from monitor.child_daemon import ended_by, held_back

with ended_by(signal.SIGTERM):
    with held_back(signal.SIGTERM):
        signal.raise_signal(signal.SIGTERM)
        print("the block to its end")
    print("and on")
"""


def test_a_signal_that_is_held_back_comes_after_the_block() -> None:
    # In a process of its own: libraries that other tests load have opinions on signals.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stdout == "the block to its end\n"


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
