"""Copies of a store row by row: of one that is damaged, all that can still be read.

A copy page by page takes damage along. One row by row makes tables and indices anew.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

import structlog

_TABLES = ("events", "transitions", "deliveries", "evidence", "silences", "decisions")
"""Those that others refer to come first."""

_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)

log = structlog.get_logger(__name__)


def is_sound(connection: sqlite3.Connection) -> bool:
    """Whether SQLite's quick check of all pages finds no fault.

    It costs what reading all of it does: 0.1 s for 50 MB in memory.
    """
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except _UNREADABLE:
        return False
    return bool(verdict == "ok")


def copy_rows(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Add all rows that can be read, with their numbers, within a transaction of the target.

    Rows that fit no table any more, and those of events that are lost, are left out.

    Args:
        source: a store, perhaps damaged.
        target: an empty store of the same schema.

    Raises:
        sqlite3.Error: the target cannot be written.
    """
    target.execute("PRAGMA defer_foreign_keys = ON")
    damaged = []
    for table in _TABLES:
        faults: list[Exception] = []
        for row in _rows(source, table, faults):
            places = ", ".join("?" * len(row))
            try:
                target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row)  # noqa: S608 - constants
            except sqlite3.IntegrityError as error:
                faults.append(error)
        if faults:
            damaged.append(table)
    for table in ("transitions", "deliveries", "evidence"):
        target.execute(f"DELETE FROM {table} WHERE event_id NOT IN (SELECT id FROM events)")  # noqa: S608 - a constant
    # What is to be told is told even where the step that it tells of is lost.
    target.execute(
        "UPDATE deliveries SET transition_id = NULL "
        "WHERE transition_id NOT IN (SELECT id FROM transitions)"
    )
    if damaged:
        log.warning("store_salvaged", incomplete=damaged)


def _rows(
    source: sqlite3.Connection, table: str, faults: list[Exception]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a table from the newest on; from the oldest on as well where that meets damage,
    so that some rows may come twice."""
    for order in ("DESC", "ASC"):
        try:
            yield from source.execute(
                f"SELECT * FROM {table} NOT INDEXED ORDER BY rowid {order}"  # noqa: S608 - constants
            )
        except _UNREADABLE as error:
            faults.append(error)
        else:
            return
