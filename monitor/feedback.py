"""``emberwatch events acknowledge`` and ``judge``: what a person says of an event.

Written to the daemon's own store, where it finds it, running or at its next start.
"""

from pathlib import Path
from typing import TextIO

from monitor.alerts import evidence_tables, tables
from monitor.alerts.events import Event, Verdict, check_verdict
from monitor.alerts.silence_tables import daemon_store
from monitor.clock import Clock, SystemClock
from monitor.config_file import load_config
from monitor.errors import EmberwatchError
from monitor.silence import current_user, store_path


class FeedbackError(EmberwatchError):
    """There is no such event."""


def acknowledge_event(
    number: int, *, config: Path, author: str | None, out: TextIO, clock: Clock | None = None
) -> int:
    """Say that an event was seen; who said so first stays the one who did.

    Returns:
        0.

    Raises:
        ConfigError: the configuration is wrong.
        FeedbackError: there is no such event.
        StoreError: the store cannot be written.
    """
    by, at = author or current_user(), (clock or SystemClock()).wall()
    path = store_path(load_config(config))
    with daemon_store(path) as connection:
        evidence_tables.acknowledge(connection, number, by, at)
        event = _known(tables.event(connection, number), number, path)
    out.write(f"event {number}: acknowledged by {event.acknowledged_by}\n")
    return 0


def judge_event(
    number: int,
    verdict: Verdict | None,
    *,
    config: Path,
    author: str | None,
    out: TextIO,
    clock: Clock | None = None,
) -> int:
    """Say what an event was; None takes back what was said.

    Returns:
        0.

    Raises:
        ConfigError: the configuration is wrong.
        FeedbackError: there is no such event.
        VerdictError: it is an outage.
        StoreError: the store cannot be written.
    """
    by, at = author or current_user(), (clock or SystemClock()).wall()
    path = store_path(load_config(config))
    with daemon_store(path) as connection:
        check_verdict(_known(tables.event(connection, number), number, path), verdict)
        evidence_tables.judge(connection, number, verdict, by, at)
        event = _known(tables.event(connection, number), number, path)
    said = {"confirmed": f"it was {event.label}", "false": "a false alarm"}
    what = "nothing is said of it any more" if verdict is None else said[verdict]
    out.write(f"event {number} at camera '{event.camera}': {what}\n")
    return 0


def _known(event: Event | None, number: int, path: Path) -> Event:
    if event is None:
        # The daemon lists what it could not write as well, and takes what is said of it.
        raise FeedbackError(
            f"there is no event {number} in {path}; `emberwatch events` lists them, and where it "
            "lists this one, the daemon has it in memory alone, because the store cannot be "
            "written: free space on its disk, or say it on the event's page"
        )
    return event
