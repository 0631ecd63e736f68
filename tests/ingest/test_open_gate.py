import threading
from collections.abc import Callable

from monitor.ingest.open_gate import OpenGate

DEADLINE = 20.0


def hold(gate: OpenGate, failures: int) -> tuple[threading.Event, Callable[[], None]]:
    """Take a turn in a thread; gives the event of having it, and how to end it."""
    stop, inside, leave = threading.Event(), threading.Event(), threading.Event()

    def body() -> None:
        with gate.turn(failures, stop=stop, progress=lambda: None) as mine:
            if mine:
                inside.set()
                leave.wait(DEADLINE)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        leave.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()

    return inside, end


def test_no_more_open_at_once_than_allowed() -> None:
    gate = OpenGate(2)
    turns = [hold(gate, 0) for _ in range(2)]
    assert all(inside.wait(DEADLINE) for inside, _ in turns)
    third, end_third = hold(gate, 0)
    assert not third.wait(0.3)
    turns[0][1]()
    assert third.wait(DEADLINE)
    end_third()
    turns[1][1]()


def test_cameras_that_keep_failing_leave_places_for_others() -> None:
    gate = OpenGate(4)
    dead = [hold(gate, 10) for _ in range(4)]
    assert sum(inside.wait(1.0) for inside, _ in dead) == 2
    living, end = hold(gate, 0)
    assert living.wait(DEADLINE)
    for finish in (end, *(each for _, each in dead)):
        finish()


def test_waiting_for_a_turn_shows_progress_and_ends_with_stop() -> None:
    gate = OpenGate(1)
    inside, end = hold(gate, 0)
    assert inside.wait(DEADLINE)
    stop = threading.Event()
    stamps = []

    def progress() -> None:
        stamps.append(1)
        if len(stamps) == 3:
            stop.set()

    with gate.turn(0, stop=stop, progress=progress) as mine:
        assert not mine
    assert len(stamps) == 3
    end()
