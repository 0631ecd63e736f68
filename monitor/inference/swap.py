"""Another model without a gap: loaded and warmed up beside the one in use, then exchanged.

Loading takes seconds and must not stop the scoring, so it runs in a thread of its own. The daemon
asks now and then whether it is done, and exchanges the engines between two batches.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from monitor.errors import EmberwatchError, EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A bundle with its engine, warm."""

    bundle: Bundle
    engine: Engine


class EngineSwap:
    """Loads one engine at a time in the background. For use by one thread."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._result: Loaded | EmberwatchError | None = None
        self._next: Callable[[], Loaded] | None = None

    @property
    def busy(self) -> bool:
        """Whether a model is being loaded."""
        return self._thread is not None

    def begin(self, load: Callable[[], Loaded]) -> None:
        """Load in the background; asked for while another is being loaded, it comes after it.

        Args:
            load: gives a warm engine; raises EmberwatchError where it cannot.
        """
        if self._thread is not None:
            self._next = load
            return
        self._result = None

        def work() -> None:
            try:
                self._result = load()
            except EmberwatchError as error:
                self._result = error
            # Libraries of engines raise what they like, and a thread that dies tells nobody.
            except Exception as error:
                log.exception("model_failed")
                self._result = EngineError(
                    f"the model cannot be loaded: {type(error).__name__}: {error}; the log has more"
                )

        self._thread = threading.Thread(target=work, name="model-loader", daemon=True)
        self._thread.start()

    def poll(self) -> Loaded | EmberwatchError | None:
        """What was loaded, or why it was not; None while nothing is finished.

        A result that a later :meth:`begin` has overtaken is closed and left out.
        """
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread.join()
        self._thread = None
        result, self._result = self._result, None
        if self._next is not None:
            if isinstance(result, Loaded):
                result.engine.close()
            load, self._next = self._next, None
            self.begin(load)
            return None
        return result

    def stop(self, timeout_seconds: float) -> None:
        """Wait so long for what is being loaded, and close it."""
        self._next = None
        if self._thread is None:
            return
        self._thread.join(timeout_seconds)
        if isinstance(self._result, Loaded):
            self._result.engine.close()
        self._thread = self._result = None
