"""Reads events beside the daemon's own work: nothing that is read here makes the watch wait."""

import sqlite3
from contextlib import closing
from pathlib import Path

from monitor.alerts import tables
from monitor.alerts.events import Event
from monitor.errors import StoreError

_BUSY_SECONDS = 1.0


def read_events(
    path: Path,
    *,
    limit: int,
    camera: str | None = None,
    before_id: int | None = None,
    open_only: bool = False,
) -> list[Event]:
    """The newest events first, from the file of a store that another connection writes.

    Readers of a write-ahead log hold up no writer. Arguments are those of
    :meth:`monitor.alerts.store.EventStore.events`.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
        )
        with closing(connection):
            connection.execute("BEGIN")  # one state of the file for events and their steps
            return tables.events(
                connection, limit=limit, camera=camera, before_id=before_id, open_only=open_only
            )
    except (sqlite3.Error, ValueError, TypeError) as error:
        # ValueError and TypeError: text within a row is not what was written there.
        raise StoreError(f"{path}: cannot be read ({error})") from error
