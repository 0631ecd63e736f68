"""The file of the event store: opened with the right pragmas, checked, and set aside if damaged."""

import sqlite3
import time
from pathlib import Path

from monitor.alerts import tables
from monitor.alerts.migrations import migrate
from monitor.errors import StoreError

OPEN_BUSY_SECONDS = 5.0
"""How long an opening waits for another process that holds the file, such as a backup."""

BUSY_SECONDS = 0.2
"""How long a write waits for it: the daemon's loop stands still meanwhile, and what could not be
written is tried again."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(path: Path) -> sqlite3.Connection:
    """Open and check a file, and bring its schema up to date.

    Raises:
        StoreError: it is another program's, or of a newer version.
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    connection = sqlite3.connect(
        path, timeout=OPEN_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _Damaged(verdict)
        migrate(connection)
        _check_schema(connection)
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    except StoreError as error:
        connection.close()
        raise StoreError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its error, and that text is what cannot be decoded.
        connection.close()
        raise _Damaged("its schema is no text") from error
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check_schema(connection: sqlite3.Connection) -> None:
    """See that every table and column is there.

    Raises:
        sqlite3.DatabaseError: one is not, or the file cannot be read.
    """
    try:
        tables.probe(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise _Damaged(str(error)) from error
        raise


class _Damaged(sqlite3.DatabaseError):
    """SQLite's own check of the file found a fault."""


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file's content is at fault, and not the way to it."""
    if isinstance(error, _Damaged):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def move_aside(path: Path, now: float) -> Path:
    """Rename a damaged file, with its log, and give its new name.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(target.with_name(target.name + suffix))
    return target
