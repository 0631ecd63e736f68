"""Live updates: one look at the daemon for all who listen, and only what has changed.

How many listen is bounded, and so is what waits for each of them: who does not read is dropped, and
may come again; each connection begins with the whole state, so nothing is missed for good.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi.concurrency import run_in_threadpool

from monitor.web.health import readiness, sight, worst_alert
from monitor.web.page import headline
from monitor.web.view import CameraView, Snapshot, StateView

LOOK_SECONDS = 0.5
"""Time between two looks, while somebody listens."""

BEAT_SECONDS = 10.0
"""A listener hears something at least this often, or knows that the line or the daemon is dead:
pages say so after 25 s. It is an event of its own, since scripts are told of no comment, and comes
from who looks: it says that the state is looked at."""

MOST_SECONDS = 300.0
"""A stream lasts no longer; browsers connect again by themselves."""

MOST_LISTENERS = 32
MOST_WAITING = 16
"""Messages that wait for one listener; looks that changed something, so half a minute and more."""


class TooManyListenersError(Exception):
    """As many listen as may."""


@dataclass(eq=False)
class Listener:
    """Somebody who listens."""

    holds: Callable[[], bool]
    """Whether they still may; asked at each look."""
    waiting: asyncio.Queue[bytes | None] = field(
        default_factory=lambda: asyncio.Queue(MOST_WAITING)
    )
    dropped: bool = False


class Live:
    """Tells all who listen. For one event loop, apart from :attr:`listeners` and the counts.

    Args:
        view: the daemon's state.
    """

    def __init__(self, view: StateView) -> None:
        self._view = view
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._known: dict[str, dict[str, Any]] = {}
        self._headline: dict[str, Any] = {}
        self._closed = False
        self.dropped = 0
        """Listeners that did not read."""

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def listen(self, holds: Callable[[], bool] = lambda: True) -> AsyncIterator[bytes]:
        """What to send to one more listener, beginning with the whole state.

        Args:
            holds: whether they still may listen; the stream ends where they may not. Must not
                block.

        Raises:
            TooManyListenersError: as many listen as may.
        """
        if len(self._listeners) >= MOST_LISTENERS or self._closed:
            raise TooManyListenersError
        return self._messages(Listener(holds))

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        for listener in list(self._listeners):
            self._drop(listener)

    async def _messages(self, listener: Listener) -> AsyncIterator[bytes]:
        self._listeners.add(listener)
        try:
            snapshot = await run_in_threadpool(self._view.snapshot)
            if self._task is None or self._task.done():
                self._known = {c.name: _camera(snapshot, c) for c in snapshot.cameras}
                self._headline = _headline(snapshot)
                self._task = asyncio.create_task(self._look_on())
            cameras = [_camera(snapshot, camera) for camera in snapshot.cameras]
            yield _message("state", {**_headline(snapshot), "cameras": cameras})
            loop = asyncio.get_running_loop()
            ends = loop.time() + MOST_SECONDS
            while not listener.dropped and (left := ends - loop.time()) > 0:
                try:
                    text = await asyncio.wait_for(listener.waiting.get(), left)
                except TimeoutError:
                    return
                if text is None:
                    return
                yield text
        finally:
            self._listeners.discard(listener)

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        told = loop.time()
        while self._listeners:
            await asyncio.sleep(LOOK_SECONDS)
            text = self._changes(await run_in_threadpool(self._view.snapshot))
            for listener in list(self._listeners):
                if not listener.holds():
                    self._drop(listener)
            if text is None and loop.time() - told >= BEAT_SECONDS:
                text = _message("beat", {})
            if text is not None:
                told = loop.time()
                self._tell(text)

    def _tell(self, text: bytes) -> None:
        """Let a message wait for all who listen; those who did not take the ones before are
        dropped."""
        for listener in list(self._listeners):
            try:
                listener.waiting.put_nowait(text)
            except asyncio.QueueFull:
                self.dropped += 1
                self._drop(listener)

    def _changes(self, snapshot: Snapshot) -> bytes | None:
        """A message of what is not as it was at the last look; None where all is."""
        cameras = {camera.name: _camera(snapshot, camera) for camera in snapshot.cameras}
        changed = [now for name, now in cameras.items() if self._known.get(name) != now]
        gone = [name for name in self._known if name not in cameras]
        top = _headline(snapshot)
        if not changed and not gone and top == self._headline:
            return None
        self._known, self._headline = cameras, top
        return _message("change", {**top, "cameras": changed, "gone": gone})

    def _drop(self, listener: Listener) -> None:
        listener.dropped = True
        self._listeners.discard(listener)
        if not listener.waiting.full():
            listener.waiting.put_nowait(None)


def _headline(snapshot: Snapshot) -> dict[str, Any]:
    judged = readiness(snapshot)
    return {"headline": headline(snapshot, judged), "ready": judged.ready}


def _camera(snapshot: Snapshot, camera: CameraView) -> dict[str, Any]:
    scores = snapshot.current_scores(camera)
    return {
        "name": camera.name,
        "sight": sight(snapshot, camera).value,
        "state": worst_alert(camera).label,
        "scores": scores and {label: round(score, 2) for label, score in scores.items()},
        "alerts": [
            {"alert": alert.alert, "state": alert.state.label, "silenced": alert.silenced}
            for alert in camera.alerts
        ],
    }


def _message(event: str, data: dict[str, Any]) -> bytes:
    # JSON has no line breaks of its own, which would end the message.
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
