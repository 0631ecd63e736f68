"""The life of a camera in its worker: open, read, judge, hand on; after a fault wait and retry."""

import threading
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Protocol

from monitor.clock import Clock
from monitor.errors import AuthError, LagError, SourceError
from monitor.ingest.back_off import BackOff
from monitor.ingest.camera_clips import CameraClips
from monitor.ingest.channel import LONGEST_DETAIL, AddCamera, Down, FromWorker, Opened, Removed
from monitor.ingest.frame import Health
from monitor.ingest.health import HealthJudge
from monitor.ingest.mailbox import Mailbox
from monitor.ingest.mailbox_layout import Phase
from monitor.ingest.open_gate import OpenGate
from monitor.ingest.source import FrameSource
from monitor.ingest.status import REASONS, SourceSettings, StreamInfo
from monitor.ingest.streams import Streams
from monitor.redact import Redactor

FIRST_BACK_OFF_SECONDS = 1.0
AUTH_BACK_OFF_SECONDS = 30.0
"""Cameras lock an account after a few wrong logins in a row; twice a minute is safe with all."""
_STEP_SECONDS = 0.5
"""Longest wait between two stamps of the heartbeat."""
_FINITE_KINDS = frozenset({"file", "folder"})


class OpenSource(Protocol):
    """:func:`monitor.ingest.source.open_source`, or what stands for it."""

    def __call__(
        self,
        settings: SourceSettings,
        *,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> FrameSource: ...


class CameraLoop:
    """Reads one camera until it is told to stop. ``run`` is the body of the camera's thread."""

    def __init__(
        self,
        order: AddCamera,
        mailbox: Mailbox,
        *,
        open_source: OpenSource,
        gate: OpenGate,
        max_back_off_seconds: float,
        report: Callable[[FromWorker], None],
        wake: Callable[[], None],
        clock: Clock,
        random: Random,
    ) -> None:
        """
        Args:
            order: what to read.
            mailbox: where frames go; belongs to the loop, which unmaps it at the end.
            open_source: opens the camera.
            gate: limits how many cameras open at once.
            max_back_off_seconds: longest pause between tries.
            report: takes messages for the daemon; must not block.
            wake: tells the daemon that a mailbox has a new frame.
            clock: the machine's.
            random: for the jitter.
        """
        self.settings = order.settings
        self._fps = order.settings.fps
        self._source: FrameSource | None = None
        self.generation = order.generation
        self.stop = threading.Event()
        self._mailbox = mailbox
        self._open_source = open_source
        self._gate = gate
        self._report = report
        self._wake = wake
        self._clock = clock
        self._judge = HealthJudge(may_loop=order.settings.loop)
        self._redactor = Redactor([order.settings.password or ""])
        self.clips = CameraClips(order.settings, report=report, clock=clock)
        self._info: StreamInfo | None = None
        self._given = 0
        """Pictures since the source was opened."""
        self._creep = order.settings.known_creep
        self._streams = Streams(order.settings)
        self._bad_packets = 0
        """Of the source that were counted already."""
        self._max_back_off = cap = max_back_off_seconds
        self._back_off = BackOff(min(FIRST_BACK_OFF_SECONDS, cap), cap, random=random)

    def run(self) -> None:
        """Read until :attr:`stop` is set, or a file came to its end."""
        self._mailbox.claim(threading.get_ident())
        try:
            self._resume()
            while not self.stop.is_set():
                pause = self._try_once()
                if pause is None:
                    break
                self._rest(pause)
        finally:
            self._mailbox.enter(Phase.IDLE)
            self.clips.close()
            self._mailbox.close()
            self._report(Removed(self.settings.camera, self.generation))

    def set_fps(self, fps: float) -> None:
        """Sample so often from now on; called from another thread than the camera's."""
        self._fps = fps
        source = self._source
        if source is not None:
            source.set_fps(fps)

    def _resume(self) -> None:
        """Judge on from the last picture of whoever read this camera before: it may be frozen."""
        now = self._clock.monotonic()
        try:
            last = self._mailbox.newest(self.settings.camera, now)
        except SourceError:
            return  # whoever it was wrote nonsense; the daemon finds that out by itself
        if last is not None:
            self._judge.resume(
                last.image,
                self._mailbox.still_since(now),
                self._mailbox.still_from_lively(),
            )

    def _try_once(self) -> float | None:
        """Open and read until something happens: seconds to wait, None where that was all."""
        try:
            self._watch()
        except SourceError as error:
            if isinstance(error, LagError):
                # Seen again at the same rate on a new connection, it is the camera's clock.
                self._creep = error.creep
            if not isinstance(error, AuthError):
                return self._failed(error.reason, str(error))
            slow = min(AUTH_BACK_OFF_SECONDS, self._max_back_off)
            return self._down(
                error.reason,
                f"{error}. It is tried every {slow:g} s or less often: cameras lock accounts that "
                "log in wrongly too often",
                floor_seconds=slow,
            )
        except Exception as error:  # noqa: BLE001 - a thread that dies in silence is a blind camera
            return self._failed("error", f"{type(error).__name__}: {error}")
        finally:
            self._mailbox.enter(Phase.IDLE)
        if self.stop.is_set():
            return None
        if self._finite and not self.settings.loop:
            self._down("ended", "the end is reached and `loop` is not set", final=True)
            return None
        return self._down("ended", "the stream came to its end")

    @property
    def _finite(self) -> bool:
        return self._info is not None and self._info.kind in _FINITE_KINDS

    def _watch(self) -> None:
        self._given = self._bad_packets = 0
        with self._gate.turn(stop=self.stop, progress=self._progress) as mine:
            if not mine:
                return
            self._mailbox.enter(Phase.OPENING)
            source = self._open_source(
                self._streams.now(replace(self.settings, known_creep=self._creep)),
                clock=self._clock,
                progress=self._progress,
                stop=self.stop,
            )
        try:
            self._source = source
            self.set_fps(self._fps)  # it may have changed while the camera was opened
            self._mailbox.enter(Phase.READING)
            self._tell(source.info)
            self.clips.tap(source)
            for decoded in source.frames():
                if self.stop.is_set():
                    break
                health: Health = self._judge.update(decoded.image, decoded.captured_monotonic)
                self._mailbox.note_still(self._judge.still_since, self._judge.still_from_lively)
                now = self._clock.monotonic()
                self._mailbox.note_delay(decoded.lag_seconds + now - decoded.captured_monotonic)
                self._mailbox.write(decoded, health, self._judge.gist)
                self._mailbox.note_ring(self.clips.kept_bytes)
                self._count_bad(source)
                self._given += 1
                self._streams.gave()
                self._progress()
                self._back_off.succeeded(self._clock.monotonic())
                self._wake()
                self._tell(source.info)
                del decoded  # megabytes, that would be kept until the next one comes
        finally:
            self._source = None
            self._count_bad(source)
            source.close()

    def _count_bad(self, source: FrameSource) -> None:
        self._mailbox.add_bad_packets(source.bad_packets - self._bad_packets)
        self._bad_packets = source.bad_packets

    def _tell(self, info: StreamInfo) -> None:
        info = self._streams.noted(info)
        if info != self._info:
            self._info = info
            self._report(Opened(self.settings.camera, self.generation, info))

    def _failed(self, reason: str, detail: str) -> float | None:
        """Tell the fault, and wait; but what a recording that is to be seen once raised in its
        first part must not be raised again and again because its second part is broken."""
        if not (self._finite and self._given > 0) or self.settings.loop:
            return self._down(reason, detail)
        # The note first: a detail is cut at its end.
        note = "it broke off, and is not read again from its beginning, as `loop` is not set"
        self._down(reason, f"{note}: {detail}", final=True)
        return None

    def _down(
        self, reason: str, detail: str, *, floor_seconds: float = 0.0, final: bool = False
    ) -> float:
        known = reason if reason in REASONS else "error"
        # Cut twice: searching a long text for secrets takes long, and half a secret is not found.
        text = self._redactor.text(detail[: 10 * LONGEST_DETAIL])[:LONGEST_DETAIL]
        self._report(Down(self.settings.camera, self.generation, known, text, final))
        # The next connection may be to another stream: it is told of again.
        self._info = None
        return self._back_off.failed(self._clock.monotonic(), floor_seconds=floor_seconds)

    def _rest(self, seconds: float) -> None:
        end = self._clock.monotonic() + seconds
        while not self.stop.is_set() and (left := end - self._clock.monotonic()) > 0:
            self._progress()
            self.stop.wait(min(left, _STEP_SECONDS))

    def _progress(self) -> None:
        self._mailbox.beat(self._clock.monotonic())
