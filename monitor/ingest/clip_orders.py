"""The daemon's side of clips: tells workers to keep and to write, and hears what came of it."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import ClipDone, HoldPackets, SaveClip
from monitor.ingest.crew import Crew, Slot

CONTAINERS: tuple[str, ...] = ("", "mp4", "mkv")
WORKER_LOST = "worker_lost"
"""Beside the words of the writer: the worker died, and its packets with it."""
_LONGEST_WORD = 20


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """One clip that is wanted."""

    clip: int
    """A number that no other clip has."""
    camera: str
    descriptor: int
    """Of an empty file, open for reading and writing; stays the caller's."""
    since: float
    """Monotonic time at which it begins, or with the key frame before."""
    until: float
    """Monotonic time at which it ends."""
    max_bytes: int


class ClipOrders:
    """Clips that are being written by workers."""

    def __init__(self, crew: Crew, records: Mapping[str, CameraRecord]) -> None:
        self._crew = crew
        self._records = records
        self._written_by: dict[int, tuple[int, str]] = {}
        """Slot and camera by clip."""
        self._done: deque[ClipDone] = deque()

    def hold(self, camera: str, since: float | None) -> None:
        """Have a camera's packets kept since a monotonic time; None: no longer than usual."""
        if (found := self._reader(camera)) is not None:
            slot, generation = found
            if slot.process is not None:
                slot.process.send(HoldPackets(camera, generation, since))

    def order(self, order: ClipOrder) -> None:
        """Have a clip written; whatever becomes of it is told by :meth:`take`."""
        found = self._reader(order.camera)
        try:
            if found is None or found[0].process is None:
                self._fail(order.clip, order.camera)
                return
            slot, generation = found
            message = SaveClip(
                order.camera, generation, order.clip, order.since, order.until, order.max_bytes
            )
            found[0].process.send(message, order.descriptor)
        except OSError:  # no descriptor is left for a copy
            self._fail(order.clip, order.camera)
            return
        self._written_by[order.clip] = (slot.number, order.camera)

    def heard(self, slot: Slot, done: ClipDone) -> bool:
        """A worker says that a clip is written; False where it says what cannot be."""
        if self._written_by.get(done.clip) != (slot.number, done.camera):
            return True  # of a worker before
        del self._written_by[done.clip]
        possible = (
            done.container in CONTAINERS
            and 0.0 <= done.seconds < math.inf
            and 0.0 <= done.began_at < math.inf
            and len(done.cut) <= _LONGEST_WORD
            and (not done.cut or done.cut.isidentifier())
        )
        if possible:
            self._done.append(done)
        else:
            self._fail(done.clip, done.camera)
        return possible

    def died(self, slot: Slot) -> None:
        """The worker of a slot is gone, and the clips that it wrote are as far as they came."""
        for clip, (number, camera) in list(self._written_by.items()):
            if number == slot.number:
                del self._written_by[clip]
                self._fail(clip, camera)

    def end(self) -> None:
        """All workers are gone."""
        for clip, (_, camera) in self._written_by.items():
            self._fail(clip, camera)
        self._written_by.clear()

    def take(self) -> list[ClipDone]:
        """What became of clips since the last call."""
        taken = list(self._done)
        self._done.clear()
        return taken

    def _fail(self, clip: int, camera: str) -> None:
        self._done.append(ClipDone(camera, clip, "", 0.0, 0.0, WORKER_LOST))

    def _reader(self, camera: str) -> tuple[Slot, int] | None:
        """The slot that reads a camera now, with the generation that it was given."""
        record = self._records.get(camera)
        for slot in self._crew.slots.values():
            living = slot.process is not None and slot.leaving_until is None
            generation = slot.cameras.get(camera)
            if living and slot.verdict is None and record and generation == record.generation:
                return slot, record.generation
        return None
