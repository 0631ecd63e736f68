"""The statements on the outbox: what sinks are to be told, and what came of it.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import sqlite3

_COLUMNS = (
    "id, event_id, transition_id, sink, key, kind, created_at, attempts, next_try_at, done_at, "
    "result, error"
)


def probe(connection: sqlite3.Connection) -> None:
    """Compile a statement on the table: an error says that the schema is not as it must be."""
    connection.execute(f"SELECT {_COLUMNS} FROM deliveries LIMIT 0")  # noqa: S608 - a constant
