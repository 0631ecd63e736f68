"""From frames to scores: cut the regions, run the engine, try once more where it fails."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.image import resize
from monitor.inference.batcher import Batch, Batcher, Picture, scored_frame, scored_regions
from monitor.inference.buckets import check_scores
from monitor.inference.engine import Engine, Plain
from monitor.inference.manifest import Geometry
from monitor.inference.regions import bounds, cut, full_view, part_of
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion, Scores
from monitor.inference.shrink import Shrinker
from monitor.inference.stencil import Stencils
from monitor.ingest.frame import Frame

STAGES = ("cut", "engine")
"""The stages whose durations are observed, in order."""


def _ignore_duration(stage: str, seconds: float) -> None:
    """For callers that measure nothing."""


def _ignore_failure(error: EngineError) -> None:
    """For callers that count nothing."""


class Scorer:
    """Scores batches with one engine. Keeps its buffer, so it is not for two threads at once."""

    def __init__(
        self,
        engine: Engine,
        geometry: Geometry,
        *,
        observe: Callable[[str, float], None] = _ignore_duration,
        on_failure: Callable[[EngineError], None] = _ignore_failure,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Args:
            engine: what scores.
            geometry: the bundle's.
            observe: told the duration of each stage of each batch, in seconds.
            on_failure: told each failure of the engine, also of a first try that is repeated.
            timer: monotonic time, seconds.
        """
        self.engine = engine
        self._geometry = geometry
        self._observe = observe
        self._on_failure = on_failure
        self._timer = timer
        self._buffer = self._allocate(1)
        self._shrinker = Shrinker(geometry)
        self._stencils = Stencils(geometry)

    def score(self, batch: Batch) -> Scores:
        """Score a batch.

        Returns:
            One row for each picture.

        Raises:
            EngineError: the engine failed twice in a row on it.
        """
        try:
            return self._try(batch)
        except EngineError as error:
            self._on_failure(error)
        try:
            return self._try(batch)
        except EngineError as error:
            self._on_failure(error)
            raise

    def step(self, batcher: Batcher, now: float, *, force: bool = False) -> list[ScoredFrame]:
        """Score the batch that is due, if any; the frames that are complete with it.

        Args:
            batcher: gives the batch and gets its scores back.
            now: monotonic time, seconds.
            force: score what waits though it is not due.

        Raises:
            EngineError: as :meth:`score`; the frames of the batch are given up.
        """
        batch = batcher.take(now, force=force)
        if batch is None:
            return []
        try:
            scores = self.score(batch)
        except EngineError:
            batcher.fail(batch)
            raise
        return batcher.complete(batch, scores)

    def _try(self, batch: Batch) -> Scores:
        """One try. Whatever runs out of memory in it is a failure as any other: the daemon goes on,
        says that it is not ready, and is restarted if it does not get better."""
        try:
            coloured = _Coloured()
            pictures = self._cut(batch, coloured)
            return self._run(pictures, partial(self._plain, batch, coloured))
        except (MemoryError, cv2.error, FFmpegError) as error:
            raise EngineError(
                f"a batch of {len(batch)} pictures could not be scored: {_brief(error)}; if memory "
                "is short, give the machine (or MemoryMax= of the unit) more, or lower "
                "inference.batch.max_size"
            ) from error

    def _cut(self, batch: Batch, coloured: "_Coloured") -> NDArray[np.uint8]:
        started = self._timer()
        if len(batch) > len(self._buffer):
            self._buffer = self._allocate(len(batch))
        pictures = self._buffer[: len(batch)]
        for slot, picture in zip(pictures, batch.pictures, strict=True):
            frame, region = picture.frame, picture.region
            if region == full_view() and self._shrinker.whole(frame.image, slot):
                continue
            pixels = coloured.of(frame)
            if region.hidden:
                # Exactly the areas that the stencil reckons with: nothing hidden shines through.
                cut(pixels, region, self._geometry, out=slot)
            else:
                self._shrinker.shrink(part_of(pixels, region, self._geometry), slot)
            self._stencils.fill(slot, region, *frame.image.size)
        self._observe("cut", self._timer() - started)
        return pictures

    def _plain(
        self, batch: Batch, coloured: "_Coloured", numbers: NDArray[np.intp]
    ) -> NDArray[np.uint8]:
        """Some pictures of a batch as the model is judged by: in one step from the whole frame.

        Raises:
            EngineError: memory ran out.
        """
        try:
            pictures = self._allocate(len(numbers))
            for slot, number in zip(pictures, numbers.tolist(), strict=True):
                frame, region = batch.pictures[number].frame, batch.pictures[number].region
                left, top, right, bottom = bounds(region, *frame.image.size)
                part = coloured.of(frame)[top:bottom, left:right]
                resize(part, self._geometry.width, self._geometry.height, slot)
                self._stencils.fill(slot, region, *frame.image.size)
        except (MemoryError, cv2.error, FFmpegError) as error:
            raise EngineError(f"no second look was possible: {_brief(error)}") from error
        return pictures

    def _run(self, pictures: NDArray[np.uint8], plain: Plain) -> Scores:
        started = self._timer()
        scores = self.engine.score(pictures, plain)
        self._observe("engine", self._timer() - started)
        return check_scores(scores, len(pictures), len(self.engine.labels))

    def _allocate(self, size: int) -> NDArray[np.uint8]:
        return np.empty((size, self._geometry.height, self._geometry.width, 3), np.uint8)


class _Coloured:
    """The frames of one batch in RGB. The last one is kept: the regions of a frame come together,
    and 1080p of all frames would be 100 MB."""

    def __init__(self) -> None:
        self._last: Frame | None = None
        self._made: NDArray[np.uint8] | None = None

    def of(self, frame: Frame) -> NDArray[np.uint8]:
        """The frame's picture: uint8 (height, width, 3)."""
        if self._made is None or frame is not self._last:
            self._made = None
            self._last, self._made = frame, frame.image.rgb()
        return self._made


def _brief(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def score_frames(
    scorer: Scorer, frames: Iterable[tuple[Frame, Sequence[Region]]], max_batch: int
) -> list[ScoredFrame]:
    """Score frames now, each with its regions, in batches of up to ``max_batch`` pictures.

    For recorded clips: no frame is dropped, also where several are of one camera.

    Returns:
        One for each frame, in the order they came.

    Raises:
        EngineError: the engine failed twice in a row on a batch.
    """
    pairs = [(frame, tuple(regions)) for frame, regions in frames]
    pictures = [Picture(frame, region) for frame, regions in pairs for region in regions]
    rows: list[ScoredRegion] = []
    for start in range(0, len(pictures), max_batch):
        batch = Batch(tuple(pictures[start : start + max_batch]), 0.0)
        rows += scored_regions(batch, scorer.score(batch))
    scored: list[ScoredFrame] = []
    done = 0
    for frame, regions in pairs:
        scored.append(scored_frame(frame, rows[done : done + len(regions)]))
        done += len(regions)
    return scored
