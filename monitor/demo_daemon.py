"""The daemon of the demo: a process of its own, and what its log says."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from monitor.child_daemon import held_back, stop

LAST_LINES = 12
"""Lines of the log that are shown when something went wrong."""

_QUIET = frozenset({"started", "stopped", "worker_started"})
"""Events that tell nothing to somebody who watches the table."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of the log, for people."""

    level: str
    """``info``, ``warning`` or ``error``."""
    text: str


class DemoDaemon:
    """Runs ``emberwatch run`` while the ``with`` block lasts.

    Args:
        config: the configuration; its log format is JSON.
        log: the file that its log goes to.
    """

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self._read = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        """Where it listens; empty until its log says so."""

    def __enter__(self) -> "DemoDaemon":
        try:
            with self._log.open("wb") as log, held_back(signal.SIGTERM):
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "monitor", "run", str(self._config)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C is for the demo, which then stops its daemon in an orderly way.
                    start_new_session=True,
                    # A service manager that started the demo is told nothing by its daemon.
                    env={k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"},
                )
        except BaseException:
            stop(self._process)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stop(self._process)

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        return None if self._process is None else self._process.poll()

    def news(self) -> list[LogLine]:
        """What was logged since the last call, without what is said elsewhere."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        lines: list[LogLine] = []
        for raw in whole.decode("utf-8", "replace").splitlines():
            event = _event(raw)
            if event is None:
                continue
            if event.get("event") == "started":
                self.url = str(event.get("url", "")).rstrip("/")
            if event.get("event") not in _QUIET:
                lines.append(LogLine(str(event.get("level", "info")), tell(event)))
        return lines

    def last_lines(self) -> list[str]:
        """The end of the log, as it is."""
        return self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]


def _event(raw: str) -> dict[str, Any] | None:
    try:
        event = json.loads(raw)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def tell(event: dict[str, Any]) -> str:
    """A log event as one line for people.

    >>> tell({"timestamp": "2026-03-11T18:42:16.1Z", "event": "alert_firing", "alert": "fire",
    ...       "camera": "warehouse", "score": 0.91, "threshold": 0.6})
    '18:42:16 fire FIRING at warehouse: 0.91 against 0.6'
    """
    clock = str(event.get("timestamp", ""))[11:19]
    name = str(event.get("event", ""))
    if name.startswith("alert_") and "alert" in event:
        state = name.removeprefix("alert_").replace("_", " ")
        shown = "FIRING" if state == "firing" else state
        text = f"{event['alert']} {shown} at {event.get('camera', '?')}"
        if "score" in event:
            text += f": {event['score']:.2f} against {event.get('threshold', '?')}"
        return f"{clock} {text}"
    told = name.replace("_", " ")
    if name.startswith("camera_") and "camera" in event:
        told = f"camera {event['camera']} {told.removeprefix('camera ')}"
        event = {key: value for key, value in event.items() if key != "camera"}
    rest = ", ".join(
        f"{key} {value}"
        for key, value in event.items()
        if key not in ("timestamp", "event", "level")
    )
    return f"{clock} {told}{f': {rest}' if rest else ''}"
