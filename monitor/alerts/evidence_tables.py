"""The statements on what people said of events, and on the files that show what they were about.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import sqlite3
from collections.abc import Iterable

from monitor.alerts.events import Evidence, EvidenceKind, Verdict

_COLUMNS = "id, event_id, kind, file, bytes, captured_at, created_at"


def probe(connection: sqlite3.Connection) -> None:
    """Compile a statement on the table: an error says that the schema is not as it must be."""
    connection.execute(f"SELECT {_COLUMNS} FROM evidence LIMIT 0")  # noqa: S608 - a constant


def acknowledge(connection: sqlite3.Connection, event_id: int, by: str, at: float) -> None:
    """Note who has seen an event first; who comes later changes nothing."""
    connection.execute(
        "UPDATE events SET acknowledged_at = ?, acknowledged_by = ? "
        "WHERE id = ? AND acknowledged_at IS NULL",
        (at, by, event_id),
    )


def judge(
    connection: sqlite3.Connection, event_id: int, verdict: Verdict | None, by: str, at: float
) -> None:
    """Note what somebody found an event to be, in place of what was said before.

    A verdict that changes makes the event one to harvest again.
    """
    connection.execute(
        "UPDATE events SET verdict_at = ?, verdict_by = ?, "
        "harvested_at = CASE WHEN verdict IS ? THEN harvested_at END, verdict = ? WHERE id = ?",
        (at, by, verdict, verdict, event_id),
    )


def mark_harvested(connection: sqlite3.Connection, event_ids: Iterable[int], at: float) -> None:
    """Note that the pictures of events were written out for training."""
    connection.executemany(
        "UPDATE events SET harvested_at = ? WHERE id = ?",
        [(at, event_id) for event_id in event_ids],
    )


def add(
    connection: sqlite3.Connection,
    *,
    event_id: int,
    kind: EvidenceKind,
    file: str,
    size_bytes: int,
    captured_at: float,
    created_at: float,
) -> Evidence | None:
    """Keep that a file shows an event; gives it with its id, None where there is no such event."""
    row = connection.execute(
        "INSERT INTO evidence (event_id, kind, file, bytes, captured_at, created_at) "
        "SELECT id, ?, ?, ?, ?, ? FROM events WHERE id = ? RETURNING id",
        (kind, file, size_bytes, captured_at, created_at, event_id),
    ).fetchone()
    if row is None:
        return None
    return Evidence(row[0], event_id, kind, file, size_bytes, captured_at, created_at)


def of_event(connection: sqlite3.Connection, event_id: int) -> list[Evidence]:
    """The files that show an event, in the order in which they were added."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM evidence WHERE event_id = ? ORDER BY id",  # noqa: S608 - a constant
        (event_id,),
    )
    return [Evidence(*row) for row in rows]


def oldest(connection: sqlite3.Connection, limit: int) -> list[Evidence]:
    """The files that were captured first, the oldest at the front."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM evidence ORDER BY captured_at, id LIMIT ?",  # noqa: S608 - a constant
        (limit,),
    )
    return [Evidence(*row) for row in rows]


def forget(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Delete rows of files that are gone."""
    connection.executemany("DELETE FROM evidence WHERE id = ?", [(number,) for number in numbers])
