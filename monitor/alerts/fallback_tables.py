"""The statements that carry over what a store in memory was told while it stood for the file.

Row numbers of the two may differ, so rows are known by what they tell: an event by camera, incident
and begin, a transition by alert, state and time, a delivery by its key. Which events changed is
noted by triggers and not found by their times: the clock may be set meanwhile. Functions raise
sqlite3.Error.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_EVENT = (
    "camera, incident, began_at, alert, label, fired_at, ended_at, peak_score, site, "
    "acknowledged_at, acknowledged_by, verdict, verdict_at, verdict_by, harvested_at"
)
_STEP = "alert, event, at, label, score, why, box, silenced"
_DELIVERY = "sink, key, kind, created_at, attempts, next_try_at, done_at, result, error"
_EVIDENCE = "file, kind, bytes, captured_at, created_at"
_SILENCE = "camera, label, created_at, created_by, ends_at, comment"

_NOTES = (
    "PRAGMA temp_store = MEMORY",
    "CREATE TEMP TABLE changed (event_id INTEGER PRIMARY KEY)",
    *(
        f"CREATE TEMP TRIGGER note_{change}_{table} AFTER {change} ON main.{table} "  # noqa: S608 - constants
        f"BEGIN INSERT OR IGNORE INTO changed VALUES (new.{column}); END"
        for table, column in (
            ("events", "id"),
            ("deliveries", "event_id"),
            ("evidence", "event_id"),
        )
        for change in ("insert", "update")
    ),
)

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of events that changed in memory, each list in the order of its numbers."""

    events: list[Row]
    """Number, number of the event that began its incident, and what _EVENT names."""
    steps: list[Row]
    """Number, number of the event, and what _STEP names."""
    deliveries: list[Row]
    """Numbers of the event and the step, and what _DELIVERY names."""
    evidence: list[Row]
    """Number of the event, and what _EVIDENCE names."""
    silences: list[Row]
    """What _SILENCE names, of all silences."""


def note_changes(connection: sqlite3.Connection) -> None:
    """Note from now on which events change."""
    for statement in _NOTES:
        connection.execute(statement)


def get(connection: sqlite3.Connection) -> Kept:
    """What changed since :func:`note_changes`."""

    def rows(columns: str, table: str, where: str = "event_id IN changed") -> list[Row]:
        return connection.execute(
            f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id"  # noqa: S608 - constants
        ).fetchall()

    begun_by = "SELECT incident_id FROM events WHERE id IN changed"
    return Kept(
        rows(f"id, incident_id, {_EVENT}", "events", f"id IN changed OR id IN ({begun_by})"),
        rows(f"id, event_id, {_STEP}", "transitions"),
        rows(f"event_id, transition_id, {_DELIVERY}", "deliveries"),
        rows(f"event_id, {_EVIDENCE}", "evidence"),
        rows(_SILENCE, "silences", "true"),
    )


def put(connection: sqlite3.Connection, kept: Kept) -> None:
    """Bring the store of a file to what was kept. What commands wrote to it meanwhile stays."""
    events: dict[int, int] = {}
    for number, incident_id, *event in kept.events:
        events[number] = _put_event(connection, dict(zip(_EVENT.split(", "), event, strict=True)))
        connection.execute(
            "UPDATE events SET incident_id = ? WHERE id = ? AND incident_id = 0",
            (events.get(incident_id, events[number]), events[number]),
        )
    steps = {
        number: _put_step(connection, events[event_id], step)
        for number, event_id, *step in kept.steps
    }
    for event_id, step_id, *delivery in kept.deliveries:
        connection.execute(
            f"INSERT INTO deliveries (event_id, transition_id, {_DELIVERY}) "  # noqa: S608 - a constant
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at, "
            "attempts = max(attempts, excluded.attempts), next_try_at = excluded.next_try_at, "
            "done_at = excluded.done_at, result = excluded.result, error = excluded.error "
            "WHERE done_at IS NULL",
            (events[event_id], steps.get(step_id), *delivery),
        )
    for event_id, file, *rest in kept.evidence:
        connection.execute(
            f"INSERT INTO evidence (event_id, {_EVIDENCE}) SELECT ?, ?, ?, ?, ?, ? "  # noqa: S608 - a constant
            "WHERE NOT EXISTS (SELECT 1 FROM evidence WHERE event_id = ? AND file = ?)",
            (events[event_id], file, *rest, events[event_id], file),
        )
    for silence in kept.silences:
        _put_silence(connection, silence)


def _put_event(connection: sqlite3.Connection, event: dict[str, Any]) -> int:
    """Its number here."""
    found = connection.execute(
        "SELECT id FROM events WHERE camera = :camera AND incident = :incident "
        "AND began_at = :began_at",
        event,
    ).fetchone()
    if found is None:
        # One that is open here and that memory did not know goes on: it could not be read then,
        # and its alert was found anew.
        found = connection.execute(
            "SELECT id FROM events WHERE camera = :camera AND incident = :incident "
            "AND ended_at IS NULL",
            event,
        ).fetchone()
    if found is None:
        found = connection.execute(
            "INSERT INTO events (camera, incident, alert, label, state, began_at, peak_score, site)"
            " VALUES (:camera, :incident, :alert, :label, 'pending', :began_at, :peak_score, :site)"
            " RETURNING id",
            event,
        ).fetchone()
    event["id"] = found[0]
    connection.execute(
        "UPDATE events SET "
        "alert = iif(:fired_at IS NULL AND fired_at IS NOT NULL, alert, :alert), "
        "label = iif(:fired_at IS NULL AND fired_at IS NOT NULL, label, :label), "
        "state = CASE coalesce(fired_at, :fired_at) IS NULL "
        "WHEN true THEN iif(:ended_at IS NULL, 'pending', 'inactive') "
        "ELSE iif(:ended_at IS NULL, 'firing', 'resolved') END, "
        "fired_at = coalesce(fired_at, :fired_at), ended_at = :ended_at, "
        "peak_score = max(peak_score, :peak_score), "
        # The first who has seen it counts, and the newest verdict.
        "acknowledged_by = coalesce(acknowledged_by, :acknowledged_by), "
        "acknowledged_at = coalesce(acknowledged_at, :acknowledged_at) WHERE id = :id",
        event,
    )
    connection.execute(
        "UPDATE events SET verdict = :verdict, verdict_at = :verdict_at, "
        "verdict_by = :verdict_by, harvested_at = :harvested_at "
        "WHERE id = :id AND :verdict_at > coalesce(verdict_at, 0)",
        event,
    )
    return int(event["id"])


def _put_step(connection: sqlite3.Connection, event_id: int, step: Row) -> int:
    """Its number here."""
    found = connection.execute(
        "SELECT id FROM transitions WHERE event_id = ? AND alert = ? AND event = ? AND at = ?",
        (event_id, *step[:3]),
    ).fetchone()
    if found is None:
        found = connection.execute(
            f"INSERT INTO transitions (event_id, {_STEP}) "  # noqa: S608 - a constant
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (event_id, *step),
        ).fetchone()
    return int(found[0])


def _put_silence(connection: sqlite3.Connection, silence: Row) -> None:
    """One that is on both sides ends when the first of them says: nobody makes one longer."""
    *which, ends_at, comment = silence
    there = connection.execute(
        "UPDATE silences SET ends_at = min(ends_at, ?) "
        "WHERE camera = ? AND label IS ? AND created_at = ? AND created_by = ?",
        (ends_at, *which),
    ).rowcount
    if not there:
        connection.execute(
            f"INSERT INTO silences ({_SILENCE}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            (*which, ends_at, comment),
        )
