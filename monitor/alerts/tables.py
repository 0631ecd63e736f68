"""The statements of the event store: rows from dataclasses and back.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import asdict, astuple
from typing import Any

from monitor.alerts import evidence_tables, outbox_tables, silence_tables
from monitor.alerts.events import Event, Step
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState, Explanation, Transition
from monitor.inference.scored import Box

_EVENT_COLUMNS = (
    "id, camera, incident, alert, label, state, began_at, fired_at, ended_at, peak_score, "
    "site, incident_id, acknowledged_at, acknowledged_by, verdict, verdict_at, verdict_by, "
    "harvested_at"
)

SITE_JOIN_SECONDS = 60.0
"""An event joins the incident of its site while one of its events is open, and so long after."""

# The alerts of an event whose last transition left them open, the newest first.
_STILL_OPEN = """
    SELECT alert, label FROM transitions
    WHERE id IN (SELECT max(id) FROM transitions WHERE event_id = ? GROUP BY alert)
      AND event IN ('pending', 'firing')
    ORDER BY id DESC
"""


def probe(connection: sqlite3.Connection) -> None:
    """Compile a statement on every table: an error says that the schema is not as it must be."""
    connection.execute(f"SELECT {_EVENT_COLUMNS} FROM events LIMIT 0")  # noqa: S608 - a constant
    connection.execute(
        "SELECT event_id, alert, label, event, at, score, why, box, silenced "
        "FROM transitions LIMIT 0"
    )
    silence_tables.probe(connection)
    outbox_tables.probe(connection)
    evidence_tables.probe(connection)
    connection.execute("SELECT camera, snapshot, saved_at FROM decisions LIMIT 0")


def add_transition(connection: sqlite3.Connection, transition: Transition) -> None:
    """Add a transition to the open event that it belongs to, or begin one with it."""
    incident = transition.incident or transition.alert
    row = connection.execute(
        "SELECT id FROM events WHERE camera = ? AND incident = ? AND ended_at IS NULL",
        (transition.camera, incident),
    ).fetchone()
    if row is None:
        if transition.state is AlertState.INACTIVE:
            return  # the end of an event that was pruned or given up: nothing to end
        row = connection.execute(
            "INSERT INTO events "
            "(camera, incident, alert, label, state, began_at, peak_score, site) "
            "VALUES (?, ?, ?, ?, 'pending', ?, ?, ?) RETURNING id",
            (
                transition.camera,
                incident,
                transition.alert,
                transition.label,
                transition.captured_at,
                transition.score,
                transition.site,
            ),
        ).fetchone()
        _join_incident(connection, row[0], transition)
    (event_id,) = row
    connection.execute(
        "INSERT INTO transitions (event_id, alert, label, event, at, score, why, box, silenced) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event_id,
            transition.alert,
            transition.label,
            transition.event,
            transition.captured_at,
            transition.score,
            json.dumps(asdict(transition.why)),
            None if transition.box is None else json.dumps(astuple(transition.box)),
            int(transition.silenced),
        ),
    )
    connection.execute(
        "UPDATE events SET peak_score = max(peak_score, ?) WHERE id = ?",
        (transition.score, event_id),
    )
    if transition.state is AlertState.INACTIVE:
        _end_alert(connection, event_id, transition.captured_at)
    else:
        _open_alert(connection, event_id, transition)


def _join_incident(connection: sqlite3.Connection, event_id: int, transition: Transition) -> None:
    """Give a new event the incident of its site that goes on; else it begins one."""
    found = None
    if transition.site:
        found = connection.execute(
            "SELECT incident_id FROM events WHERE site = ? AND incident = ? AND id <> ? "
            "AND (ended_at IS NULL OR ended_at >= ?) ORDER BY id DESC LIMIT 1",
            (
                transition.site,
                transition.incident or transition.alert,
                event_id,
                transition.captured_at - SITE_JOIN_SECONDS,
            ),
        ).fetchone()
    connection.execute(
        "UPDATE events SET incident_id = ? WHERE id = ?",
        (found[0] if found else event_id, event_id),
    )


def _open_alert(connection: sqlite3.Connection, event_id: int, transition: Transition) -> None:
    """An alert became pending or firing: what fires gives the event its name."""
    if transition.state is AlertState.FIRING:
        connection.execute(
            "UPDATE events SET state = 'firing', alert = ?, label = ?, "
            "fired_at = coalesce(fired_at, ?) WHERE id = ?",
            (transition.alert, transition.label, transition.captured_at, event_id),
        )
    else:
        connection.execute(
            "UPDATE events SET alert = ?, label = ? WHERE id = ? AND fired_at IS NULL",
            (transition.alert, transition.label, event_id),
        )


def _end_alert(connection: sqlite3.Connection, event_id: int, at: float) -> None:
    """An alert became inactive: with the last one the event ends."""
    still_open = connection.execute(_STILL_OPEN, (event_id,)).fetchone()
    if still_open is None:
        _end_event(connection, event_id, at)
    else:
        connection.execute(
            "UPDATE events SET alert = ?, label = ? WHERE id = ? AND fired_at IS NULL",
            (*still_open, event_id),
        )


def _end_event(connection: sqlite3.Connection, event_id: int, at: float) -> None:
    connection.execute(
        "UPDATE events SET ended_at = ?, "
        "state = CASE WHEN fired_at IS NULL THEN 'inactive' ELSE 'resolved' END WHERE id = ?",
        (at, event_id),
    )


def end_abandoned(
    connection: sqlite3.Connection, alive: Collection[tuple[str, str]], at: float
) -> int:
    """End open events of which no alert is in ``alive`` (camera, alert); how many."""
    ended = 0
    rows = connection.execute("SELECT id, camera FROM events WHERE ended_at IS NULL").fetchall()
    for event_id, camera in rows:
        alerts = connection.execute(_STILL_OPEN, (event_id,)).fetchall()
        if not any((camera, alert) in alive for alert, _ in alerts):
            _end_event(connection, event_id, at)
            ended += 1
    return ended


def events(
    connection: sqlite3.Connection,
    *,
    limit: int,
    camera: str | None,
    before_id: int | None,
    open_only: bool,
) -> list[Event]:
    """Events, newest first."""
    rows = connection.execute(
        f"SELECT {_EVENT_COLUMNS} FROM events "  # noqa: S608 - a constant, no input
        "WHERE (:camera IS NULL OR camera = :camera) AND (:before IS NULL OR id < :before) "
        "AND (NOT :open_only OR ended_at IS NULL) ORDER BY id DESC LIMIT :limit",
        {"camera": camera, "before": before_id, "open_only": open_only, "limit": limit},
    ).fetchall()
    return [_event(connection, row) for row in rows]


def event(connection: sqlite3.Connection, event_id: int) -> Event | None:
    """One event; None where there is none with that id."""
    row = connection.execute(
        f"SELECT {_EVENT_COLUMNS} FROM events WHERE id = ?",  # noqa: S608 - a constant
        (event_id,),
    ).fetchone()
    return None if row is None else _event(connection, row)


def _event(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Event:
    return Event(
        id=row[0],
        camera=row[1],
        incident=row[2],
        alert=row[3],
        label=row[4],
        state=row[5],
        began_at=row[6],
        fired_at=row[7],
        ended_at=row[8],
        peak_score=row[9],
        site=row[10],
        incident_id=row[11],
        acknowledged_at=row[12],
        acknowledged_by=row[13],
        verdict=row[14],
        verdict_at=row[15],
        verdict_by=row[16],
        harvested_at=row[17],
        steps=_steps(connection, row[0]),
    )


def _steps(connection: sqlite3.Connection, event_id: int) -> tuple[Step, ...]:
    rows = connection.execute(
        "SELECT alert, label, event, at, score, why, box, silenced FROM transitions "
        "WHERE event_id = ? "
        "ORDER BY id",
        (event_id,),
    )
    return tuple(
        Step(
            alert,
            label,
            event,
            at,
            score,
            _explanation(why),
            None if box is None else Box(*json.loads(box)),
            bool(silenced),
        )
        for alert, label, event, at, score, why, box, silenced in rows
    )


def ended_since(connection: sqlite3.Connection, at: float) -> list[tuple[str, str, float]]:
    """Camera, incident and end of the events that ended since a Unix time."""
    return connection.execute(
        "SELECT camera, incident, max(ended_at) FROM events WHERE ended_at >= ? "
        "GROUP BY camera, incident",
        (at,),
    ).fetchall()


def _explanation(text: str) -> Explanation:
    """What :func:`add_transition` wrote; steps of older versions have no evidence over time."""
    why = json.loads(text)
    evidence = tuple((seconds, value) for seconds, value in why.pop("evidence", ()))
    return Explanation(**why, evidence=evidence)


def prune(connection: sqlite3.Connection, before: float) -> int:
    """Delete events that ended before a Unix time; how many."""
    return connection.execute("DELETE FROM events WHERE ended_at < ?", (before,)).rowcount


def put_snapshot(connection: sqlite3.Connection, snapshot: DeciderSnapshot, now: float) -> None:
    """Keep a camera's snapshot in place of the one before."""
    connection.execute(
        "INSERT INTO decisions (camera, snapshot, saved_at) VALUES (?, ?, ?) "
        "ON CONFLICT (camera) DO UPDATE SET snapshot = excluded.snapshot, "
        "saved_at = excluded.saved_at",
        (snapshot.camera, snapshot.to_json(), now),
    )


def snapshots(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Camera and snapshot, as JSON."""
    return connection.execute("SELECT camera, snapshot FROM decisions ORDER BY camera").fetchall()


def keep_snapshots_of(connection: sqlite3.Connection, cameras: Collection[str]) -> None:
    """Delete the decision states of all other cameras."""
    known = [camera for (camera,) in connection.execute("SELECT camera FROM decisions")]
    connection.executemany(
        "DELETE FROM decisions WHERE camera = ?",
        [(camera,) for camera in known if camera not in cameras],
    )
