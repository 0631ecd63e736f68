"""One daemon for one ``state_dir``: two would write the same events and the same decisions."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from monitor.errors import ConfigError

NAME = "lock"

log = structlog.get_logger(__name__)


@contextmanager
def state_lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the kernel lets go of it however the process ends.

    Where the lock cannot be made (a full or read-only disk) the watch goes on without it: that is
    worth more than the guard against a second daemon.

    Raises:
        ConfigError: another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("state_unlocked", path=str(folder), error=error.strerror)
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"state_dir: {folder} is in use by another daemon; give each its own, or stop the "
                "other"
            ) from error
        yield
    finally:
        os.close(descriptor)
