"""The statements of the event store: rows from dataclasses and back.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import asdict, astuple, replace

from monitor.alerts import decision_tables, evidence_tables, outbox_tables, silence_tables
from monitor.alerts.event_rows import EVENT_COLUMNS, events_of
from monitor.alerts.events import Event
from monitor.alerts.routing import Change
from monitor.decision.state import AlertState, Transition

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
    connection.execute(f"SELECT {EVENT_COLUMNS} FROM events LIMIT 0")  # noqa: S608 - a constant
    connection.execute(
        "SELECT event_id, alert, label, event, at, score, why, box, silenced "
        "FROM transitions LIMIT 0"
    )
    silence_tables.probe(connection)
    outbox_tables.probe(connection)
    evidence_tables.probe(connection)
    decision_tables.probe(connection)


def add_transition(connection: sqlite3.Connection, transition: Transition) -> Change | None:
    """Add a transition to the open event that it belongs to, or begin one with it.

    Returns:
        What it did to the event; None for the end of one that was pruned or given up.
    """
    incident = transition.incident or transition.alert
    row = connection.execute(
        "SELECT id, began_at, fired_at, alert FROM events "
        "WHERE camera = ? AND incident = ? AND ended_at IS NULL",
        (transition.camera, incident),
    ).fetchone()
    first = row is None
    if row is None:
        if transition.state is AlertState.INACTIVE:
            return None
        row = connection.execute(
            "INSERT INTO events "
            "(camera, incident, alert, label, state, began_at, peak_score, site) "
            "VALUES (?, ?, ?, ?, 'pending', ?, ?, ?) RETURNING id, began_at, fired_at, alert",
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
    event_id, began_at, fired_at, alert_before = row
    (transition_id,) = connection.execute(
        "INSERT INTO transitions (event_id, alert, label, event, at, score, why, box, silenced) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
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
    ).fetchone()
    connection.execute(
        "UPDATE events SET peak_score = max(peak_score, ?) WHERE id = ?",
        (transition.score, event_id),
    )
    ended = False
    if transition.state is AlertState.INACTIVE:
        ended = _end_alert(connection, event_id, transition.captured_at)
    else:
        _open_alert(connection, event_id, transition)
    return Change(
        event_id=event_id,
        transition_id=transition_id,
        camera=transition.camera,
        incident=incident,
        began_at=began_at,
        alert=transition.alert,
        label=transition.label,
        event=transition.event,
        at=transition.captured_at,
        silenced=transition.silenced,
        alert_before=None if fired_at is None else alert_before,
        first=first,
        ended=ended,
    )


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


def _end_alert(connection: sqlite3.Connection, event_id: int, at: float) -> bool:
    """An alert became inactive: with the last one the event ends; whether it did."""
    still_open = connection.execute(_STILL_OPEN, (event_id,)).fetchone()
    if still_open is None:
        _end_event(connection, event_id, at)
        return True
    connection.execute(
        "UPDATE events SET alert = ?, label = ? WHERE id = ? AND fired_at IS NULL",
        (*still_open, event_id),
    )
    return False


def _end_event(connection: sqlite3.Connection, event_id: int, at: float) -> None:
    connection.execute(
        "UPDATE events SET ended_at = ?, "
        "state = CASE WHEN fired_at IS NULL THEN 'inactive' ELSE 'resolved' END WHERE id = ?",
        (at, event_id),
    )


def end_abandoned(
    connection: sqlite3.Connection, alive: Collection[tuple[str, str]], at: float
) -> list[Change]:
    """End open events of which no alert is in ``alive`` (camera, alert); what that did."""
    ended = []
    for event_id, camera in connection.execute(
        "SELECT id, camera FROM events WHERE ended_at IS NULL"
    ).fetchall():
        alerts = connection.execute(_STILL_OPEN, (event_id,)).fetchall()
        if not any((camera, alert) in alive for alert, _ in alerts):
            _end_event(connection, event_id, at)
            ended.append(_change_of(connection, event_id, at, ended=True))
    return ended


def fires_again(connection: sqlite3.Connection, camera: str, alert: str) -> Change | None:
    """The transition by which an alert fires that is open, as if it came only now and silenced by
    nobody; None where none does."""
    row = connection.execute(
        "SELECT transitions.id, event_id, transitions.label, at FROM transitions "
        "JOIN events ON events.id = event_id "
        "WHERE camera = ? AND transitions.alert = ? AND event = 'firing' AND ended_at IS NULL "
        "ORDER BY transitions.id DESC LIMIT 1",
        (camera, alert),
    ).fetchone()
    if row is None:
        return None
    transition_id, event_id, label, at = row
    change = _change_of(connection, event_id, at, ended=False)
    return replace(
        change,
        transition_id=transition_id,
        alert=alert,
        label=label,
        event="firing",
        alert_before=_fired_before(connection, event_id, transition_id),
    )


def _fired_before(connection: sqlite3.Connection, event_id: int, transition_id: int) -> str | None:
    row = connection.execute(
        "SELECT alert FROM transitions WHERE event_id = ? AND id < ? AND event = 'firing' "
        "ORDER BY id DESC LIMIT 1",
        (event_id, transition_id),
    ).fetchone()
    return None if row is None else str(row[0])


def _change_of(connection: sqlite3.Connection, event_id: int, at: float, *, ended: bool) -> Change:
    """What happened to an event without a transition of its own."""
    camera, incident, began_at, alert, label, fired_at, state = connection.execute(
        "SELECT camera, incident, began_at, alert, label, fired_at, state FROM events WHERE id = ?",
        (event_id,),
    ).fetchone()
    return Change(
        event_id=event_id,
        transition_id=None,
        camera=camera,
        incident=incident,
        began_at=began_at,
        alert=alert,
        label=label,
        event=state,
        at=at,
        silenced=False,
        alert_before=None if fired_at is None else alert,
        first=False,
        ended=ended,
    )


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
        f"SELECT {EVENT_COLUMNS} FROM events "  # noqa: S608 - a constant, no input
        "WHERE (:camera IS NULL OR camera = :camera) AND (:before IS NULL OR id < :before) "
        "AND (NOT :open_only OR ended_at IS NULL) ORDER BY id DESC LIMIT :limit",
        {"camera": camera, "before": before_id, "open_only": open_only, "limit": limit},
    ).fetchall()
    return events_of(connection, rows)


def event(connection: sqlite3.Connection, event_id: int) -> Event | None:
    """One event; None where there is none with that id."""
    rows = connection.execute(
        f"SELECT {EVENT_COLUMNS} FROM events WHERE id = ?",  # noqa: S608 - a constant
        (event_id,),
    ).fetchall()
    return next(iter(events_of(connection, rows)), None)


def ended_since(connection: sqlite3.Connection, at: float) -> list[tuple[str, str, float]]:
    """Camera, incident and end of the events that ended since a Unix time."""
    return connection.execute(
        "SELECT camera, incident, max(ended_at) FROM events WHERE ended_at >= ? "
        "GROUP BY camera, incident",
        (at,),
    ).fetchall()


def prune(connection: sqlite3.Connection, before: float) -> int:
    """Delete events that ended before a Unix time; how many."""
    return connection.execute("DELETE FROM events WHERE ended_at < ?", (before,)).rowcount
