"""Evidence on disk and in the store, within its bounds: what is put there, found and deleted."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from monitor.alerts.events import Evidence, EvidenceKind
from monitor.alerts.evidence_folder import EvidenceFolder
from monitor.alerts.evidence_retention import UNKNOWN, Bounds, Kept, makes_way, too_much
from monitor.alerts.keeper_shared import SharedStore
from monitor.errors import StoreError
from monitor.logs import Throttle

_SPARE = 0.95
"""Down to this part of the bound it is cleared, so that not each new file clears again."""

_LIST_SECONDS = 30.0
"""How long a file is kept that the store does not take."""
_UNLISTED = 24
"""Files that are kept so; more are deleted at once."""

log = structlog.get_logger(__name__)


class Counts(Protocol):
    """What is told of evidence; :class:`monitor.metrics_evidence.EvidenceMetrics`."""

    def set_bytes(self, size: int) -> None: ...
    def set_up(self, up: bool) -> None: ...
    def count_file(self, kind: str, *, failed: bool = False) -> None: ...
    def count_dropped(self, reason: str) -> None: ...
    def count_deleted(self, reason: str, files: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Unlisted:
    """A file whose row is not in the store."""

    event_id: int
    kind: EvidenceKind
    file: str
    size_bytes: int
    at: float
    until: float
    """Monotonic time at which it is given up."""


class EvidenceShelf:
    """The files that show events. For one thread, apart from :meth:`of_event` and
    :meth:`snapshot_for`.

    Whatever the disk does is logged and counted, and never raised.
    """

    def __init__(
        self,
        folder: EvidenceFolder,
        store: SharedStore,
        *,
        counts: Counts,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._store = store
        self._counts = counts
        self._wall = wall
        self._monotonic = monotonic
        self._throttle = Throttle()
        self._total = 0
        self._unlisted: list[_Unlisted] = []
        self._prepared = False
        self.bounds = Bounds()
        self.fault = ""
        """Why the last file could not be written; empty if it was."""

    # For any thread.

    def of_event(self, event_id: int) -> list[Evidence]:
        """The files of an event that are there.

        Raises:
            StoreError: the store cannot be read.
        """
        found = self._store.evidence_of(event_id)
        return [one for one in found if (path := self.path_of(one)) and path.is_file()]

    def snapshot_for(self, event_id: int) -> Path | None:
        """The newest picture of an event with box and score; None where there is none.

        Raises:
            StoreError: the store cannot be read.
        """
        snapshots = [one for one in self.of_event(event_id) if one.kind == "snapshot"]
        newest = max(snapshots, key=lambda one: (one.captured_at, one.id), default=None)
        return None if newest is None else self.path_of(newest)

    def path_of(self, evidence: Evidence) -> Path | None:
        """Where a file is; None where the store names what cannot be one of ours."""
        return self._folder.path_of(evidence.file)

    # For the thread that writes.

    def prepare(self) -> None:
        """Make the folder and sweep it; tried again by :meth:`tend` where that fails."""
        try:
            left = self._folder.prepare()
            self._total = sum(size for _, size, _ in self._folder.files())
        except OSError as error:
            self._failed(error)
            return
        self._prepared = True
        self._counts.set_bytes(self._total)
        if left:
            log.info("evidence_swept", files=left, cause="they were not finished")

    def put(
        self,
        event_id: int,
        kind: EvidenceKind,
        data: bytes,
        *,
        at: float,
        what: str,
        suffix: str = ".jpg",
    ) -> bool:
        """Keep a file of an event; whether it is there."""
        if not self.room_for(len(data), kind):
            return False
        try:
            file = self._folder.write(data, at, what, suffix)
        except OSError as error:
            self._lost(kind, error)
            return False
        return self._list(event_id, kind, file, len(data), at)

    def begin(self, kind: EvidenceKind, size_bytes: int) -> tuple[Path, int] | None:
        """A file that somebody else writes, and its descriptor; None where there is no room.

        Args:
            kind: what it will be.
            size_bytes: what it may take.
        """
        if not self.room_for(size_bytes, kind):
            return None
        try:
            return self._folder.begin()
        except OSError as error:
            self._lost(kind, error)
            return None

    def finish(
        self,
        event_id: int,
        kind: EvidenceKind,
        path: Path,
        descriptor: int,
        *,
        at: float,
        what: str,
        suffix: str,
    ) -> bool:
        """Keep a file that was begun and written; whether it is there."""
        try:
            os.fsync(descriptor)
            size = os.fstat(descriptor).st_size
            file = self._folder.finish(path, at, what, suffix)
        except OSError as error:
            self._folder.give_up(path)
            self._lost(kind, error)
            return False
        return self._list(event_id, kind, file, size, at)

    def give_up(self, path: Path) -> None:
        """Delete a file that was begun."""
        self._folder.give_up(path)

    def room_for(self, size_bytes: int, kind: EvidenceKind) -> bool:
        """Whether a file may be written; older ones make way where they must."""
        if not self._prepared:
            self.prepare()
        if not self._prepared:
            self._counts.count_file(kind, failed=True)
            self._counts.count_dropped("disk")
            return False
        before = self._total
        self.clear(size_bytes)
        try:
            free = self._folder.free_bytes()
        except OSError as error:
            self._lost(kind, error)
            return False
        left = free - size_bytes
        if left >= self.bounds.min_free_bytes:
            return True
        if self._total + size_bytes <= before and left >= self.bounds.least_free_bytes:
            kept_back = self._throttle.admit("short", self._monotonic())
            if kept_back is not None:
                path = str(self._folder.path)
                log.warning("evidence_disk_short", path=path, free=free, kept_back=kept_back)
            return True  # older evidence gave it its place
        self._lost(
            kind,
            f"{self._folder.path}: {free / 1e6:.0f} MB are free on its disk, and "
            f"evidence.min_free keeps {self.bounds.min_free_bytes / 1e6:.0f} MB for events; free "
            "space there",
        )
        return False

    def spare_bytes(self) -> int:
        """What one file may take now; 0 where the disk does not say."""
        try:
            return max(0, self._folder.free_bytes() - self.bounds.min_free_bytes)
        except OSError:
            return 0

    def clear(self, size_bytes: int = 0) -> None:
        """Delete what is too old or too much, or takes what must be free.

        Args:
            size_bytes: of a file that is to be written now.
        """
        if not self._prepared:
            self.prepare()
            return
        bounds, now = self.bounds, self._wall()
        try:
            free = self._folder.free_bytes()
        except OSError as error:
            self._failed(error)
            return
        if free - size_bytes < bounds.min_free_bytes:
            choose = partial(makes_way, free_bytes=free, size_bytes=size_bytes)
            self._delete("disk", partial(choose, bounds=bounds, now=now))
        if self._total + size_bytes > bounds.max_bytes:
            most = int(bounds.max_bytes * _SPARE) - size_bytes
            self._delete("size", partial(too_much, max_bytes=most))

    def expire(self) -> None:
        """Delete what is too old."""
        if self._prepared:
            oldest = self._wall() - self.bounds.max_age_seconds
            self._delete("age", partial(too_much, oldest=oldest))

    def _delete(self, reason: str, choose: Callable[[list[Kept]], list[Kept]]) -> None:
        try:
            listed = self._store.kept_evidence()
            there = {name: (size, changed) for name, size, changed in self._folder.files()}
        except (OSError, StoreError) as error:
            self._failed(error)
            return
        known = {one.file for one in listed}
        unknown = [
            Kept(None, name, size, changed, UNKNOWN)
            for name, (size, changed) in there.items()
            if name not in known and self._folder.path_of(name) is not None
        ]
        kept = [one for one in listed if one.file in there] + unknown
        self._total = sum(size for size, _ in there.values())
        gone = [one for one in listed if one.file not in there]
        deleted = [one for one in choose(kept) if self._remove(one)]
        numbers = [one.number for one in gone + deleted if one.number is not None]
        if numbers:
            with suppress(StoreError):  # rows of files that are gone are found again
                self._store.forget_evidence(numbers)
        self._counts.set_bytes(self._total)
        if deleted:
            size = sum(one.size_bytes for one in deleted)
            self._counts.count_deleted(reason, len(deleted))
            log.info("evidence_deleted", cause=reason, files=len(deleted), bytes=size)

    def _remove(self, one: Kept) -> bool:
        try:
            self._folder.remove(one.file)
        except OSError as error:
            self._failed(error)
            return False
        self._total -= one.size_bytes
        return True

    def list_again(self) -> None:
        """Try again what the store did not take, as while others wrote to it."""
        waiting, self._unlisted = self._unlisted, []
        for one in waiting:
            self._enter(one)

    def _list(self, event_id: int, kind: EvidenceKind, file: str, size: int, at: float) -> bool:
        self._total += size
        self._counts.set_bytes(self._total)
        until = self._monotonic() + _LIST_SECONDS
        return self._enter(_Unlisted(event_id, kind, file, size, at, until))

    def _enter(self, one: _Unlisted) -> bool:
        kind = one.kind
        try:
            row = self._store.add_evidence(
                one.event_id,
                kind,
                one.file,
                size_bytes=one.size_bytes,
                captured_at=one.at,
                created_at=self._wall(),
            )
        except StoreError as error:
            self._failed(error)
            if self._monotonic() < one.until and len(self._unlisted) < _UNLISTED:
                self._unlisted.append(one)
                return False
            row = None
        if row is None:
            with suppress(OSError):  # nobody knows it, so it goes first later
                self._folder.remove(one.file)
                self._total -= one.size_bytes
            self._counts.count_file(kind, failed=True)
            self._counts.count_dropped("store")
            return False
        self._counts.count_file(kind)
        if self.fault:
            self.fault = ""
            self._counts.set_up(True)
            log.info("evidence_recovered", path=str(self._folder.path))
        return True

    def _lost(self, kind: EvidenceKind, error: OSError | str) -> None:
        self._counts.count_file(kind, failed=True)
        self._counts.count_dropped("disk")
        self._failed(error)

    def _failed(self, error: Exception | str) -> None:
        self.fault = str(error)
        self._counts.set_up(False)
        kept_back = self._throttle.admit("evidence", self._monotonic())
        if kept_back is not None:
            log.warning("evidence_failing", error=self.fault, kept_back=kept_back)
