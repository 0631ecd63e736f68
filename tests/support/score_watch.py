"""Looks at a daemon's metrics all the time, so that no moment of a fault goes unseen."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.support.daemon import DEADLINE_SECONDS, wait_for

PAUSE_SECONDS = 0.15
DETECTED_SECONDS = 30.0
"""A fault must be named within this time."""

_SAMPLE = re.compile(r"^emberwatch_(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(slots=True)
class Sight:
    """What one look at the metrics says of one camera."""

    at: float
    """Monotonic, seconds."""
    up: bool = False
    reason: str = ""
    health: str = ""
    age_seconds: float = float("nan")
    stale_after_seconds: float = float("inf")
    scored: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    alerts: dict[str, float] = field(default_factory=dict)

    @property
    def blind(self) -> bool:
        """Whether the daemon says that it sees nothing there."""
        return not self.up or self.health == "frozen" or self.age_seconds > self.stale_after_seconds


class ScoreWatch:
    """A thread that scrapes; use it as a context manager. ``sights`` grows for each camera."""

    def __init__(self, url: str, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._url = url
        self._pause = pause_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="score-watch", daemon=True)
        self.sights: dict[str, list[Sight]] = {}
        self.looks = 0
        """Scrapes that were answered."""

    def __enter__(self) -> "ScoreWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(DEADLINE_SECONDS)

    def last(self, camera: str) -> Sight:
        """The newest sight; an empty one before the first."""
        seen = self.sights.get(camera)
        return seen[-1] if seen else Sight(0.0)

    def wait(
        self,
        camera: str,
        condition: Callable[[Sight], bool],
        what: str,
        *,
        since: float = 0.0,
        seconds: float = DEADLINE_SECONDS,
    ) -> Sight:
        """The first sight after ``since`` of which the condition holds."""

        def found() -> Sight | None:
            seen = self.sights.get(camera, [])
            for sight in reversed(seen[-2000:]):
                if sight.at < since:
                    break
                if condition(sight):
                    return sight
            return None

        sight: Sight = wait_for(found, f"{camera}: {what} (last {self.last(camera)})", seconds)
        seen = [s for s in self.sights[camera] if s.at >= since and s.at <= sight.at]
        return next(each for each in seen if condition(each))

    def between(self, camera: str, begin: float, end: float) -> list[Sight]:
        """All sights of a camera in this time."""
        return [sight for sight in self.sights.get(camera, []) if begin <= sight.at <= end]

    def forget(self, before: float) -> None:
        """Drop older sights: for runs of many minutes."""
        for camera, seen in list(self.sights.items()):
            self.sights[camera] = [sight for sight in seen if sight.at >= before]

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=5) as client:
            while not self._stop.wait(self._pause):
                asked = time.monotonic()
                try:
                    text = client.get("/metrics").text
                except httpx.TransportError:
                    continue
                self._read(text, asked)
                self.looks += 1

    def _read(self, text: str, at: float) -> None:
        now: dict[str, Sight] = {}
        for name, labels_text, value_text in _SAMPLE.findall(text):
            labels = dict(_LABEL.findall(labels_text))
            camera = labels.get("camera")
            if camera is None:
                continue
            sight = now.setdefault(camera, Sight(at))
            value = float(value_text)
            match name:
                case "camera_up":
                    sight.up = value == 1
                case "camera_down_reason" if value:
                    sight.reason = labels["reason"]
                case "camera_health" if value:
                    sight.health = labels["health"]
                case "frame_age_seconds":
                    sight.age_seconds = value
                case "camera_stale_after_seconds":
                    sight.stale_after_seconds = value
                case "frames_scored_total":
                    sight.scored = value
                case "score":
                    sight.scores[labels["label"]] = value
                case "alert_state":
                    sight.alerts[labels["alert"]] = value
        for camera, sight in now.items():
            self.sights.setdefault(camera, []).append(sight)
