"""Reads small files that people name, and never waits for one."""

import errno
import os
import stat
from pathlib import Path


class NotRegularError(OSError):
    """What stands there is a pipe, a socket or a device: it may give nothing, or no end."""


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The first ``most_bytes`` of a regular file.

    Raises:
        NotRegularError: it is neither a file nor a folder.
        OSError: as for :func:`open`.
        ValueError: the path holds a NUL.
    """
    # Without O_NONBLOCK the opening of a pipe lasts until somebody writes into it.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularError(errno.EINVAL, "no regular file", str(path))
        return file.read(most_bytes)
