"""One SQLite file with its lock: opened or made, written in transactions, read.

What a store keeps is in :mod:`monitor.alerts.store`; here is how it gets to the disk and what is
said when it does not.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Self, TypeVar

from monitor.alerts.database import connect, is_damage, move_aside
from monitor.errors import StoreError
from monitor.state_dir import folder_trouble

IN_MEMORY = Path(":memory:")
"""The path of a store that is no file."""

T = TypeVar("T")


class StoreFile:
    """An open store: one connection, shared by threads under one lock."""

    set_aside: Path | None
    """Where the file that stood here was moved to when the store was opened, because it was
    damaged; None where it was sound or new."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        now: Callable[[], float],
        set_aside: Path | None,
    ) -> None:
        """Use :meth:`open`."""
        self.path = path
        self.set_aside = set_aside
        self._connection = connection
        self._now = now
        self._lock = threading.RLock()
        self._failing = False

    @classmethod
    def open(cls, path: Path, *, now: Callable[[], float] = time.time) -> Self:
        """Open the store, or make it with the folder that it stands in.

        A file that is damaged is renamed to ``<name>.corrupt-<time>`` and a new one begun;
        :attr:`set_aside` then says so.

        Raises:
            StoreError: the path cannot be used, or holds the data of another program or of a
                newer version.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(_unusable(path, error.strerror or error)) from error
        set_aside = None
        try:
            try:
                connection = connect(path)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                set_aside = move_aside(path, now())
                connection = connect(path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(_unusable(path, error)) from error
        return cls(path, connection, now, set_aside)

    @classmethod
    def in_memory(
        cls, *, now: Callable[[], float] = time.time, copy_of: Path | None = None
    ) -> Self:
        """A store that ends with this process.

        Args:
            now: gives Unix time.
            copy_of: a file whose content it begins with; it may be missing.

        Raises:
            StoreError: the file cannot be read.
        """
        connection = connect(IN_MEMORY)
        if copy_of is not None:
            try:
                with closing(connect(copy_of)) as source:
                    source.backup(connection)
            except (sqlite3.Error, StoreError) as error:
                connection.close()
                raise StoreError(f"{copy_of}: cannot be read ({error})") from error
        return cls(IN_MEMORY, connection, now, None)

    def copied_to_memory(self) -> Self:
        """A store in memory that holds what this one has written.

        Raises:
            StoreError: it cannot be read.
        """
        with self._lock:
            connection = connect(IN_MEMORY)
            try:
                self._connection.backup(connection)
            except sqlite3.Error as error:
                connection.close()
                raise StoreError(f"{self.path}: cannot be read ({error})") from error
            return type(self)(IN_MEMORY, connection, self._now, None)

    @property
    def failing(self) -> bool:
        """Whether the last try to write failed."""
        return self._failing

    def read_with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What statements read.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(lambda: work(self._connection))

    def change_with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do statements in one transaction; what they gave.

        Raises:
            StoreError: it is not on disk.
        """
        return self._must_commit(lambda: work(self._connection))

    def is_empty(self) -> bool:
        """Whether nothing was ever written here.

        Raises:
            StoreError: the store cannot be read.
        """

        def rows(connection: sqlite3.Connection) -> bool:
            return all(
                connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None  # noqa: S608 - a constant
                for table in ("events", "silences", "decisions")
            )

        return self.read_with(rows)

    def take_all(self, other: "StoreFile") -> None:
        """Hold what another store holds, and nothing else; all or nothing.

        Raises:
            StoreError: it is not on disk.
        """
        with self._lock, other._lock:
            try:
                other._connection.backup(self._connection)
            except sqlite3.Error as error:
                raise StoreError(
                    f"{self.path}: cannot be written ({error}); free space on that disk, or make "
                    "it writable"
                ) from error

    def _commit(self, work: Callable[[], None]) -> bool:
        """Do work in one transaction; whether it is on disk.

        Raises:
            StoreError: it is not, and the write before was.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            work()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._roll_back()
            first = not self._failing
            self._failing = True
            if first:
                raise StoreError(
                    f"{self.path}: cannot be written ({error}); alerts go on and wait in memory. "
                    "Free space on that disk, or make it writable"
                ) from error
            return False
        except BaseException:
            self._roll_back()  # a fault of the work, not of the disk
            raise
        self._failing = False
        return True

    def _roll_back(self) -> None:
        # Where even this fails the next BEGIN does too, and is told of in its place.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _must_commit(self, work: Callable[[], T]) -> T:
        """Do work in one transaction, for somebody who waits for the answer; what it gave.

        Raises:
            StoreError: it is not on disk.
        """
        done: list[T] = []
        with self._lock:
            if not self._commit(lambda: done.append(work())):
                raise StoreError(
                    f"{self.path}: cannot be written; free space on that disk, or make it writable"
                )
        return done[-1]

    def _read(self, work: Callable[[], T]) -> T:
        with self._lock:
            try:
                return work()
            except (sqlite3.Error, ValueError, TypeError) as error:
                # ValueError and TypeError: text within a row is not what was written there.
                raise StoreError(f"{self.path}: cannot be read ({error})") from error


def _unusable(path: Path, error: object) -> str:
    """A sentence that says why, as far as the folder tells, because SQLite does not: to it a full
    disk is a file that cannot be opened."""
    cure = folder_trouble(path.parent) or "let this user write it, or give another state_dir"
    return f"{path}: cannot be opened ({error}); {cure}"
