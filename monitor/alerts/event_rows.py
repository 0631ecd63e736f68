"""Events from rows of the store, with what belongs to them.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from monitor.alerts import outbox_tables
from monitor.alerts.events import Event, Step
from monitor.decision.state import Explanation
from monitor.inference.scored import Box

EVENT_COLUMNS = (
    "id, camera, incident, alert, label, state, began_at, fired_at, ended_at, peak_score, "
    "site, incident_id, acknowledged_at, acknowledged_by, verdict, verdict_at, verdict_by, "
    "harvested_at"
)
"""In the order in which :func:`events_of` takes them."""


def events_of(
    connection: sqlite3.Connection, rows: Collection[tuple[Any, ...]], *, steps: bool = True
) -> list[Event]:
    """Events from rows of EVENT_COLUMNS, with their transitions and deliveries or, without
    ``steps``, with none; one statement for those of all of them."""
    numbers = [row[0] for row in rows]
    found = _steps(connection, numbers) if steps else {}
    deliveries = outbox_tables.of_events(connection, numbers) if steps else {}
    return [
        Event(
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
            steps=tuple(found.get(row[0], ())),
            deliveries=tuple(deliveries.get(row[0], ())),
        )
        for row in rows
    ]


def _steps(connection: sqlite3.Connection, event_ids: Collection[int]) -> dict[int, list[Step]]:
    rows = connection.execute(
        "SELECT event_id, alert, label, event, at, score, why, box, silenced FROM transitions "
        "WHERE event_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY event_id, id",
        (json.dumps(list(event_ids)),),
    )
    found: dict[int, list[Step]] = {}
    for event_id, alert, label, event, at, score, why, box, silenced in rows:
        found.setdefault(event_id, []).append(
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
        )
    return found


def _explanation(text: str) -> Explanation:
    """What ``tables.add_transition`` wrote; steps of older versions have no evidence over time."""
    why = json.loads(text)
    evidence = tuple((seconds, value) for seconds, value in why.pop("evidence", ()))
    return Explanation(**why, evidence=evidence)
