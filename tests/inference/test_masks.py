"""Masks for some labels: which views are scored, and what becomes of their scores."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import Camera, Mask, Tiles
from monitor.inference.batcher import Batch, Picture
from monitor.inference.bundle import Bundle
from monitor.inference.load import load_engine
from monitor.inference.masks import camera_regions, join_views, masked_views
from monitor.inference.regions import full_view, plan_regions
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.inference.scorer import Scorer, score_frames
from tests.support.bundles import FIRE_COLOUR, LABELS, MISC_COLOUR, SMOKE_COLOUR, plain
from tests.support.frames import frame

ALERTS = ("fire", "smoke")
LEFT = [[0.0, 0.0], [0.4, 0.0], [0.4, 1.0], [0.0, 1.0]]
RIGHT = [[0.6, 0.0], [1.0, 0.0], [1.0, 1.0], [0.6, 1.0]]

label_sets = st.none() | st.lists(st.sampled_from(LABELS), min_size=1, max_size=3, unique=True)


def mask(name: str, polygon: list[list[float]], labels: list[str] | None = None) -> Mask:
    return Mask(name=name, polygon=polygon, labels=labels)


def scored(views: Sequence[Region], rows: Sequence[Sequence[float]]) -> ScoredFrame:
    parts = (
        ScoredRegion(view, np.array(row, np.float32)) for view, row in zip(views, rows, strict=True)
    )
    return ScoredFrame("dock", 1, 0.0, 0.0, tuple(parts))


def test_without_masks_the_regions_are_scored_as_they_are() -> None:
    regions = plan_regions(Tiles())
    assert masked_views(regions, [], ALERTS) == regions


def test_a_mask_for_all_labels_needs_no_view_of_its_own() -> None:
    (view,) = masked_views([full_view()], [mask("m", LEFT)], ALERTS)
    assert (view.name, view.view_of, len(view.hidden)) == ("full", "", 1)


def test_a_mask_for_one_label_needs_a_second_view() -> None:
    first, second = masked_views([full_view()], [mask("m", LEFT, ["fire"])], ALERTS)
    assert (first.name, first.hidden, first.speaks_for) == ("full", (), ("smoke",))
    assert (second.name, second.view_of, len(second.hidden)) == ("full:fire", "full", 1)
    assert second.speaks_for == ("fire", "smoke")


def test_a_mask_for_every_label_that_counts_needs_no_second_view() -> None:
    (view,) = masked_views([full_view()], [mask("m", LEFT, ["smoke", "fire"])], ALERTS)
    assert len(view.hidden) == 1


def test_a_mask_for_a_label_that_raises_nothing_hides_nothing() -> None:
    assert masked_views([full_view()], [mask("m", LEFT, ["misc"])], ALERTS) == (full_view(),)


def test_a_mask_costs_a_view_in_the_regions_that_it_touches_alone() -> None:
    regions = plan_regions(Tiles(rows=1, columns=2, overlap=0))
    views = masked_views(regions, [mask("m", LEFT, ["fire"])], ALERTS)
    names = [view.name for view in views]
    assert names == ["full", "full:fire", "tile-0-0", "tile-0-0:fire", "tile-0-1"]


@settings(max_examples=30)
@given(st.lists(st.tuples(label_sets, st.booleans()), max_size=4))
def test_a_label_is_never_raised_by_a_view_that_shows_what_is_masked_for_it(
    drawn: list[tuple[list[str] | None, bool]],
) -> None:
    masks = [
        mask(f"m{i}", LEFT if left else RIGHT, labels) for i, (labels, left) in enumerate(drawn)
    ]
    views = masked_views([full_view()], masks, ALERTS)
    assert len({view.name for view in views}) == len(views)
    for label in ALERTS:
        hidden = {m.points for m in masks if m.labels is None or label in m.labels}
        speaking = [v for v in views if label in v.speaks_for or len(views) == 1]
        assert speaking
        assert all(hidden <= set(view.hidden) for view in speaking)


def test_each_label_takes_the_highest_score_that_may_raise_it() -> None:
    views = masked_views([full_view()], [mask("m", LEFT, ["fire"])], ALERTS)
    joined = join_views(scored(views, [(0.9, 0.05, 0.05), (0.1, 0.7, 0.2)]), LABELS)
    (part,) = joined.regions
    assert part.region.name == "full"
    assert part.scores.tolist() == pytest.approx([0.1, 0.7, 0.2])


def test_views_of_several_regions_are_joined_each_by_itself() -> None:
    regions = [full_view(), Region("tile-0-0", right=0.5), Region("tile-0-1", left=0.5)]
    views = masked_views(regions, [mask("m", LEFT, ["fire"])], ALERTS)
    rows = [(0.9, 0.1, 0.0), (0.1, 0.9, 0.0), (0.8, 0.2, 0.0), (0.2, 0.8, 0.0), (0.6, 0.4, 0.0)]
    joined = join_views(scored(views, rows), LABELS)
    assert [part.region.name for part in joined.regions] == ["full", "tile-0-0", "tile-0-1"]
    assert [round(float(part.scores[0]), 3) for part in joined.regions] == [0.1, 0.2, 0.6]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).filter(lambda r: sum(r) > 0),
        min_size=2,
        max_size=2,
    )
)
def test_joined_scores_are_probabilities(rows: list[tuple[float, float, float]]) -> None:
    rows = [(a / (a + b + c), b / (a + b + c), c / (a + b + c)) for a, b, c in rows]
    views = masked_views([full_view()], [mask("m", LEFT, ["fire"])], ALERTS)
    (part,) = join_views(scored(views, rows), LABELS).regions
    assert (part.scores >= 0).all()
    assert (part.scores <= 1).all()
    assert float(part.scores.sum()) >= 1 - 1e-5


def test_a_furnace_raises_no_fire_and_its_smoke_is_seen(tiny: Bundle) -> None:
    camera = Camera(name="yard", url="x", masks=[mask("furnace", LEFT, ["fire"])])
    engine = load_engine(tiny, "openvino", max_batch=2)
    scorer = Scorer(engine, tiny.geometry)
    regions = camera_regions(camera, ALERTS)

    def best(left: tuple[int, int, int], right: tuple[int, int, int]) -> str:
        pixels = np.concatenate([plain(left, 40, 60), plain(right, 60, 60)], axis=1)
        (found,) = score_frames(scorer, [(frame(pixels=pixels), regions)], 4)
        (part,) = join_views(found, LABELS).regions
        return LABELS[int(part.scores.argmax())]

    assert best(FIRE_COLOUR, MISC_COLOUR) == "misc"
    assert best(MISC_COLOUR, FIRE_COLOUR) == "fire"
    assert best(SMOKE_COLOUR, SMOKE_COLOUR) == "smoke"
    engine.close()


def test_pictures_of_one_batch_have_their_own_masks(tiny: Bundle) -> None:
    engine = load_engine(tiny, "openvino", max_batch=2)
    scorer = Scorer(engine, tiny.geometry)
    pixels = plain(FIRE_COLOUR)
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    pictures = (
        Picture(frame("a", pixels=pixels), Region("full", hidden=(whole,))),
        Picture(frame("b", pixels=pixels), full_view()),
    )
    rows = scorer.score(Batch(pictures, 0.0))
    assert [LABELS[int(row.argmax())] for row in rows.probabilities] == ["misc", "fire"]
    assert (pixels == FIRE_COLOUR).all()
    engine.close()
