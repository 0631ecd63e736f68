"""Which regions are scored: the full view always, the rest in turns, and none never."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.config import Tiles
from monitor.inference.regions import plan_regions
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.region_plan import CHANGED_WEIGHT, LEAST_TILES, Demand, RegionPlan, allot
from monitor.still_scene import StillSettings

REGIONS = plan_regions(Tiles(rows=3, columns=4, overlap=0.0))
TILES = len(REGIONS) - 1
SETTINGS = StillSettings(longest_seconds=5.0, calm_score=0.2)
SCENE = np.full((36, 64), 90, np.uint8)


class Camera:
    """A camera whose plan is asked for one frame a second."""

    def __init__(self, tiles_per_frame: float | None) -> None:
        self.plan = RegionPlan(REGIONS, (0, 2), tiles_per_frame)
        self.now = 0
        self.scored_at = dict.fromkeys((region.name for region in REGIONS), 0)
        self.longest = dict.fromkeys(self.scored_at, 0)

    def frame(
        self, gist: NDArray[np.uint8] = SCENE, *, hot: str = "", everything: bool = False
    ) -> list[str]:
        self.now += 1
        chosen = self.plan.choose(self.now, gist, float(self.now), SETTINGS, everything=everything)
        parts = [ScoredRegion(r, scores(0.5 if r.name == hot else 0.02)) for r in chosen]
        at = float(self.now)
        merged = self.plan.complete(ScoredFrame("dock", self.now, at, at, tuple(parts)))
        assert [part.region.name for part in merged.regions] == [r.name for r in REGIONS]
        for region in chosen:
            waited = self.now - self.scored_at[region.name]
            self.longest[region.name] = max(self.longest[region.name], waited)
            self.scored_at[region.name] = self.now
        return [region.name for region in chosen]


def scores(fire: float) -> NDArray[np.float32]:
    return np.array([fire, 1.0 - fire, 0.0], np.float32)


def tile(region: str, level: int = 200) -> NDArray[np.uint8]:
    """The scene with another level in one tile."""
    (found,) = (r for r in REGIONS if r.name == region)
    gist = SCENE.copy()
    gist[
        round(found.top * 36) + 1 : round(found.bottom * 36) - 1,
        round(found.left * 64) + 1 : round(found.right * 64) - 1,
    ] = level
    return gist


def test_the_first_frame_is_scored_whole_and_each_has_its_full_view() -> None:
    camera = Camera(1.0)
    assert len(camera.frame()) == TILES + 1
    assert all(camera.frame()[0] == "full" for _ in range(20))


@given(
    st.floats(1.0, 12.0),
    st.lists(st.sets(st.integers(0, TILES - 1), max_size=TILES), min_size=60, max_size=120),
    st.sampled_from(["", "tile-0-0", "tile-2-3"]),
)
def test_every_tile_has_its_turn_whatever_changes_or_stays_hot_elsewhere(
    tiles_per_frame: float, changes: list[set[int]], hot: str
) -> None:
    camera = Camera(tiles_per_frame)
    camera.frame(hot=hot)
    taken = 0
    for number, tiles in enumerate(changes):
        gist = SCENE.copy()
        for index in tiles:
            row, column = divmod(index, 4)
            gist[row * 12 : row * 12 + 12, column * 16 : column * 16 + 16] = 100 + number
        taken += len(camera.frame(gist, hot=hot)) - 1
    turns = max(tiles_per_frame - bool(hot), LEAST_TILES)
    bound = (CHANGED_WEIGHT + 1) * (TILES / turns + 1)
    waits = [camera.now - at for at in camera.scored_at.values()]
    assert max([*camera.longest.values(), *waits]) <= bound
    allowed = max(tiles_per_frame, LEAST_TILES + bool(hot))
    assert taken <= allowed * len(changes) + TILES, "the budget is kept"


def test_a_tile_that_changed_comes_first() -> None:
    camera = Camera(1.0)
    for _ in range(30):
        camera.frame()
    assert "tile-1-2" in camera.frame(tile("tile-1-2")) + camera.frame(tile("tile-1-2"))


def test_a_tile_that_looks_suspicious_is_scored_each_time() -> None:
    camera = Camera(1.0)
    camera.frame(hot="tile-2-3")
    for _ in range(10):
        assert "tile-2-3" in camera.frame(hot="tile-2-3")


def test_frames_that_were_passed_over_leave_their_share_to_the_next() -> None:
    camera = Camera(1.0)
    camera.frame()
    for _ in range(6):
        camera.now += 4  # a still scene is scored every five seconds
        assert len(camera.frame()) == 1 + 5
    assert max(camera.longest.values()) <= 15


def test_with_an_alert_everything_is_scored() -> None:
    camera = Camera(1.0)
    camera.frame()
    assert len(camera.frame(everything=True)) == TILES + 1


def test_without_a_budget_only_what_is_calm_and_unchanged_is_left_out_and_not_for_long() -> None:
    camera = Camera(None)
    camera.frame()
    assert camera.frame() == ["full"]
    assert camera.frame(tile("tile-0-1")) == ["full", "tile-0-1"]
    for _ in range(40):
        camera.frame()
    assert max(camera.longest.values()) == SETTINGS.longest_seconds


def test_what_was_not_scored_keeps_the_scores_that_it_had() -> None:
    plan = RegionPlan(REGIONS[:2], (0,), None)
    plan.choose(1, SCENE, 1.0, SETTINGS, everything=False)
    first = [ScoredRegion(REGIONS[0], scores(0.1)), ScoredRegion(REGIONS[1], scores(0.15))]
    plan.complete(ScoredFrame("dock", 1, 1.0, 1.0, tuple(first)))
    plan.choose(2, SCENE, 2.0, SETTINGS, everything=False)
    second = (ScoredRegion(REGIONS[0], scores(0.05)),)
    merged = plan.complete(ScoredFrame("dock", 2, 2.0, 2.0, second))
    assert [float(part.scores[0]) for part in merged.regions] == pytest.approx([0.05, 0.15])
    assert merged.captured_monotonic == 2.0


@given(st.floats(1.0, 3.0), st.integers(0, 5))
def test_what_was_scored_before_an_outage_never_stands_for_a_region(
    tiles_per_frame: float, lost: int
) -> None:
    """However many frames after it are lost on their way to the engine."""
    camera = Camera(tiles_per_frame)
    camera.frame()
    camera.plan.forget()
    camera.now += 3600
    for _ in range(lost):
        camera.now += 1
        camera.plan.choose(camera.now, SCENE, float(camera.now), SETTINGS, everything=False)
    assert len(camera.frame()) == TILES + 1


def test_all_views_of_a_region_are_scored_together() -> None:
    second = Region("tile-0-0:smoke", view_of="tile-0-0")
    views = (REGIONS[0], Region("tile-0-0"), second, Region("tile-0-1"))
    plan = RegionPlan(views, (0,), 1.0)
    assert plan.choose(1, SCENE, 1.0, SETTINGS, everything=False) == views


DEMANDS = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.builds(Demand, fps=st.floats(0.1, 10.0), extra=st.integers(0, 64)),
    min_size=1,
    max_size=40,
)


@given(DEMANDS, st.floats(0.0, 2000.0))
def test_the_budget_is_shared_evenly_and_kept(demands: dict[str, Demand], budget: float) -> None:
    allotted = allot(budget, demands)
    assert allotted.keys() == demands.keys()
    least = sum(d.fps * (1 + min(LEAST_TILES, d.extra)) for d in demands.values())
    spent = sum(d.fps * (1 + allotted[name]) for name, d in demands.items())
    assert spent <= max(budget, least) * 1.000001
    # Who has less than another has all that it needs.
    most = max(allotted.values())
    for name, demand in demands.items():
        assert allotted[name] == pytest.approx(most) or allotted[name] == demand.extra
