"""Signals from outside: on only while a fresh answer says so."""

import threading
from collections.abc import Iterator

import pytest

from monitor.clock import ManualClock
from monitor.config import Signal
from monitor.errors import EmberwatchError
from monitor.signal_poller import SignalPoller, SignalState
from tests.support.daemon import wait_for


def signal(name: str = "key", query: str = "up") -> Signal:
    return Signal.model_validate({"name": name, "prometheus": "http://h", "query": query})


class Outside:
    """What answers: set by hand, and counted."""

    def __init__(self) -> None:
        self.answer: bool | Exception = True
        self.asked = 0
        self.hang = threading.Event()
        self.hang.set()

    def __call__(self, _signal: Signal) -> bool:
        self.hang.wait(10)
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Poll:
    """A poller on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock(monotonic=100.0)
        self.outside = Outside()
        self.poller = SignalPoller(clock=self.clock, ask=self.outside)

    def once(self, answer: bool | Exception) -> SignalState:
        """Ask once, as a configuration that is new does."""
        self.outside.answer = answer
        self.poller.apply([])
        self.poller.apply([signal()])
        wait_for(lambda: self.state().polls, "an answer")
        return self.state()

    def state(self) -> SignalState:
        (found,) = self.poller.states()
        return found


@pytest.fixture
def poll() -> Iterator[Poll]:
    made = Poll()
    yield made
    made.outside.hang.set()
    made.poller.stop()


def test_an_answer_turns_it_on_or_off(poll: Poll) -> None:
    assert poll.once(True) == SignalState("key", True, "", 100.0, 1, 0)
    assert poll.poller.on() == {"key"}
    assert poll.once(False) == SignalState("key", False, "", 100.0, 1, 0)
    assert poll.poller.on() == frozenset()


@pytest.mark.parametrize("error", [EmberwatchError("refused"), ValueError("odd")])
def test_what_fails_is_off_and_says_why(poll: Poll, error: Exception) -> None:
    state = poll.once(error)
    assert not state.on
    assert str(error) in state.fault
    assert (state.polls, state.failures) == (1, 1)
    assert poll.poller.on() == frozenset()


def test_before_the_first_answer_it_is_off(poll: Poll) -> None:
    poll.outside.hang.clear()
    poll.poller.apply([signal()])
    assert poll.state() == SignalState("key", False, "", None, 0, 0)


def test_an_answer_that_is_old_counts_no_more(poll: Poll) -> None:
    assert poll.once(True).on
    poll.clock.advance(12.1)  # twice `every` and `timeout`
    state = poll.state()
    assert not state.on
    assert "no answer" in state.fault
    assert poll.poller.on() == frozenset()


def test_signals_that_did_not_change_are_left_alone_by_a_reload(poll: Poll) -> None:
    poll.once(True)
    poll.poller.apply([signal(), signal("door")])
    assert poll.state is not None
    assert [state.name for state in poll.poller.states()] == ["key", "door"]
    assert poll.poller.states()[0].polls == 1
    wait_for(lambda: poll.poller.states()[1].polls, "the new one is asked")
    poll.poller.apply([signal("door")])
    assert [state.name for state in poll.poller.states()] == ["door"]
    poll.poller.apply([signal("door", "other")])
    assert poll.poller.states()[0].answered_monotonic is None or poll.outside.asked >= 3


def test_a_signal_that_is_taken_out_is_asked_no_more(poll: Poll) -> None:
    poll.once(True)
    poll.poller.stop()
    wait_for(
        lambda: not [t for t in threading.enumerate() if t.name == "signal-key"], "its thread ends"
    )
    assert poll.poller.states() == ()
