"""The thread that draws, writes and clears away evidence: the watch hands over and goes on.

What cannot be taken is dropped and counted: evidence never makes an alert wait.
"""

import os
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from monitor.alerts.evidence_jobs import ClipEnd, ClipTask, ClipWish, Fired, First, Job, Over
from monitor.alerts.evidence_picture import Sight, annotate, jpeg
from monitor.alerts.evidence_shelf import Counts, EvidenceShelf
from monitor.alerts.fragments import whole_fragments
from monitor.alerts.keeper_shared import SharedStore
from monitor.errors import StoreError

QUEUED = 24
"""Frames that wait to be drawn, of 2.8 MB at 720p; more are dropped."""
FIRST_SIGHTS = 64
"""First sights that are kept in memory, as JPEG, until their alert fires or ends."""
LARGEST_CLIP_BYTES = 100_000_000
_LEAST_CLIP_BYTES = 4_000_000
"""With less room none is begun."""
_CLIP_SECONDS = 3600.0
"""A clip that begins farther from its alert than this was dated by a worker gone wrong."""
_TEND_SECONDS = 5.0
_EXPIRE_SECONDS = 3600.0
_EVENT_SECONDS = 30.0
"""How long a sight waits for its event to be in the store."""
_NO_CLIP = {
    "worker_lost": "worker_lost",
    "disk": "disk",
    "slow": "disk",
    "busy": "queue",
    "unfit": "unfit",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """A clip that is being written."""

    event_id: int
    sight: Sight
    path: Path
    descriptor: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _FirstSight:
    captured_at: float
    what: str
    snapshot: bytes
    original: bytes


class Clerk:
    """Takes jobs from the watch's thread, and does them in its own."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        store: SharedStore,
        *,
        counts: Counts,
        monotonic: Callable[[], float],
    ) -> None:
        self._shelf = shelf
        self._store = store
        self._counts = counts
        self._monotonic = monotonic
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._frames = threading.BoundedSemaphore(QUEUED)
        """Room for jobs that hold a frame; the others are small, and never dropped."""
        self._early: list[tuple[float, Fired]] = []
        self._first: OrderedDict[tuple[str, str], _FirstSight] = OrderedDict()
        self._open: dict[int, _Open] = {}
        self._clips = 0
        self._next_tend = monotonic()
        # Not at the start: a machine that boots with its clock ahead has it set by then.
        self._next_expiry = monotonic() + _EXPIRE_SECONDS
        self.quality = 90
        self.tasks: deque[ClipTask] = deque()
        """Clips to be ordered; taken from the left by the watch's thread."""
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)
        self._closing = False

    @property
    def died(self) -> bool:
        """Whether its thread has ended, and was not told to."""
        return not self._closing and not self._thread.is_alive()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, job: Job) -> bool:
        """Hand a job over; False where too many wait, which is counted."""
        if isinstance(job, First | Fired):
            # A fire is worth more than a first sight of what may be one.
            crowded = isinstance(job, First) and self._jobs.qsize() > QUEUED // 2
            if crowded or not self._frames.acquire(blocking=False):
                self._counts.count_dropped("queue")
                return False
        self._jobs.put(job)
        return True

    def close(self, timeout_seconds: float) -> None:
        """Do what waits, and end."""
        self._closing = True
        self._jobs.put(None)
        # Where the disk hangs the thread dies with the process.
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        with self._counted():
            self._shelf.prepare()
        while True:
            try:
                job = self._jobs.get(timeout=1.0)
            except queue.Empty:
                with self._counted():
                    self._tend()
                continue
            if job is None:
                break
            with self._counted():
                self._do(job)
            if isinstance(job, First | Fired):
                self._frames.release()
            with self._counted():
                self._tend()
        for clip in list(self._open):
            with self._counted():
                self._end_clip(ClipEnd(clip, "", 0.0, "worker_lost"))
        with self._counted():
            self._shelf.list_again()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Go on whatever happens: what cannot be drawn must not cost what all later alerts show."""
        try:
            yield
        except Exception:
            self._counts.count_dropped("unfit")
            log.exception("evidence_lost")

    def _do(self, job: Job) -> None:
        match job:
            case First(sight):
                self._remember(sight)
            case Fired():
                if self._keep(job):
                    return
                if len(self._early) >= QUEUED:
                    self._counts.count_dropped("queue")
                    return
                self._early.append((self._monotonic() + _EVENT_SECONDS, job))
            case Over(camera, incident):
                self._first.pop((camera, incident), None)
            case ClipEnd():
                self._end_clip(job)

    def _tend(self) -> None:
        now = self._monotonic()
        if now < self._next_tend:
            return
        self._next_tend = now + _TEND_SECONDS
        waiting, self._early = self._early, []
        for until, job in waiting:
            kept = True  # one that fails is counted, and not tried again
            with self._counted():
                kept = self._keep(job)
            if kept:
                continue
            if now < until:
                self._early.append((until, job))
            else:
                self._counts.count_dropped("store")
        self._shelf.list_again()
        self._shelf.clear()
        if now >= self._next_expiry:
            self._next_expiry = now + _EXPIRE_SECONDS
            self._shelf.expire()

    def _remember(self, sight: Sight) -> None:
        """Keep the first sight of an incident in memory: most end without firing."""
        key = (sight.camera, sight.incident)
        if key in self._first:
            return
        self._first[key] = _FirstSight(
            sight.captured_at,
            f"{sight.camera}-{sight.label}-first",
            jpeg(annotate(sight, "first sight"), self.quality),
            jpeg(sight.image.rgb(), self.quality),
        )
        if len(self._first) > FIRST_SIGHTS:
            self._first.popitem(last=False)

    def _keep(self, fired: Fired) -> bool:
        """Write the pictures of an alert, and ask for its clip; False while it has no event."""
        sight = fired.sight
        event_id = self._event_of(sight)
        if event_id is None:
            return False
        at, what = sight.captured_at, f"{sight.camera}-{sight.label}"
        if fired.pictures:
            snapshot = jpeg(annotate(sight), self.quality)
            self._shelf.put(event_id, "snapshot", snapshot, at=at, what=f"{what}-snapshot")
        # The clip's begin is leaving the ring meanwhile, so it comes before the other pictures.
        if fired.clip is not None:
            self._ask(event_id, sight, fired.clip)
        if fired.pictures:
            original = jpeg(sight.image.rgb(), self.quality)
            self._shelf.put(event_id, "original", original, at=at, what=f"{what}-original")
        first = self._first.pop((sight.camera, sight.incident), None)
        if first is not None and first.captured_at < at:
            for kind, data in (("snapshot", first.snapshot), ("original", first.original)):
                self._shelf.put(
                    event_id,
                    "snapshot" if kind == "snapshot" else "original",
                    data,
                    at=first.captured_at,
                    what=f"{first.what}-{kind}",
                )
        return True

    def _event_of(self, sight: Sight) -> int | None:
        try:
            return self._store.event_at(sight.camera, sight.incident, sight.captured_at)
        except StoreError as error:
            log.warning("evidence_waits", error=str(error))
            return None

    def _ask(self, event_id: int, sight: Sight, wish: ClipWish) -> None:
        begun = self._shelf.begin("clip", _LEAST_CLIP_BYTES)
        if begun is None:
            return
        path, descriptor = begun
        # Half of what is left, so that the next clip finds room as well.
        promised = sum(clip.max_bytes for clip in self._open.values())
        room = (self._shelf.spare_bytes() - promised) // 2
        max_bytes = min(LARGEST_CLIP_BYTES, max(_LEAST_CLIP_BYTES, room))
        self._clips += 1
        self._open[self._clips] = _Open(event_id, sight, path, descriptor, max_bytes)
        self.tasks.append(
            ClipTask(
                self._clips,
                sight.camera,
                descriptor,
                wish.since,
                wish.until,
                max_bytes,
            )
        )

    def _end_clip(self, end: ClipEnd) -> None:
        clip = self._open.pop(end.clip, None)
        if clip is None:
            return
        try:
            container, began_at = end.container, end.began_at
            if not container and end.cut == "worker_lost":
                # What it wrote before it died can be played up to its last whole fragment.
                container = self._rescue(clip)
            if not container:
                self._shelf.give_up(clip.path)
                if end.cut == "none":
                    return  # such a camera has pictures alone
                self._counts.count_file("clip", failed=True)
                self._counts.count_dropped(_NO_CLIP.get(end.cut, "no_video"))
                log.warning("clip_missing", camera=clip.sight.camera, cause=end.cut or "no_video")
                return
            if end.cut:
                log.info("clip_cut", camera=clip.sight.camera, cause=end.cut)
            if abs(began_at - clip.sight.captured_at) > _CLIP_SECONDS:
                began_at = clip.sight.captured_at
            self._shelf.finish(
                clip.event_id,
                "clip",
                clip.path,
                clip.descriptor,
                at=began_at,
                what=f"{clip.sight.camera}-{clip.sight.label}-clip",
                suffix=f".{container}",
            )
        finally:
            os.close(clip.descriptor)

    def _rescue(self, clip: _Open) -> str:
        """Cut the file of a writer that died behind its last whole part; empty where there is none,
        as in Matroska."""
        try:
            with os.fdopen(os.dup(clip.descriptor), "r+b") as file:
                length = whole_fragments(file)
                file.truncate(length)
        except OSError:
            return ""
        return "mp4" if length else ""
