"""The schema of the event store, as the steps that lead to it.

Each step is applied once, in its own transaction; ``PRAGMA user_version`` counts those applied.
A step that has shipped is never changed: what must change later is a new step.
"""

import sqlite3

from monitor.errors import StoreError

APPLICATION_ID = 0x454D4257
"""``EMBW`` in the header of the file: tells our store from any other SQLite database."""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            camera TEXT NOT NULL,
            incident TEXT NOT NULL,
            alert TEXT NOT NULL,
            label TEXT NOT NULL,
            state TEXT NOT NULL,
            began_at REAL NOT NULL,
            fired_at REAL,
            ended_at REAL,
            peak_score REAL NOT NULL
        ) STRICT
        """,
        # At most one open event for each camera and incident.
        "CREATE UNIQUE INDEX open_events ON events (camera, incident) WHERE ended_at IS NULL",
        "CREATE INDEX events_by_time ON events (began_at)",
        """
        CREATE TABLE transitions (
            id INTEGER PRIMARY KEY,
            event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
            alert TEXT NOT NULL,
            label TEXT NOT NULL,
            event TEXT NOT NULL,
            at REAL NOT NULL,
            score REAL NOT NULL,
            why TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX transitions_by_event ON transitions (event_id, id)",
        """
        CREATE TABLE decisions (
            camera TEXT PRIMARY KEY,
            snapshot TEXT NOT NULL,
            saved_at REAL NOT NULL
        ) STRICT
        """,
    ),
    # Where in the frame it was seen: JSON as [left, top, right, bottom], relative to the frame.
    ("ALTER TABLE transitions ADD COLUMN box TEXT",),
    (
        """
        CREATE TABLE silences (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            camera TEXT NOT NULL,
            label TEXT,
            created_at REAL NOT NULL,
            ends_at REAL NOT NULL,
            created_by TEXT NOT NULL,
            comment TEXT NOT NULL
        ) STRICT
        """,
        "ALTER TABLE transitions ADD COLUMN silenced INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE events ADD COLUMN site TEXT NOT NULL DEFAULT ''",
        # The id of the event that began the incident; events of one site share it.
        "ALTER TABLE events ADD COLUMN incident_id INTEGER NOT NULL DEFAULT 0",
        "UPDATE events SET incident_id = id",
        "CREATE INDEX events_by_end ON events (ended_at)",
    ),
    (
        # What sinks are to be told: done_at is NULL while it waits. The times are Unix times.
        """
        CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
            transition_id INTEGER REFERENCES transitions (id) ON DELETE CASCADE,
            sink TEXT NOT NULL,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            created_at REAL NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            next_try_at REAL NOT NULL,
            done_at REAL,
            result TEXT,
            error TEXT
        ) STRICT
        """,
        "CREATE INDEX deliveries_waiting ON deliveries (sink, id) WHERE done_at IS NULL",
        "CREATE INDEX deliveries_by_event ON deliveries (event_id, id)",
        """
        CREATE TABLE evidence (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
            kind TEXT NOT NULL CHECK (kind IN ('snapshot', 'original', 'clip', 'heat')),
            file TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            captured_at REAL NOT NULL,
            created_at REAL NOT NULL
        ) STRICT
        """,
        "CREATE INDEX evidence_by_event ON evidence (event_id, id)",
        "ALTER TABLE events ADD COLUMN acknowledged_at REAL",
        "ALTER TABLE events ADD COLUMN acknowledged_by TEXT",
        "ALTER TABLE events ADD COLUMN verdict TEXT CHECK (verdict IN ('confirmed', 'false'))",
        "ALTER TABLE events ADD COLUMN verdict_at REAL",
        "ALTER TABLE events ADD COLUMN verdict_by TEXT",
        "ALTER TABLE events ADD COLUMN harvested_at REAL",
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. The connection must be in autocommit mode.

    Raises:
        StoreError: the file is another program's, or was written by a newer Emberwatch.
        sqlite3.Error: the file cannot be read or written.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreError("is an SQLite database of another program; give another state_dir")
    if version > len(STEPS):
        raise StoreError(
            f"has schema {version} and this Emberwatch knows up to {len(STEPS)}; "
            "install the newer version again, or move the file away"
        )
    for number, statements in enumerate(STEPS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
