"""The statements on the states of decisions.

Every function works within the transaction that the caller has begun, and raises sqlite3.Error.
"""

import sqlite3
from collections.abc import Collection

from monitor.decision.snapshot import DeciderSnapshot


def probe(connection: sqlite3.Connection) -> None:
    """Compile a statement on the table: an error says that the schema is not as it must be."""
    connection.execute("SELECT camera, snapshot, saved_at FROM decisions LIMIT 0")


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
