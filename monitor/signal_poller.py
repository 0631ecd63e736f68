"""Signals from outside: asked by threads of their own, so that nothing waits for the answer.

A signal is on only while a fresh answer says so. No answer, a late one, a refused one: the signal
is off, nothing is inhibited by it, and this is told. A rule is never out of force by mistake.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from monitor.clock import Clock
from monitor.config import Signal
from monitor.errors import EmberwatchError
from monitor.logs import Throttle

Ask = Callable[[Signal], bool]
"""Asks once whether a signal is on; raises EmberwatchError where that is not known."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignalState:
    """What is known of a signal now."""

    name: str
    on: bool
    """Whether it counts as on: a fresh answer says so."""
    fault: str
    """Why it is not known, a sentence; empty where it is."""
    answered_monotonic: float | None
    """When the newest answer came; None before the first."""
    polls: int
    failures: int


@dataclass(slots=True, eq=False)
class _Polled:
    signal: Signal
    stop: threading.Event = field(default_factory=threading.Event)
    on: bool = False
    fault: str = ""
    answered: float | None = None
    polls: int = 0
    failures: int = 0


def ask_prometheus(signal: Signal) -> bool:
    """Ask Prometheus once.

    Raises:
        QueryError: it gives no answer.
    """
    # Loaded with the first question: a daemon without signals needs no HTTP client.
    from monitor.prometheus_query import query_is_on

    return query_is_on(signal.prometheus, signal.query, signal.timeout)


class SignalPoller:
    """All signals of a configuration. Any thread may read."""

    def __init__(self, *, clock: Clock, ask: Ask = ask_prometheus) -> None:
        """
        Args:
            clock: for the age of answers.
            ask: asks once.
        """
        self._clock = clock
        self._ask = ask
        self._lock = threading.Lock()
        self._polled: dict[str, _Polled] = {}
        self._throttle = Throttle()

    def apply(self, signals: Iterable[Signal]) -> None:
        """Ask for these from now on; those that did not change go on undisturbed."""
        wanted = {signal.name: signal for signal in signals}
        with self._lock:
            before = self._polled
            self._polled = {
                name: before[name]
                if name in before and before[name].signal == signal
                else _Polled(signal)
                for name, signal in wanted.items()
            }
            for polled in before.values():
                if self._polled.get(polled.signal.name) is not polled:
                    polled.stop.set()
            begun = [polled for polled in self._polled.values() if polled not in before.values()]
        for polled in begun:
            threading.Thread(
                target=self._poll, args=(polled,), name=f"signal-{polled.signal.name}", daemon=True
            ).start()

    def stop(self) -> None:
        """Ask no more. A question that waits for its answer ends with its timeout, alone."""
        self.apply(())

    def on(self) -> frozenset[str]:
        """Names of the signals that are on."""
        return frozenset(state.name for state in self.states() if state.on)

    def states(self) -> tuple[SignalState, ...]:
        """All signals, in the order of the configuration."""
        now = self._clock.monotonic()
        with self._lock:
            return tuple(_state(polled, now) for polled in self._polled.values())

    def _poll(self, polled: _Polled) -> None:
        signal = polled.signal
        while not polled.stop.is_set():
            fault, on = "", False
            try:
                on = self._ask(signal)
            except EmberwatchError as error:
                fault = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the signal must go off
                fault = f"{type(error).__name__}: {error}"
            self._note(polled, on, fault)
            polled.stop.wait(signal.every)

    def _note(self, polled: _Polled, on: bool, fault: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            changed = on != polled.on or bool(fault) != bool(polled.fault)
            polled.polls += 1
            polled.failures += bool(fault)
            polled.on, polled.fault = on, fault
            if not fault:
                polled.answered = now
            name = polled.signal.name
            kept_back = self._throttle.admit(name, now) if fault else self._throttle.clear(name)
        if polled.stop.is_set():
            return
        if fault:
            if kept_back is not None:
                log.warning("signal_unknown", signal=name, error=fault, kept_back=kept_back)
        elif changed:
            log.info("signal_on" if on else "signal_off", signal=name)


def _state(polled: _Polled, now: float) -> SignalState:
    signal = polled.signal
    # An answer that is followed by none, not even by a failure: the thread hangs or died.
    late = polled.answered is not None and now - polled.answered > 2 * signal.every + signal.timeout
    fault = polled.fault
    if not fault and late:
        fault = f"no answer for more than {2 * signal.every + signal.timeout:g} s"
    return SignalState(
        name=signal.name,
        on=polled.on and not fault,
        fault=fault,
        answered_monotonic=polled.answered,
        polls=polled.polls,
        failures=polled.failures,
    )
