"""The statements on silences, and how a command opens the store of a daemon that may be running.

Functions on a connection raise sqlite3.Error.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from monitor.alerts.migrations import APPLICATION_ID, STEPS
from monitor.alerts.silences import Silence
from monitor.errors import StoreError

_COLUMNS = "id, camera, label, created_at, ends_at, created_by, comment"
_BUSY_SECONDS = 5.0


def probe(connection: sqlite3.Connection) -> None:
    """Compile a statement on the table: an error says that the schema is not as it must be."""
    connection.execute(f"SELECT {_COLUMNS} FROM silences LIMIT 0")  # noqa: S608 - a constant


def add(
    connection: sqlite3.Connection,
    *,
    camera: str,
    label: str | None,
    created_at: float,
    ends_at: float,
    created_by: str,
    comment: str,
) -> Silence:
    """Keep a silence; gives it with its id."""
    (number,) = connection.execute(
        "INSERT INTO silences (camera, label, created_at, ends_at, created_by, comment) "
        "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (camera, label, created_at, ends_at, created_by, comment),
    ).fetchone()
    return Silence(number, camera, label, created_at, ends_at, created_by, comment)


def ending_after(connection: sqlite3.Connection, at: float) -> list[Silence]:
    """Silences that end after a Unix time, the one that ends first at the front."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM silences WHERE ends_at > ? "  # noqa: S608 - a constant
        "ORDER BY ends_at, id",
        (at,),
    )
    return [Silence(*row) for row in rows]


def expire(connection: sqlite3.Connection, number: int, at: float) -> Silence | None:
    """End a silence now; gives it as it was, or None where there is none that would end later."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM silences WHERE id = ? AND ends_at > ?",  # noqa: S608 - a constant
        (number, at),
    ).fetchone()
    if row is None:
        return None
    connection.execute("UPDATE silences SET ends_at = ? WHERE id = ?", (at, number))
    return Silence(*row)


def prune(connection: sqlite3.Connection, before: float) -> None:
    """Delete silences that ended before a Unix time."""
    connection.execute("DELETE FROM silences WHERE ends_at < ?", (before,))


@contextmanager
def daemon_store(path: Path) -> Iterator[sqlite3.Connection]:
    """The store of a daemon, in one transaction that is written when the block ends well.

    The file is never made here: its owner is the daemon's user. SQLite gives the files beside it
    to that owner as well, where root opens it.

    Raises:
        StoreError: there is no store, it is of another version, or it cannot be written.
    """
    try:
        path.stat()
    except FileNotFoundError as error:
        raise StoreError(
            f"{path}: there is no event store; start the daemon once with this configuration"
        ) from error
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be read ({error.strerror}); run this as root or as the daemon's user"
        ) from error
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
        )
        with closing(connection):
            _check_version(connection, path)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be written ({error}); {_cure(error)}") from error


def _cure(error: sqlite3.Error) -> str:
    """What to do about a store that cannot be written, by SQLite's primary code."""
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "free space on its disk"
        case sqlite3.SQLITE_IOERR:
            return "see whether its disk is full or fails"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another program holds it; try again in a moment"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return "it is damaged; the daemon sets it aside when it meets that, or at its start"
    return "run this as root or as the daemon's user"


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: is no event store of Emberwatch; correct state_dir")
    if version != len(STEPS):
        raise StoreError(
            f"{path}: was written by another version of Emberwatch; start the daemon of this one"
        )
