"""What people see and do at the pages beside the state: events, evidence, silences, pictures."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from monitor.alerts import evidence_tables, silence_tables
from monitor.alerts.event_search import EventFilter, search
from monitor.alerts.events import Event, Evidence, Verdict, check_verdict
from monitor.alerts.keeper import Keeper
from monitor.alerts.silences import Silence
from monitor.clock import Clock
from monitor.errors import StoreError
from monitor.thumbnails import Thumbnail

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
}
"""What is shown of evidence; other files are not handed out."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of evidence, open for reading."""

    evidence: Evidence
    file: BinaryIO
    size_bytes: int
    media_type: str


class Desk:
    """For any thread; whatever asks the store may wait for the disk.

    Args:
        clock: the machine's.
        thumbnail: gives a small picture of a camera; None where there is none.
    """

    def __init__(self, *, clock: Clock, thumbnail: Callable[[str], Thumbnail | None]) -> None:
        self._clock = clock
        self.thumbnail = thumbnail
        self._kept: tuple[Keeper, Path] | None = None

    def kept_by(self, keeper: Keeper, evidence: Path) -> None:
        """Where the events are, and the folder of their evidence; until then there are none."""
        self._kept = (keeper, evidence)

    def search(
        self, where: EventFilter, *, limit: int, before_id: int | None = None, steps: bool = True
    ) -> list[Event]:
        """The newest events that fit; see :func:`monitor.alerts.event_search.search`.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._kept is None:
            return []
        return self._kept[0].read_with(
            lambda connection: search(
                connection, where, limit=limit, before_id=before_id, steps=steps
            )
        )

    def event(self, event_id: int) -> tuple[Event, list[Evidence]] | None:
        """An event, and the files that show it; None where there is none with this id.

        Raises:
            StoreError: the store cannot be read.
        """
        keeper = self._keeper
        event = keeper.event(event_id)
        return None if event is None else (event, keeper.evidence_of(event_id))

    def acknowledge(self, event_id: int, by: str) -> Event | None:
        """Note that somebody has seen an event; None where there is none with this id.

        Raises:
            StoreError: it is not on disk.
        """
        event = self._keeper.acknowledge(event_id, by, self._clock.wall())
        self._tell("event_acknowledged", event, by)
        return event

    def judge(self, event_id: int, verdict: Verdict | None, by: str) -> Event | None:
        """Note what somebody found an event to be; None takes it back, and is given where there is
        no event with this id.

        Raises:
            VerdictError: it is an outage.
            StoreError: it is not on disk.
        """
        known = self._keeper.event(event_id)
        if known is None:
            return None
        check_verdict(known, verdict)
        event = self._keeper.judge(event_id, verdict, by, self._clock.wall())
        self._tell("event_judged", event, by, verdict=verdict)
        return event

    def picture(self, number: int) -> Picture | None:
        """A file of evidence by its id; None where there is none, or none that is shown.

        What is opened is named by the store alone, and must be a plain file in the folder.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._kept is None:
            return None
        keeper, folder = self._kept
        found = keeper.read_with(lambda connection: evidence_tables.one(connection, number))
        if found is None:
            return None
        path = folder / found.file
        media_type = MEDIA_TYPES.get(path.suffix.lower())
        if media_type is None or not path.resolve().is_relative_to(folder.resolve()):
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None  # retention was quicker
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return None
        return Picture(found, os.fdopen(descriptor, "rb"), status.st_size, media_type)

    def silences(self) -> list[Silence]:
        """Those that have not ended, the one that ends first at the front.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._kept is None:
            return []
        now = self._clock.wall()
        return self._kept[0].read_with(
            lambda connection: silence_tables.ending_after(connection, now)
        )

    def silence(
        self, camera: str, label: str | None, *, seconds: float, by: str, comment: str
    ) -> Silence:
        """Silence a camera's alerts from now on; whether camera and label are there is for the
        caller to know.

        Raises:
            StoreError: it is not on disk.
        """
        now = self._clock.wall()
        found = self._keeper.change_with(
            lambda connection: silence_tables.add(
                connection,
                camera=camera,
                label=label,
                created_at=now,
                ends_at=now + seconds,
                created_by=by,
                comment=comment,
            )
        )
        log.info("silence_added", silence=found.id, camera=camera, label=label, by=by)
        return found

    def end_silence(self, number: int, by: str) -> Silence | None:
        """End a silence now; None where none with this id is in force.

        Raises:
            StoreError: it is not on disk.
        """
        now = self._clock.wall()
        found = self._keeper.change_with(
            lambda connection: silence_tables.expire(connection, number, now)
        )
        if found is not None:
            log.info("silence_ended", silence=number, camera=found.camera, by=by)
        return found

    @property
    def _keeper(self) -> Keeper:
        if self._kept is None:
            raise StoreError("the daemon is still starting; try again in a moment")
        return self._kept[0]

    def _tell(self, what: str, event: Event | None, by: str, **more: object) -> None:
        if event is not None:
            log.info(what, id=event.id, camera=event.camera, alert=event.alert, by=by, **more)
