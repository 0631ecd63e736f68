"""A store in memory for one whose file cannot be opened."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import structlog

from monitor.alerts.store import EventStore
from monitor.errors import StoreError

_MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
_LARGEST_COPY_BYTES = 256 * 1024 * 1024

log = structlog.get_logger(__name__)


def store_in_memory(path: Path, now: Callable[[], float]) -> EventStore:
    """A store in memory, with what the real one held where that is read.

    The file is copied for the moment of reading, since it cannot be opened where it is; nothing
    of the copy is left, however this process ends later.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="emberwatch-", dir=_MEMORY_FOLDER) as folder:
            for suffix in ("", "-wal"):
                source = path.with_name(path.name + suffix)
                if source.is_file() and source.stat().st_size <= _LARGEST_COPY_BYTES:
                    shutil.copyfile(source, Path(folder) / source.name)
            return EventStore.in_memory(now=now, copy_of=Path(folder) / path.name)
    except (OSError, StoreError) as error:
        # It cannot be read, does not fit, or is another program's: begin with nothing.
        log.warning("store_unreadable", path=str(path), error=str(error))
        return EventStore.in_memory(now=now)
