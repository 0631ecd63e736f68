"""The scorer: regions in, scored frames out, one more try where the engine fails."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from monitor.config import Mask, Tiles
from monitor.errors import EngineError
from monitor.image import resize
from monitor.inference.batcher import Batch, Batcher, Picture
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Plain
from monitor.inference.manifest import Geometry
from monitor.inference.masks import masked_views
from monitor.inference.openvino_engine import OpenVinoEngine
from monitor.inference.regions import bounds, full_view, plan_regions
from monitor.inference.scored import Region, Scores
from monitor.inference.scorer import STAGES, Scorer, score_frames
from monitor.inference.stencil import Stencils
from monitor.layout import Image, Layout
from tests.support.bundles import FIRE_COLOUR, LABELS, MISC_COLOUR, SMOKE_COLOUR, plain
from tests.support.frames import frame

FULL = (full_view(),)
TILED = plan_regions(Tiles(rows=1, columns=2, overlap=0))


class FailingEngine:
    """An engine that fails as often as it is told, and then scores everything as misc."""

    name = "failing"
    device = "none"
    labels: tuple[str, ...] = LABELS
    batch_sizes: Sequence[int] = (1,)

    def __init__(self, failures: int, row: tuple[float, ...] = (0.0, 1.0, 0.0)) -> None:
        self.failures = failures
        self.calls = 0
        self._row = row

    def warm_up(self) -> None:
        """Nothing to warm."""

    def score(self, pictures: NDArray[np.uint8], _plain: Plain | None = None) -> Scores:
        self.calls += 1
        if self.calls <= self.failures:
            raise EngineError(f"failure {self.calls}")
        return Scores(np.array([self._row] * len(pictures), np.float32))

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(scope="module")
def engine(tiny: Bundle) -> OpenVinoEngine:
    return OpenVinoEngine(tiny, max_batch=4)


def one_picture() -> Batch:
    return Batch((Picture(frame(), full_view()),), 0.0)


def test_step_scores_the_due_batch_of_all_cameras(engine: OpenVinoEngine, tiny: Bundle) -> None:
    scorer, batcher = Scorer(engine, tiny.geometry), Batcher(2, 0.05)
    batcher.add(frame("a", 1, pixels=plain(FIRE_COLOUR)), FULL, 0.0)
    assert scorer.step(batcher, 0.0) == []
    batcher.add(frame("b", 2, pixels=plain(SMOKE_COLOUR, 1280, 720)), FULL, 0.0)
    first, second = scorer.step(batcher, 0.0)
    assert (first.camera, second.camera) == ("a", "b")
    assert first.regions[0].scores[LABELS.index("fire")] > 0.99
    assert second.regions[0].scores[LABELS.index("smoke")] > 0.99


def test_each_tile_has_its_own_score(engine: OpenVinoEngine, tiny: Bundle) -> None:
    pixels = np.concatenate([plain(FIRE_COLOUR), plain(MISC_COLOUR)], axis=1)
    scorer, batcher = Scorer(engine, tiny.geometry), Batcher(2, 0.0)
    batcher.add(frame(pixels=pixels), TILED, 0.0)
    assert scorer.step(batcher, 0.0) == []
    (scored,) = scorer.step(batcher, 0.0)
    best = {part.region.name: LABELS[int(part.scores.argmax())] for part in scored.regions}
    assert best["tile-0-0"] == "fire"
    assert best["tile-0-1"] == "misc"


def test_reused_buffer_leaks_no_picture_into_the_next(engine: OpenVinoEngine, tiny: Bundle) -> None:
    scorer = Scorer(engine, tiny.geometry)
    big = [(frame(f"c{i}", pixels=plain(FIRE_COLOUR)), FULL) for i in range(4)]
    small = [(frame("last", pixels=plain(MISC_COLOUR)), FULL)]
    kept = score_frames(scorer, big, 4)
    score_frames(scorer, small, 4)
    assert all(scored.regions[0].scores[0] > 0.99 for scored in kept)


def test_stages_are_observed() -> None:
    seen: list[tuple[str, float]] = []
    ticks = iter(range(100))
    scorer = Scorer(
        FailingEngine(0),
        Geometry(),
        observe=lambda stage, seconds: seen.append((stage, seconds)),
        timer=lambda: float(next(ticks)),
    )
    scorer.score(one_picture())
    assert seen == [(stage, 1.0) for stage in STAGES]


def test_one_failure_is_tried_again_and_told() -> None:
    engine, told = FailingEngine(1), list[EngineError]()
    scores = Scorer(engine, Geometry(), on_failure=told.append).score(one_picture()).probabilities
    assert scores.tolist() == [[0.0, 1.0, 0.0]]
    assert [str(error) for error in told] == ["failure 1"]


def test_second_failure_is_raised_and_the_frames_are_given_up() -> None:
    engine, told = FailingEngine(2), list[EngineError]()
    scorer, batcher = Scorer(engine, Geometry(), on_failure=told.append), Batcher(1, 0.0)
    batcher.add(frame("a", 1), FULL, 0.0)
    with pytest.raises(EngineError, match="failure 2"):
        scorer.step(batcher, 0.0)
    assert engine.calls == len(told) == 2
    assert len(batcher) == 0
    batcher.add(frame("a", 2), FULL, 1.0)
    assert [scored.sequence for scored in scorer.step(batcher, 1.0)] == [2]


@pytest.mark.parametrize("row", [(float("nan"), 0.0, 1.0), (2.0, 0.0, 0.0), (0.5, 0.5)])
def test_what_is_no_score_never_gets_out(row: tuple[float, ...]) -> None:
    with pytest.raises(EngineError):
        Scorer(FailingEngine(0, row), Geometry()).score(one_picture())


@pytest.mark.parametrize("max_batch", [1, 2, 4, 64])
def test_recorded_frames_are_all_scored_in_order(
    engine: OpenVinoEngine, tiny: Bundle, max_batch: int
) -> None:
    colours = [FIRE_COLOUR, MISC_COLOUR, SMOKE_COLOUR]
    frames = [
        (frame("clip", i, at=i / 2, pixels=plain(colours[i % 3])), TILED if i % 2 else FULL)
        for i in range(7)
    ]
    scored = score_frames(Scorer(engine, tiny.geometry), frames, max_batch)
    assert [one.sequence for one in scored] == list(range(7))
    assert [one.captured_monotonic for one in scored] == [i / 2 for i in range(7)]
    for i, one in enumerate(scored):
        assert tuple(part.region for part in one.regions) == frames[i][1]
        assert all(int(part.scores.argmax()) == i % 3 for part in one.regions)


def test_no_frames_give_no_scores(engine: OpenVinoEngine, tiny: Bundle) -> None:
    assert score_frames(Scorer(engine, tiny.geometry), [], 4) == []


class StarvedEngine(FailingEngine):
    """An engine that finds no memory, as often as it is told."""

    def score(self, pictures: NDArray[np.uint8], _plain: Plain | None = None) -> Scores:
        self.calls += 1
        if self.calls <= self.failures:
            raise MemoryError
        return Scores(np.array([self._row] * len(pictures), np.float32))


@pytest.mark.parametrize("failures", [1, 2])
def test_no_memory_is_a_failure_as_any_other(tiny: Bundle, failures: int) -> None:
    told: list[EngineError] = []
    starved = StarvedEngine(failures)
    scorer = Scorer(starved, tiny.geometry, on_failure=told.append)
    if failures == 1:
        assert scorer.score(one_picture()).probabilities.argmax() == LABELS.index("misc")
    else:
        with pytest.raises(EngineError, match="memory"):
            scorer.score(one_picture())
    assert len(told) == failures


class Recorder(FailingEngine):
    """Keeps the pictures that it gets, and those that it may look at again."""

    def __init__(self) -> None:
        super().__init__(0)
        self.first: list[NDArray[np.uint8]] = []
        self.again: list[NDArray[np.uint8]] = []

    def score(self, pictures: NDArray[np.uint8], plain: Plain | None = None) -> Scores:
        assert plain is not None
        self.first += list(pictures.copy())
        self.again += list(plain(np.arange(len(pictures))[::-1]))[::-1]
        return super().score(pictures)


def soft_planes(width: int, height: int) -> Image:
    """Soft colours, as a decoder gives them: I420."""
    coarse = np.random.default_rng(5).integers(0, 256, (9, 9, 3), np.uint8)
    rgb = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    made = VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709
    )
    return Image.of(np.asarray(made.to_ndarray(), np.uint8), Layout.I420_709)


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (320, 180), (16, 16)])
def test_planes_are_cut_as_rgb_is(size: tuple[int, int]) -> None:
    """In the fast way nearly so, and to the last digit where an engine looks again."""
    planes = frame("a", 1, image=soft_planes(*size))
    mask = Mask(name="furnace", polygon=[(0.1, 0.1), (0.4, 0.1), (0.4, 0.6)])
    regions = (*FULL, *TILED[1:], *masked_views((Region("hidden"),), [mask], ("fire",)))
    geometry, engine = Geometry(), Recorder()
    score_frames(Scorer(engine, geometry), [(planes, regions)], 8)
    for region, first, again in zip(regions, engine.first, engine.again, strict=True):
        left, top, right, bottom = bounds(region, *size)
        wanted = resize(planes.image.rgb()[top:bottom, left:right], geometry.width, geometry.height)
        Stencils(geometry).fill(wanted, region, *size)
        assert np.array_equal(again, wanted), region.name
        assert np.abs(first.astype(int) - wanted).mean() < 2.0, region.name


def test_a_second_look_without_memory_is_told_as_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Looks(FailingEngine):
        def score(self, pictures: NDArray[np.uint8], plain: Plain | None = None) -> Scores:
            assert plain is not None
            with pytest.raises(EngineError, match="no second look was possible: full"):
                plain(np.array([0]))
            return super().score(pictures)

    def full(*_: object) -> NDArray[np.uint8]:
        raise MemoryError("full")

    monkeypatch.setattr("monitor.inference.scorer.resize", full)
    assert Scorer(Looks(0), Geometry()).score(one_picture()).probabilities.tolist() == [[0, 1, 0]]
