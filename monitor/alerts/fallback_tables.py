"""The statements that carry over what a store in memory was told while it stood for the file.

Transitions are recorded anew; here is what is beside them. Row numbers of the two may differ, so
events are known by camera, incident and begin. Functions raise sqlite3.Error.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_FEEDBACK = "acknowledged_at, acknowledged_by, verdict, verdict_at, verdict_by, harvested_at"
_DELIVERY = "sink, key, kind, created_at, attempts, next_try_at, done_at, result, error"


Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """What people, evidence and sinks added; each row begins with camera, incident and begin of
    its event."""

    feedback: list[Row]
    """Then what _FEEDBACK names, and when it ended."""
    evidence: list[Row]
    """Then kind, file, bytes, captured_at and created_at."""
    deliveries: list[Row]
    """Then what _DELIVERY names."""


def get(connection: sqlite3.Connection, since: float) -> Kept:
    """What was added since a Unix time."""
    feedback = connection.execute(
        f"SELECT camera, incident, began_at, {_FEEDBACK}, ended_at FROM events "  # noqa: S608 - a constant
        "WHERE max(coalesce(acknowledged_at, 0), coalesce(verdict_at, 0), "
        "coalesce(harvested_at, 0), coalesce(ended_at, 0)) >= ?",
        (since,),
    ).fetchall()
    evidence = connection.execute(
        "SELECT camera, incident, began_at, kind, file, bytes, captured_at, created_at "
        "FROM evidence JOIN events ON events.id = event_id WHERE created_at >= ? "
        "ORDER BY evidence.id",
        (since,),
    ).fetchall()
    deliveries = connection.execute(
        f"SELECT camera, incident, began_at, {_DELIVERY} "  # noqa: S608 - a constant
        "FROM deliveries JOIN events ON events.id = event_id "
        "WHERE done_at IS NULL OR done_at >= ? OR created_at >= ? ORDER BY deliveries.id",
        (since, since),
    ).fetchall()
    return Kept(feedback, evidence, deliveries)


def put(connection: sqlite3.Connection, kept: Kept) -> None:
    """Add it to a store that has the events already."""
    for camera, incident, began_at, *said, ended_at in kept.feedback:
        seen_at, seen_by, verdict, judged_at, judged_by, harvested_at = said
        same = (camera, incident, began_at)
        # Commands write to the file meanwhile: the first who has seen it counts, and the newest
        # verdict.
        connection.execute(
            "UPDATE events SET acknowledged_by = coalesce(acknowledged_by, ?), "
            "acknowledged_at = coalesce(acknowledged_at, ?) "
            "WHERE camera = ? AND incident = ? AND began_at = ?",
            (seen_by, seen_at, *same),
        )
        if judged_at is not None:
            connection.execute(
                "UPDATE events SET verdict = ?, verdict_at = ?, verdict_by = ?, harvested_at = ? "
                "WHERE camera = ? AND incident = ? AND began_at = ? "
                "AND coalesce(verdict_at, 0) < ?",
                (verdict, judged_at, judged_by, harvested_at, *same, judged_at),
            )
        if ended_at is not None:
            # One whose camera or rule went meanwhile has no transition that says so.
            connection.execute(
                "UPDATE events SET ended_at = ?, "
                "state = CASE WHEN fired_at IS NULL THEN 'inactive' ELSE 'resolved' END "
                "WHERE camera = ? AND incident = ? AND began_at = ? AND ended_at IS NULL",
                (ended_at, *same),
            )
    for camera, incident, began_at, *file in kept.evidence:
        connection.execute(
            "INSERT INTO evidence (event_id, kind, file, bytes, captured_at, created_at) "
            "SELECT id, ?, ?, ?, ?, ? FROM events "
            "WHERE camera = ? AND incident = ? AND began_at = ?",
            (*file, camera, incident, began_at),
        )
    for camera, incident, began_at, *delivery in kept.deliveries:
        connection.execute(
            f"INSERT INTO deliveries (event_id, {_DELIVERY}) "  # noqa: S608 - a constant
            "SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM events "
            "WHERE camera = ? AND incident = ? AND began_at = ? "
            "ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at, "
            "attempts = max(attempts, excluded.attempts), next_try_at = excluded.next_try_at, "
            "done_at = excluded.done_at, result = excluded.result, error = excluded.error "
            "WHERE done_at IS NULL",
            (*delivery, camera, incident, began_at),
        )
