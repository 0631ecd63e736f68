"""The statements on the outbox: what sinks are to be told, and what came of it.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence

from monitor.alerts.events import Delivery
from monitor.alerts.outbox_order import Head
from monitor.alerts.routing import Change, Route, plan

_COLUMNS = (
    "id, event_id, transition_id, sink, key, kind, created_at, attempts, next_try_at, done_at, "
    "result, error"
)
_LONGEST_ERROR = 500

_HEADS = """
    WITH waiting AS (
        SELECT deliveries.id, key, event_id, kind, created_at, attempts,
            CASE WHEN kind = 'escalation' AND coalesce(acknowledged_at, ended_at) IS NOT NULL
                THEN min(next_try_at, :now) ELSE next_try_at END AS due_at,
            ended_at IS NOT NULL AS over
        FROM deliveries JOIN events ON events.id = event_id
        WHERE sink = :sink AND done_at IS NULL
    ), placed AS (
        SELECT *, row_number() OVER (
            PARTITION BY event_id ORDER BY
            CASE WHEN kind = 'escalation' AND attempts = 0 AND due_at > :now
                THEN due_at ELSE 0 END,
            id
        ) AS place FROM waiting
    )
    SELECT key, event_id, kind, created_at, attempts, due_at, over
    FROM placed WHERE place = 1 ORDER BY id
"""


def probe(connection: sqlite3.Connection) -> None:
    """Compile a statement on the table: an error says that the schema is not as it must be."""
    connection.execute(f"SELECT {_COLUMNS} FROM deliveries LIMIT 0")  # noqa: S608 - a constant


def announce(
    connection: sqlite3.Connection,
    change: Change,
    routes: Sequence[Route],
    now: float,
    *,
    again: bool = False,
) -> None:
    """Put in the outbox what a change of state tells; what stands there already stays.

    An escalation counts as made when it is due.

    Args:
        connection: of the store.
        change: of an event that stands there.
        routes: all sinks.
        now: Unix time.
        again: the change is of before and is gone through once more. Who heard of the event only
            after it has heard of it with the event.
    """
    if not routes:
        return
    told = {
        sink: bool(tried)
        for sink, tried in connection.execute(
            "SELECT sink, max(CASE WHEN :again THEN result = 'delivered' AND done_at <= :at "
            "ELSE attempts > 0 OR result = 'delivered' END) FROM deliveries "
            "WHERE event_id = :event GROUP BY sink",
            {"again": again, "at": change.at, "event": change.event_id},
        )
    }
    connection.executemany(
        "INSERT INTO deliveries (event_id, transition_id, sink, key, kind, created_at, next_try_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        [
            (
                change.event_id,
                change.transition_id,
                planned.sink,
                planned.key,
                planned.kind,
                max(now, planned.due_at),
                planned.due_at,
            )
            for planned in plan(change, told, routes, now)
        ],
    )


def heads(connection: sqlite3.Connection, sink: str, now: float) -> list[Head]:
    """For each event the delivery that a sink is to be sent next: the first that was made, but an
    escalation that waits for its time stands behind all that need not wait.

    An escalation that nobody needs any more is due now, so that its sink ends it.
    """
    rows = connection.execute(_HEADS, {"sink": sink, "now": now})
    return [
        Head(key, event_id, kind, created_at, attempts, due_at, bool(over))
        for key, event_id, kind, created_at, attempts, due_at, over in rows
    ]


def queue(connection: sqlite3.Connection, now: float) -> dict[str, tuple[int, float]]:
    """By sink: how many deliveries wait, and when the oldest was made; escalations count once they
    are due."""
    rows = connection.execute(
        "SELECT sink, count(*), min(created_at) FROM deliveries "
        "WHERE done_at IS NULL AND (created_at <= ? OR kind <> 'escalation') GROUP BY sink",
        (now,),
    )
    return {sink: (count, oldest) for sink, count, oldest in rows}


def transition_of(connection: sqlite3.Connection, key: str) -> tuple[int, int | None] | None:
    """Event and place of its step, counted from 0, that a delivery tells of; None: no such
    delivery. The place is None where it tells of no step."""
    row = connection.execute(
        "SELECT event_id, transition_id FROM deliveries WHERE key = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    event_id, transition_id = row
    if transition_id is None:
        return event_id, None
    (place,) = connection.execute(
        "SELECT count(*) FROM transitions WHERE event_id = ? AND id < ?", (event_id, transition_id)
    ).fetchone()
    return event_id, place


def was_told(connection: sqlite3.Connection, event_id: int, sink: str) -> bool:
    """Whether a sink has taken anything of an event."""
    row = connection.execute(
        "SELECT 1 FROM deliveries WHERE event_id = ? AND sink = ? AND result = 'delivered' LIMIT 1",
        (event_id, sink),
    ).fetchone()
    return row is not None


def is_outdated(connection: sqlite3.Connection, event_id: int, sink: str) -> bool:
    """Whether a sink has taken that a later event of the same camera and incident fired."""
    row = connection.execute(
        "SELECT 1 FROM events AS one JOIN events AS later ON later.camera = one.camera "
        "AND later.incident = one.incident AND later.id > one.id "
        "JOIN deliveries ON deliveries.event_id = later.id "
        "WHERE one.id = ? AND sink = ? AND result = 'delivered' AND kind <> 'pending' LIMIT 1",
        (event_id, sink),
    ).fetchone()
    return row is not None


def told_open_events(connection: sqlite3.Connection, sink: str) -> list[int]:
    """Events that fire, and that a sink has taken news of."""
    rows = connection.execute(
        "SELECT DISTINCT deliveries.event_id FROM deliveries JOIN events "
        "ON events.id = deliveries.event_id WHERE deliveries.sink = ? "
        "AND deliveries.result = 'delivered' AND events.ended_at IS NULL "
        "AND events.fired_at IS NOT NULL ORDER BY 1",
        (sink,),
    )
    return [event_id for (event_id,) in rows]


def settle(
    connection: sqlite3.Connection, key: str, result: str, error: str, at: float, *, tried: bool
) -> None:
    """Note what came of a delivery in the end; ``tried`` counts one try more."""
    connection.execute(
        "UPDATE deliveries SET done_at = ?, result = ?, error = ?, attempts = attempts + ? "
        "WHERE key = ? AND done_at IS NULL",
        (at, result, error[:_LONGEST_ERROR] or None, int(tried), key),
    )


def postpone(
    connection: sqlite3.Connection, key: str, attempts: int, next_try_at: float, error: str
) -> None:
    """Note that a delivery failed for now."""
    connection.execute(
        "UPDATE deliveries SET attempts = ?, next_try_at = ?, error = ? "
        "WHERE key = ? AND done_at IS NULL",
        (attempts, next_try_at, error[:_LONGEST_ERROR], key),
    )


def expire(
    connection: sqlite3.Connection, before: float, at: float, *, but_of: Collection[str]
) -> int:
    """Give up what was made before a Unix time and nobody sends, as its sink is gone; how many.

    Sinks that are there, ``but_of``, give up by themselves. Where the clock is ahead all looks old,
    and what waits for them must be tried all the same.
    """
    return connection.execute(
        "UPDATE deliveries SET done_at = ?, result = 'expired', "
        "error = coalesce(error, 'its sink is gone') "
        "WHERE done_at IS NULL AND created_at < ? AND next_try_at < ? "
        "AND sink NOT IN (SELECT value FROM json_each(?))",
        (at, before, before, json.dumps(list(but_of))),
    ).rowcount


def of_events(
    connection: sqlite3.Connection, event_ids: Collection[int]
) -> dict[int, list[Delivery]]:
    """All deliveries of some events, in their order; one statement for all of them."""
    rows = connection.execute(
        "SELECT event_id, sink, kind, created_at, attempts, next_try_at, done_at, result, error "
        "FROM deliveries WHERE event_id IN (SELECT value FROM json_each(?)) ORDER BY event_id, id",
        (json.dumps(list(event_ids)),),
    )
    found: dict[int, list[Delivery]] = {}
    for event_id, *rest in rows:
        found.setdefault(event_id, []).append(Delivery(*rest))
    return found
