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

from monitor.alerts import fallback_tables
from monitor.alerts.database import connect, is_damage, move_aside
from monitor.alerts.salvage import copy_rows, is_sound
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
        self._damaged = False

    @classmethod
    def open(
        cls, path: Path, *, now: Callable[[], float] = time.time, distrusted: bool = False
    ) -> Self:
        """Open the store, or make it with the folder that it stands in.

        A file that is damaged is renamed to ``<name>.corrupt-<time>`` and a new one begun;
        :attr:`set_aside` then says so.

        Args:
            path: the file.
            now: gives Unix time.
            distrusted: take it for damaged without a look: the quick check does not find all that
                statements stumble on.

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
                if distrusted and path.is_file():
                    set_aside = move_aside(path, now())
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
        fallback_tables.note_changes(connection)
        return cls(IN_MEMORY, connection, now, None)

    def copied_to_memory(self) -> Self:
        """A store in memory that holds what this one has written; of one that is damaged, what
        can be read."""
        with self._lock:
            connection = connect(IN_MEMORY)
            whole = not self._damaged
            try:
                if whole:
                    self._connection.backup(connection)
                    whole = is_sound(connection)
                    self._damaged = not whole
            except sqlite3.Error as error:
                self._note_damage(error)
                whole = False
            if not whole:
                connection.close()
                connection = connect(IN_MEMORY)
                connection.execute("BEGIN")
                copy_rows(self._connection, connection)
                connection.execute("COMMIT")
            fallback_tables.note_changes(connection)
            return type(self)(IN_MEMORY, connection, self._now, None)

    @property
    def failing(self) -> bool:
        """Whether the last try to write failed."""
        return self._failing

    @property
    def damaged(self) -> bool:
        """Whether a statement stumbled on what the file holds."""
        return self._damaged

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
            self._note_damage(error)
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

    def _note_damage(self, error: Exception) -> None:
        self._damaged |= isinstance(error, sqlite3.DatabaseError) and is_damage(error)

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
                self._note_damage(error)
                raise StoreError(f"{self.path}: cannot be read ({error})") from error


def _unusable(path: Path, error: object) -> str:
    """A sentence that says why, as far as the folder tells, because SQLite does not: to it a full
    disk is a file that cannot be opened."""
    cure = folder_trouble(path.parent) or "let this user write it, or give another state_dir"
    return f"{path}: cannot be opened ({error}); {cure}"
