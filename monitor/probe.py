"""Opens cameras once, to say what they are: in parallel, each with a deadline of its own."""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.clock import Clock, SystemClock
from monitor.errors import SourceError
from monitor.ingest.frame import DecodedFrame, Health
from monitor.ingest.health import HealthJudge
from monitor.ingest.source import FrameSource
from monitor.ingest.source import open_source as open_any
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.redact import Redactor

WATCH_SECONDS = 5.0
"""Time after the first picture in which two key frames are waited for: most cameras send one every
1 to 4 s."""
GRACE_SECONDS = 3.0
"""What a source is given to end by itself after its deadline, before it counts as hanging."""
AT_ONCE = 8
"""Cameras that are open at the same time; more would measure this machine's decoder."""

_WITH_KEY_FRAMES = ("rtsp", "file")


class Opener(Protocol):
    """:func:`monitor.ingest.source.open_source`, or what stands for it."""

    def __call__(
        self,
        settings: SourceSettings,
        *,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> FrameSource: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What one camera turned out to be."""

    camera: str
    error: str
    """Why it gives no picture, without secrets; empty where it does."""
    info: StreamInfo | None = None
    health: Health | None = None
    first_picture_seconds: float | None = None
    """From the begin of opening to the first decoded picture."""
    pixels: NDArray[np.uint8] | None = None
    """The last picture, uint8 (height, width, 3), RGB, where it was asked for."""


def probe_all(
    settings: Sequence[SourceSettings],
    *,
    done: Callable[[Probe], None],
    open_source: Opener = open_any,
    clock: Clock | None = None,
    watch_seconds: float = WATCH_SECONDS,
    keep_picture: bool = False,
) -> list[Probe]:
    """Open each camera once.

    Args:
        settings: the cameras.
        done: called with each result as it comes, in the thread of the caller.
        open_source: opens one.
        clock: the machine's where it is left out.
        watch_seconds: how long to look on after the first picture.
        keep_picture: whether the results hold a picture each.

    Returns:
        The results in the order of ``settings``. A camera that hangs is left to its thread, which
        ends with the process.
    """
    waiting: queue.SimpleQueue[SourceSettings] = queue.SimpleQueue()
    for entry in settings:
        waiting.put(entry)
    results: queue.SimpleQueue[Probe] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                entry = waiting.get_nowait()
            except queue.Empty:
                return
            probe = _within_deadline(entry, open_source, clock or SystemClock(), watch_seconds)
            results.put(probe if keep_picture else replace(probe, pixels=None))

    for _ in range(min(AT_ONCE, len(settings))):
        threading.Thread(target=work, name="probe", daemon=True).start()
    by_name = {}
    for _ in settings:
        probe = results.get()
        done(probe)
        by_name[probe.camera] = probe
    return [by_name[entry.camera] for entry in settings]


def _within_deadline(
    settings: SourceSettings, open_source: Opener, clock: Clock, watch_seconds: float
) -> Probe:
    """Watch one camera in a thread that can be given up."""
    stop = threading.Event()
    result: queue.SimpleQueue[Probe] = queue.SimpleQueue()

    def work() -> None:
        result.put(_watch(settings, open_source, clock, watch_seconds, stop))

    deadline = settings.open_timeout_seconds + settings.read_timeout_seconds + watch_seconds
    threading.Thread(target=work, name=f"probe {settings.camera}", daemon=True).start()
    try:
        return result.get(timeout=deadline)
    except queue.Empty:
        stop.set()
    try:
        return result.get(timeout=GRACE_SECONDS)
    except queue.Empty:
        return Probe(
            settings.camera,
            f"nothing came back for {deadline + GRACE_SECONDS:g} s, timeouts included; what the "
            "camera sends makes the decoder hang, so check its firmware and codec",
        )


def _watch(
    settings: SourceSettings,
    open_source: Opener,
    clock: Clock,
    watch_seconds: float,
    stop: threading.Event,
) -> Probe:
    redactor = Redactor([settings.password] if settings.password else [])
    began = clock.monotonic()
    first: float | None = None
    health: Health | None = None
    last: DecodedFrame | None = None
    pixels: NDArray[np.uint8] | None = None
    judge = HealthJudge()
    try:
        source = open_source(settings, clock=clock, progress=lambda: None, stop=stop)
        try:
            for frame in source.frames():
                now = clock.monotonic()
                first = now if first is None else first
                last = frame
                health = judge.update(frame.image, frame.captured_monotonic)
                info = source.info
                # Servers send the begin of a live stream in a burst: one interval says little.
                told = info.kind == "file" and info.key_interval_seconds is not None
                if told or info.kind not in _WITH_KEY_FRAMES or now - first >= watch_seconds:
                    break
            info = source.info
            pixels = None if last is None else last.image.rgb()
        finally:
            source.close()
    except SourceError as error:
        return Probe(settings.camera, redactor.text(str(error)))
    except Exception as error:  # noqa: BLE001 - one camera's surprise must not hide the others
        return Probe(settings.camera, redactor.text(f"{type(error).__name__}: {error}"))
    if first is None:
        return Probe(settings.camera, "it opens, but no picture came; look at it in a player", info)
    return Probe(settings.camera, "", info, health, first - began, pixels)
