"""The folder of evidence: files appear in it whole or not at all.

``evidence/2027-03-01/14-05-09.231-dock-fire-snapshot.jpg``: a folder for each day in UTC, so that
people find their way without the program. What is being written lies in ``evidence/.partial`` and
gets its name when it is whole and on disk; whatever is there at a start was not finished.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

PARTIAL = ".partial"
_SAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}/[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_SAME_NAMES = 1000


class EvidenceFolder:
    """The files below one folder; all methods raise OSError where the disk does not do as told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path / PARTIAL
        self._number = 0

    def prepare(self) -> int:
        """Make the folder, and delete what was not finished; how many files that were."""
        self._partial.mkdir(parents=True, exist_ok=True)
        left = [entry for entry in self._partial.iterdir() if entry.is_file()]
        for entry in left:
            entry.unlink()
        return len(left)

    def free_bytes(self) -> int:
        """What is free on its disk for this user."""
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    def write(self, data: bytes, at: float, what: str, suffix: str) -> str:
        """Write a file at once; gives its name, relative to the folder.

        Args:
            data: all of it.
            at: Unix time that it is of.
            what: camera, label and kind, joined by dashes.
            suffix: with its dot.
        """
        path, descriptor = self.begin()
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return self.finish(path, at, what, suffix)
        except OSError:
            self.give_up(path)
            raise

    def begin(self) -> tuple[Path, int]:
        """A new empty file that does not count yet, and its descriptor for reading and writing."""
        self._number += 1
        path = self._partial / f"{os.getpid()}-{self._number}"
        return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def finish(self, path: Path, at: float, what: str, suffix: str) -> str:
        """Let a file count that was written and synchronised; gives its name as :meth:`write`."""
        when = datetime.fromtimestamp(at, UTC)
        day = self.path / f"{when:%Y-%m-%d}"
        day.mkdir(exist_ok=True)
        stem = f"{when:%H-%M-%S}.{when.microsecond // 1000:03d}-{_SAFE.sub('_', what)}"
        for number in range(_SAME_NAMES):
            target = day / f"{stem}{f'-{number}' if number else ''}{suffix}"
            try:
                os.link(path, target)  # unlike a rename, it replaces nothing
            except FileExistsError:
                continue
            path.unlink()
            _sync(day)
            return f"{day.name}/{target.name}"
        raise FileExistsError(f"{day / stem}{suffix}: there are {_SAME_NAMES} of that name")

    def give_up(self, path: Path) -> None:
        """Delete a file that was begun."""
        with suppress(OSError):  # the next start does it
            path.unlink(missing_ok=True)

    def remove(self, file: str) -> None:
        """Delete a file, and its day's folder with the last one; one that is gone is no fault."""
        path = self.path_of(file)
        if path is None:
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # others are in it
            path.parent.rmdir()

    def path_of(self, file: str) -> Path | None:
        """Where a file is that the store names; None where that is no name of this folder's."""
        return self.path / file if _NAME.fullmatch(file) else None

    def files(self) -> Iterator[tuple[str, int, float]]:
        """Name, bytes and Unix time of the last change of each file that counts.

        Folders of others are not looked into: on a disk of its own there is a ``lost+found``, which
        root alone may read.
        """
        for day in sorted(self.path.iterdir()):
            if not _DAY.fullmatch(day.name) or not day.is_dir():
                continue
            for entry in sorted(day.iterdir()):
                try:
                    status = entry.lstat()
                except FileNotFoundError:  # deleted by hand since
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    yield f"{day.name}/{entry.name}", status.st_size, status.st_mtime


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
