"""The statements on what people said of events, and on the files that show what they were about.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import sqlite3
from collections.abc import Iterable

from monitor.alerts.events import Evidence, EvidenceKind, Verdict
from monitor.alerts.evidence_retention import Kept, rank_of

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


def verdict_of(connection: sqlite3.Connection, event_id: int) -> str | None:
    """What was said of an event last; None as well where there is none."""
    row = connection.execute("SELECT verdict FROM events WHERE id = ?", (event_id,)).fetchone()
    return None if row is None else row[0]


def to_harvest(connection: sqlite3.Connection) -> list[int]:
    """The events that were judged and not harvested since, the oldest first."""
    rows = connection.execute(
        "SELECT id FROM events WHERE verdict IS NOT NULL AND harvested_at IS NULL ORDER BY id"
    )
    return [number for (number,) in rows]


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


def event_at(connection: sqlite3.Connection, camera: str, incident: str, at: float) -> int | None:
    """The event of a camera's incident that was going on at a Unix time, or had just begun."""
    row = connection.execute(
        "SELECT id FROM events WHERE camera = ? AND incident = ? AND began_at <= ? "
        "AND (ended_at IS NULL OR ended_at >= ?) ORDER BY id DESC LIMIT 1",
        (camera, incident, at, at),
    ).fetchone()
    return None if row is None else int(row[0])


def kept(connection: sqlite3.Connection) -> list[Kept]:
    """All files, with how dear their events are."""
    rows = connection.execute(
        "SELECT evidence.id, file, bytes, captured_at, kind, ended_at, acknowledged_at, verdict, "
        "harvested_at FROM evidence JOIN events ON events.id = event_id"
    )
    return [
        Kept(
            number,
            file,
            size,
            captured,
            rank_of(
                kind,
                is_open=ended is None,
                acknowledged=acknowledged is not None,
                verdict=verdict,
                harvested=harvested is not None,
            ),
        )
        for number, file, size, captured, kind, ended, acknowledged, verdict, harvested in rows
    ]


def one(connection: sqlite3.Connection, number: int) -> Evidence | None:
    """One file; None where there is none with that id."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM evidence WHERE id = ?",  # noqa: S608 - a constant
        (number,),
    ).fetchone()
    return None if row is None else Evidence(*row)


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
