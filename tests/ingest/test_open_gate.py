import threading
from collections.abc import Callable

from monitor.clock import ManualClock
from monitor.ingest.open_gate import YOUNG_SECONDS, OpenGate

DEADLINE = 20.0


def hold(gate: OpenGate) -> tuple[threading.Event, Callable[[], None]]:
    """Take a turn in a thread; gives the event of having it, and how to end it."""
    stop, inside, leave = threading.Event(), threading.Event(), threading.Event()

    def body() -> None:
        with gate.turn(stop=stop, progress=lambda: None) as mine:
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
    gate = OpenGate(2, clock=ManualClock())
    turns = [hold(gate) for _ in range(2)]
    assert all(inside.wait(DEADLINE) for inside, _ in turns)
    third, end_third = hold(gate)
    assert not third.wait(0.5)
    turns[0][1]()
    assert third.wait(DEADLINE)
    end_third()
    turns[1][1]()


def test_a_camera_that_does_not_answer_gives_its_place_back() -> None:
    clock = ManualClock()
    gate = OpenGate(1, clock=clock)
    dead, end_dead = hold(gate)
    assert dead.wait(DEADLINE)
    living, end_living = hold(gate)
    assert not living.wait(0.5)
    clock.advance(YOUNG_SECONDS)
    assert living.wait(DEADLINE)
    end_living()
    end_dead()


def test_waiting_for_a_turn_shows_progress_and_ends_with_stop() -> None:
    gate = OpenGate(1, clock=ManualClock())
    inside, end = hold(gate)
    assert inside.wait(DEADLINE)
    stop = threading.Event()
    stamps = []

    def progress() -> None:
        stamps.append(1)
        if len(stamps) == 3:
            stop.set()

    with gate.turn(stop=stop, progress=progress) as mine:
        assert not mine
    assert len(stamps) == 3
    end()
