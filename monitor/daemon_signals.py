"""What the signals of the daemon ask for: SIGTERM and SIGINT to stop, SIGHUP to reload."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def handled(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Handle signals in the block; what was there before holds again after it."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Signals:
    """Remembers what was asked for; the loop looks at it once a round."""

    def __init__(self) -> None:
        self.stop = False
        """The daemon is to end."""
        self.ready = False
        """Set once the start is over. Before that, a stop ends the process on the spot: loading a
        model takes long, and nothing is lost by leaving it."""
        self._reload = False

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self._reload = self._reload, False
        return asked

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals in the block; what was there before holds again after it."""
        handlers: dict[signal.Signals, Handler] = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self._on_reload,
        }
        with handled(handlers):
            yield

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self.ready:
            raise SystemExit(0)
        self.stop = True

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload = True
