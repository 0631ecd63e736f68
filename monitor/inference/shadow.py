"""A candidate model that scores a share of the frames too, beside the one that is in use.

It runs in a thread of its own at a lower priority, on one core, and never on the way from a frame
to its alert: frames are handed to it after they were decided on, and what it has no time for is
left out. Whatever it does, the real scores are not touched.
"""

import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

import structlog

from monitor.errors import EmberwatchError, EngineError
from monitor.inference.masks import join_views
from monitor.inference.scored import Region, ScoredFrame
from monitor.inference.scorer import Scorer, score_frames
from monitor.inference.swap import Loaded
from monitor.ingest.frame import Frame

WAITING_FRAMES = 2
"""Frames that may wait for the candidate. They are held in memory, and it is to be up to date."""

FAILURES_TO_GIVE_UP = 5
"""Failures in a row after which a candidate is not tried again until the next reload."""

_NICE = 5
"""Where cores are short, the daemon's own threads get three times the share of this one. Not the
lowest, and before the decoders: a thread that is starved while it holds the interpreter's lock
would hold up all others."""

_DIGEST_BYTES = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A frame that was scored and is to be scored by the candidate too."""

    frame: Frame
    regions: tuple[Region, ...]
    tell: Callable[[ScoredFrame, tuple[str, ...]], None]
    """Told the candidate's scores and labels."""


def is_chosen(camera: str, sequence: int, share: float) -> bool:
    """Whether a frame is one of the share: the same for the same frame, whenever it is asked."""
    digest = blake2b(f"{camera}\0{sequence}".encode(), digest_size=_DIGEST_BYTES).digest()
    return bool(int.from_bytes(digest, "big") < share * 2 ** (8 * _DIGEST_BYTES))


class ShadowScorer:
    """Loads a candidate and scores what it is offered, in a thread of its own."""

    def __init__(
        self,
        load: Callable[[], Loaded],
        *,
        on_ready: Callable[[Loaded], None],
        on_failure: Callable[[EmberwatchError, bool], None],
    ) -> None:
        """Begin to load. All functions are called in the thread.

        Args:
            load: gives the candidate, warm; raises EmberwatchError where it cannot.
            on_ready: told the candidate once it is loaded.
            on_failure: told each failure, of loading too, and whether it is given up.
        """
        self._load = load
        self._on_ready = on_ready
        self._on_failure = on_failure
        self._samples: queue.Queue[Sample | None] = queue.Queue(WAITING_FRAMES)
        self._stopping = threading.Event()
        self.up = False
        """Whether it takes frames."""
        self.fault = ""
        """Why the candidate was given up; empty if it was not."""
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, sample: Sample) -> bool:
        """Let a frame wait for the candidate; False where there is no room. Never waits."""
        try:
            self._samples.put_nowait(sample)
        except queue.Full:
            return False
        return True

    def close(self, timeout_seconds: float = 0.0) -> None:
        """End the thread, and wait so long for it; one that hangs in its engine is left behind.

        What it still comes to say is told to nobody: the next candidate may be in place.
        """
        self.up = False
        self._stopping.set()
        with suppress(queue.Empty):
            while True:
                self._samples.get_nowait()
        with suppress(queue.Full):
            self._samples.put_nowait(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        try:
            # Threads that the engine starts inherit it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        except OSError as error:
            log.warning("shadow_priority", error=str(error))
        try:
            self._run()
        except EmberwatchError as error:
            self._give_up(error)
        # Libraries of engines raise what they like; a shadow may never take the daemon with it.
        except Exception as error:
            self._give_up(EngineError(f"{type(error).__name__}: {error}; the log has more"))
            log.exception("shadow_crashed")
        finally:
            self.up = False

    def _run(self) -> None:
        loaded = self._load()
        try:
            if self._stopping.is_set():
                return
            self._on_ready(loaded)
            self.up = True
            self._score_all(loaded)
        finally:
            loaded.engine.close()

    def _score_all(self, loaded: Loaded) -> None:
        scorer = Scorer(loaded.engine, loaded.bundle.geometry)
        failures = 0
        while True:
            sample = self._samples.get()
            if sample is None or self._stopping.is_set():
                return
            try:
                pairs = [(sample.frame, sample.regions)]
                (scored,) = score_frames(scorer, pairs, max(loaded.engine.batch_sizes))
            except EngineError as error:
                failures += 1
                if failures == FAILURES_TO_GIVE_UP:
                    raise
                if self._stopping.is_set():
                    return
                self._on_failure(error, False)
                continue
            failures = 0
            if self._stopping.is_set():
                return
            sample.tell(join_views(scored, loaded.engine.labels), loaded.engine.labels)

    def _give_up(self, error: EmberwatchError) -> None:
        if self._stopping.is_set():
            return
        self.fault = str(error)
        self._on_failure(error, True)
        log.error("shadow_given_up", error=str(error))
