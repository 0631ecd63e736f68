"""Looks for events page by page, the newest first."""

import sqlite3
from dataclasses import asdict, dataclass
from typing import Literal

from monitor.alerts.event_rows import EVENT_COLUMNS, events_of
from monitor.alerts.events import Event

Judged = Literal["confirmed", "false", "none"]
"""A verdict, or that there is none."""

# One text for all questions: each condition lets everything through where it is not asked for.
_SEARCH = f"""
    SELECT {EVENT_COLUMNS} FROM events
    WHERE (:camera IS NULL OR camera = :camera)
      AND (:site IS NULL OR site = :site)
      AND (:label IS NULL OR label = :label)
      AND (:state IS NULL OR state = :state)
      AND (:verdict IS NULL OR coalesce(verdict, 'none') = :verdict)
      AND (:acknowledged IS NULL OR (acknowledged_at IS NOT NULL) = :acknowledged)
      AND (:open_only = 0 OR ended_at IS NULL)
      AND (:since IS NULL OR coalesce(ended_at, 1e99) >= :since)
      AND (:until IS NULL OR began_at < :until)
      AND (:before_id IS NULL OR id < :before_id)
    ORDER BY id DESC LIMIT :limit
"""  # noqa: S608 - constants, no input


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are looked for; what is None does not matter."""

    camera: str | None = None
    site: str | None = None
    label: str | None = None
    """The label of the alert that fired last."""
    state: str | None = None
    """``pending``, ``firing``, ``resolved`` or ``inactive``."""
    verdict: Judged | None = None
    acknowledged: bool | None = None
    open_only: bool = False
    """Those that have not ended."""
    since: float | None = None
    """Unix time: those that went on then or began later."""
    until: float | None = None
    """Unix time: those that began before."""


def search(
    connection: sqlite3.Connection,
    where: EventFilter,
    *,
    limit: int,
    before_id: int | None = None,
    steps: bool = True,
) -> list[Event]:
    """The newest events that fit, in two statements, or in one without ``steps``.

    Args:
        connection: of the store.
        where: what they must be.
        limit: at most so many.
        before_id: only events older than the event with this id, to read on from the page before.
        steps: with their transitions; without, their box is not known either.
    """
    asked = asdict(where) | {"limit": limit, "before_id": before_id}
    return events_of(connection, connection.execute(_SEARCH, asked).fetchall(), steps=steps)
