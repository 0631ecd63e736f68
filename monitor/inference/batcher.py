"""Which pictures are scored together, and when. Pure: time comes in with each call.

Frames of all cameras wait here for one another, each with its regions. A batch is due when enough
pictures wait to fill it, or when the oldest has waited as long as it may. Per camera only the
newest frame waits: a newer one takes the place, and the age, of the one before, so that a fast
camera cannot put off its own turn. A frame whose regions have begun to be scored is finished,
whatever arrives; or a camera with more regions than fit a batch would never get an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.inference.scored import Region, ScoredFrame, ScoredRegion, Scores
from monitor.ingest.frame import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One region of one frame: what the engine scores as one."""

    frame: Frame
    region: Region


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures that are scored together."""

    pictures: tuple[Picture, ...]
    oldest_wait_seconds: float
    """How long the picture that waited longest had waited when the batch was taken."""

    def __len__(self) -> int:
        return len(self.pictures)

    def frame_of(self, camera: str, sequence: int) -> Frame:
        """The frame of a camera that its pictures were cut from.

        Raises:
            StopIteration: none was.
        """
        frames = (picture.frame for picture in self.pictures)
        return next(one for one in frames if (one.camera, one.sequence) == (camera, sequence))


@dataclass(slots=True, eq=False)
class _Entry:
    """A frame that waits, or whose regions are being scored."""

    frame: Frame
    regions: tuple[Region, ...]
    since: float
    taken: int = 0
    scored: dict[str, ScoredRegion] = field(default_factory=dict)


class Batcher:
    """Fills batches across cameras under a latency bound."""

    def __init__(self, max_size: int, max_wait_seconds: float) -> None:
        """
        Args:
            max_size: most pictures in one batch, at least 1.
            max_wait_seconds: longest time that a picture waits for others.
        """
        self.limit(max_size, max_wait_seconds)
        self._waiting: dict[str, _Entry] = {}
        # By identity of the frame: sequence numbers may begin again when a camera is restarted.
        self._started: dict[int, _Entry] = {}

    def limit(self, max_size: int, max_wait_seconds: float) -> None:
        """Other limits from now on; what waits goes on waiting under these."""
        if max_size < 1:
            raise ValueError(f"max_size is {max_size}, must be at least 1")
        self._max_size = max_size
        self._max_wait = max_wait_seconds

    def add(self, frame: Frame, regions: Sequence[Region], now: float) -> Frame | None:
        """Let a frame wait for its batch.

        Args:
            frame: the newest frame of its camera.
            regions: at least one, with different names.
            now: monotonic time, seconds.

        Returns:
            The older frame of the same camera that this one replaced unscored, to be counted as
            dropped (``overwritten``); None where there was none.
        """
        if not regions:
            raise ValueError(f"camera {frame.camera}: a frame without regions cannot be scored")
        older = self._waiting.get(frame.camera)
        since = now if older is None else older.since
        # Assigning to a key that is there keeps its place in the order.
        self._waiting[frame.camera] = _Entry(frame, tuple(regions), since)
        return None if older is None else older.frame

    def due_in(self, now: float) -> float | None:
        """Seconds until a batch is due: 0 if it is now, None if nothing waits."""
        entries = self._queue()
        if not entries:
            return None
        if sum(len(entry.regions) - entry.taken for entry in entries) >= self._max_size:
            return 0.0
        return max(0.0, min(entry.since for entry in entries) + self._max_wait - now)

    def take(self, now: float, *, force: bool = False) -> Batch | None:
        """The next batch, if one is due; ``force`` takes what waits though it is not due.

        Each batch must come back, to :meth:`complete` or :meth:`fail`.
        """
        due = self.due_in(now)
        if due is None or (due > 0 and not force):
            return None
        pictures: list[Picture] = []
        oldest = now
        for entry in self._queue():
            room = self._max_size - len(pictures)
            if room == 0:
                break
            regions = entry.regions[entry.taken : entry.taken + room]
            pictures += [Picture(entry.frame, region) for region in regions]
            oldest = min(oldest, entry.since)
            if entry.taken == 0:
                del self._waiting[entry.frame.camera]
                self._started[id(entry.frame)] = entry
            entry.taken += len(regions)
        return Batch(tuple(pictures), max(0.0, now - oldest))

    def complete(self, batch: Batch, scores: Scores) -> list[ScoredFrame]:
        """Hand in the scores of a batch.

        Args:
            batch: as it was taken.
            scores: one row for each picture.

        Returns:
            The frames of which all regions are scored now, in the order they were taken.
        """
        if len(scores) != len(batch):
            raise ValueError(f"{len(scores)} rows of scores for {len(batch)} pictures")
        done: list[ScoredFrame] = []
        for picture, part in zip(batch.pictures, scored_regions(batch, scores), strict=True):
            frame = picture.frame
            entry = self._started.get(id(frame))
            if entry is None:  # the camera was removed meanwhile
                continue
            entry.scored[picture.region.name] = part
            if len(entry.scored) == len(entry.regions):
                del self._started[id(frame)]
                parts = [entry.scored[region.name] for region in entry.regions]
                done.append(scored_frame(frame, parts))
        return done

    def fail(self, batch: Batch) -> list[Frame]:
        """Give up the frames of a batch that could not be scored, and return them."""
        keys = dict.fromkeys(id(picture.frame) for picture in batch.pictures)
        return [self._started.pop(key).frame for key in keys if key in self._started]

    def forget(self, camera: str) -> None:
        """Drop all that waits of a camera that is watched no more."""
        self._waiting.pop(camera, None)
        for key, entry in list(self._started.items()):
            if entry.frame.camera == camera:
                del self._started[key]

    def holds(self, camera: str) -> bool:
        """Whether a frame of a camera waits, or is being scored."""
        return camera in self._waiting or any(
            entry.frame.camera == camera for entry in self._started.values()
        )

    def __len__(self) -> int:
        """Pictures that wait."""
        return sum(len(entry.regions) - entry.taken for entry in self._queue())

    def _queue(self) -> list[_Entry]:
        """Entries with pictures that wait: begun ones first, then by age of their place."""
        begun = [entry for entry in self._started.values() if entry.taken < len(entry.regions)]
        return begun + list(self._waiting.values())


def scored_regions(batch: Batch, scores: Scores) -> list[ScoredRegion]:
    """The scores of a batch, picture by picture, in its order."""
    # Copies of their own: a view would keep the scores of the whole batch in memory.
    return [
        ScoredRegion(
            picture.region,
            np.array(scores.probabilities[row], np.float32),
            None if scores.cells is None else np.array(scores.cells[row], np.float32),
        )
        for row, picture in enumerate(batch.pictures)
    ]


def scored_frame(frame: Frame, regions: Sequence[ScoredRegion]) -> ScoredFrame:
    """A frame with the scores of all its regions."""
    return ScoredFrame(
        camera=frame.camera,
        sequence=frame.sequence,
        captured_at=frame.captured_at,
        captured_monotonic=frame.captured_monotonic,
        regions=tuple(regions),
    )
