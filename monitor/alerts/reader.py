"""Reads events beside the daemon's own work: nothing that is read here makes the watch wait."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from monitor.alerts import evidence_tables, tables
from monitor.alerts.events import Event, Evidence
from monitor.errors import StoreError

_BUSY_SECONDS = 1.0

T = TypeVar("T")


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
    return read_with(
        path,
        lambda connection: tables.events(
            connection, limit=limit, camera=camera, before_id=before_id, open_only=open_only
        ),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """An event that somebody judged, with its files."""

    event: Event
    evidence: tuple[Evidence, ...]


def read_judged(path: Path) -> list[Judged]:
    """The events that were judged and not harvested since, the oldest first.

    Raises:
        StoreError: the file cannot be read.
    """

    def work(connection: sqlite3.Connection) -> list[Judged]:
        events = [tables.event(connection, n) for n in evidence_tables.to_harvest(connection)]
        return [
            Judged(event, tuple(evidence_tables.of_event(connection, event.id)))
            for event in events
            if event is not None
        ]

    return read_with(path, work)


def read_with(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """What statements read from the file, as of one moment.

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
            connection.execute("BEGIN")  # one state of the file for all statements
            return work(connection)
    except (sqlite3.Error, ValueError, TypeError) as error:
        # ValueError and TypeError: text within a row is not what was written there.
        raise StoreError(f"{path}: cannot be read ({error})") from error
