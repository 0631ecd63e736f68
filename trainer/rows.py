"""A file of rows of one size, found by key: what the trainer has computed and need not again.

Rows are only ever appended. A process that is killed while it writes leaves half a row at the
end, which is not read and is cut off before the next is written.
"""

import fcntl
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import TrainingError

KEY_BYTES = 32
"""Length of a key: a sha256."""
# Rows that are kept in memory before they are written: a stopped run loses at most these.
_FLUSH = 256


class Rows:
    """Rows of a structured type, whose field ``key`` is uint8 (32,)."""

    def __init__(self, path: Path, row: np.dtype[np.void]) -> None:
        """Read what is there; nothing is created.

        Raises:
            TrainingError: there is a file and it cannot be read.
        """
        self._path = path
        self._row = row
        self._known: dict[bytes, Any] = {}
        self._fresh: list[Any] = []
        try:
            if path.is_file():
                for known in np.fromfile(path, row, path.stat().st_size // row.itemsize):
                    self._known[known["key"].tobytes()] = known
        except OSError as error:
            raise TrainingError(
                f"{path}: what was computed before cannot be read: {error.strerror}; change its "
                "rights or give another cache folder"
            ) from error

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def __getitem__(self, key: bytes) -> Any:
        """The row of a key (32 bytes): a numpy record. KeyError where it is not known."""
        return self._known[key]

    def put(self, key: bytes, **values: Any) -> None:
        """Keep a row; it is written at the next flush.

        Raises:
            TrainingError: the file cannot be written.
        """
        row = np.zeros((), self._row)
        row["key"] = np.frombuffer(key, np.uint8)
        for name, value in values.items():
            row[name] = value
        self._known[key] = row
        self._fresh.append(row)
        if len(self._fresh) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Append what is new to the file.

        Raises:
            TrainingError: it cannot be written.
        """
        if not self._fresh:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                # Two runs may share a cache: neither must write into the other's row.
                fcntl.flock(file, fcntl.LOCK_EX)
                end = file.seek(0, 2)
                if end % self._row.itemsize:
                    file.truncate(end - end % self._row.itemsize)
                file.write(np.stack(self._fresh).tobytes())
        except OSError as error:
            raise TrainingError(
                f"{self._path}: what was computed cannot be written: {error.strerror}; free "
                "space, or give another cache folder"
            ) from error
        self._fresh.clear()
