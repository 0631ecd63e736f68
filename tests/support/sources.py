"""Opens sources in tests as workers do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.clock import Clock, SystemClock
from monitor.errors import SourceError
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.source import FrameSource, open_source
from monitor.ingest.status import SourceSettings


def settings_for(
    url: str | Path,
    *,
    username: str | None = None,
    password: str | None = None,
    fps: float = 1.0,
    decode: str = "auto",
    loop: bool = False,
    paced: bool = False,
    snapshot: bool = False,
    tls_verify: bool = True,
    timeout_seconds: float = 10.0,
    max_side: int = 1280,
) -> SourceSettings:
    """Settings of a camera named ``yard``."""
    return SourceSettings(
        camera="yard",
        url=str(url),
        username=username,
        password=password,
        fps=fps,
        decode=decode,
        loop=loop,
        paced=paced,
        snapshot=snapshot,
        tls_verify=tls_verify,
        open_timeout_seconds=timeout_seconds,
        read_timeout_seconds=timeout_seconds,
        max_side=max_side,
    )


@contextmanager
def opened(
    settings: SourceSettings,
    *,
    clock: Clock | None = None,
    progress: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
) -> Iterator[FrameSource]:
    """An open source, closed at the end."""
    source = open_source(
        settings,
        clock=clock or SystemClock(),
        progress=progress,
        stop=stop or threading.Event(),
    )
    try:
        yield source
    finally:
        source.close()


def read_until_fault(source: FrameSource) -> tuple[list[DecodedFrame], SourceError]:
    """The frames up to the error that ends them, and that error.

    Raises:
        AssertionError: no error came.
    """
    frames: list[DecodedFrame] = []
    frames_left = source.frames()
    while True:
        try:
            frame = next(frames_left, None)
        except SourceError as error:
            return frames, error
        if frame is None:
            break
        frames.append(frame)
    raise AssertionError(f"{len(frames)} frames, and no error")


def frames_of(
    settings: SourceSettings, count: int = 1000, *, seconds: float = 60.0
) -> list[DecodedFrame]:
    """The first ``count`` frames, fewer where the source ends.

    Raises:
        TimeoutError: they took longer than ``seconds``.
    """
    deadline = time.monotonic() + seconds
    frames: list[DecodedFrame] = []
    with opened(settings) as source:
        for frame in source.frames():
            frames.append(frame)
            if len(frames) >= count:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(frames)} of {count} frames after {seconds} s")
    return frames
