import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.errors import TrainingError
from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import write_folders
from trainer.augment import Recipe
from trainer.backbone import Backbone, load_backbone
from trainer.cached_views import compute_views, plan_views, recipe_key
from trainer.dataset import Example, scan

DIGESTS = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(40)]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(str(write_tiny_backbone(tmp_path_factory.mktemp("start") / "tiny")))


@given(st.integers(0, 3), st.integers(1, 3), st.floats(0, 1))
def test_no_picture_is_a_scene_for_itself_and_scenes_are_those_given(
    scenes: int, count: int, share: float
) -> None:
    planned = plan_views(DIGESTS, range(scenes), share, count, 0)
    assert [view.picture for view in planned] == list(range(40)) * count
    assert len({view.key for view in planned}) == len(planned)
    for view in planned:
        assert view.scene is None or (view.scene < scenes and view.scene != view.picture)


def test_as_many_views_are_small_as_asked_for() -> None:
    planned = plan_views(DIGESTS, range(20), 0.5, 10, 0)
    assert 150 < sum(view.scene is not None for view in planned) < 250


def test_a_new_picture_changes_few_of_the_other_views() -> None:
    before = {view.key for view in plan_views(DIGESTS[:39], range(20), 1.0, 4, 0)}
    after = {view.key for view in plan_views(DIGESTS, [*range(20), 39], 1.0, 4, 0)}
    assert len(before - after) < 0.25 * len(before)
    assert {view.key for view in plan_views(DIGESTS[:39], range(20), 1.0, 5, 0)} > before
    assert not before & {view.key for view in plan_views(DIGESTS[:39], range(20), 1.0, 4, 1)}


def test_each_recipe_has_its_own_views() -> None:
    assert recipe_key(Recipe()) == recipe_key(Recipe())
    assert recipe_key(Recipe()) != recipe_key(Recipe(mirrored=0.0))


def test_views_of_pictures_that_were_shrunk_otherwise_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = recipe_key(Recipe())
    monkeypatch.setattr("trainer.views.SHORT_SIDE", 300)
    assert recipe_key(Recipe()) != before


def test_a_run_that_was_stopped_computes_only_what_is_missing(
    tmp_path: Path, backbone: Backbone
) -> None:
    examples = scan(write_folders(tmp_path / "images", 5))
    digests = [hashlib.sha256(e.path.read_bytes()).hexdigest() for e in examples]
    recipe = Recipe(small=0.5)

    def run(told: list[int]) -> NDArray[np.float16]:
        return compute_views(
            examples, digests, backbone, recipe, "misc", 2, 0, tmp_path / "cache", told.append
        )

    told: list[int] = []
    whole = run(told)
    assert whole.shape == (2, 15, 2048)
    assert (whole[0] != whole[1]).any(axis=1).all()
    assert sum(told) == 30
    rows = next((tmp_path / "cache" / "bottlenecks").iterdir())
    size = rows.stat().st_size
    # As a kill leaves it: half of the rows, and a torn one.
    rows.write_bytes(rows.read_bytes()[: size // 2 + 100])
    told.clear()
    np.testing.assert_array_equal(run(told), whole)
    assert rows.stat().st_size == size
    assert told[0] == 15


def test_a_picture_that_vanished_is_named(tmp_path: Path, backbone: Backbone) -> None:
    gone = [Example(tmp_path / "gone.jpg", "gone.jpg", "fire", "")]
    with pytest.raises(TrainingError, match=r"gone\.jpg.*it goes on"):
        compute_views(gone, ["0"], backbone, Recipe(), "misc", 1, 0, tmp_path, lambda _: None)
