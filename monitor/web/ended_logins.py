"""The logins that were ended before their time, kept over restarts in a small file.

Numbers and end times alone, which say nothing of a cookie. A disk that does not take them costs
nobody the logout: they hold in this process all the same.
"""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import structlog

MOST_ENDED = 4096
_LONGEST_FILE = 1_000_000
_LONGEST_NUMBER = 64

log = structlog.get_logger(__name__)


class EndedLogins:
    """Which logins hold no more. Safe between threads.

    Args:
        file: where they are kept; None: in memory alone. Its folder is there, or made by others.
        wall: gives Unix time.
    """

    def __init__(self, file: Path | None, *, wall: Callable[[], float]) -> None:
        self._file = file
        self._wall = wall
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ended: OrderedDict[str, int] = OrderedDict()
        if file is not None:
            self._ended.update(_read(file))

    def __contains__(self, number: str) -> bool:
        with self._lock:
            return number in self._ended

    def add(self, number: str, ends_at: int) -> None:
        """One more, until its time would have been over (Unix time). In memory; :meth:`keep`
        writes it."""
        with self._lock:
            now = self._wall()
            self._ended[number] = ends_at
            for old in [old for old, until in self._ended.items() if until <= now]:
                del self._ended[old]
            while len(self._ended) > MOST_ENDED:
                self._ended.popitem(last=False)

    def keep(self) -> None:
        """Write them to disk; one that does not take them is logged. May take its time."""
        if self._file is None:
            return
        # Not under the lock of those who read: a disk that hangs holds up no page.
        with self._writing:
            with self._lock:
                text = json.dumps(self._ended)
            try:
                _write(self._file, text)
            except OSError as error:
                log.warning("ended_login_not_kept", path=str(self._file), error=str(error))


def _read(file: Path) -> dict[str, int]:
    """What was kept; nothing where there is none, or none that can be understood, which is logged:
    those cookies hold again until they are over."""
    try:
        with file.open("rb") as opened:
            data = json.loads(opened.read(_LONGEST_FILE))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("ended_logins_unreadable", path=str(file), error=str(error))
        return {}
    if not isinstance(data, dict):
        log.warning("ended_logins_unreadable", path=str(file), error="it holds no table")
        return {}
    kept = [
        (number, until)
        for number, until in data.items()
        if isinstance(until, int) and len(number) <= _LONGEST_NUMBER
    ]
    return dict(kept[-MOST_ENDED:])


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    fresh = file.with_name(f"{file.name}.partial")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
