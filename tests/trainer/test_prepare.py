"""Bad data is refused with one sentence before anything that takes long: before bottlenecks."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError, UsageError
from tests.support.pictures import picture, write_folders, write_picture
from trainer.backbone import Backbone
from trainer.console import Console
from trainer.dataset import Dataset
from trainer.options import TrainOptions
from trainer.prepare import Prepared, prepare, run_key

UNUSED = Backbone(None, "never asked", "")
"""A network that could not compute one bottleneck."""


def prepare_folder(folder: Path, **more: object) -> Prepared:
    options = TrainOptions(
        folder / "images", folder / "bundle", cache_dir=folder / "cache", **more  # type: ignore[arg-type]  # any field
    )  # fmt: skip
    return prepare(options, UNUSED, Console(quiet=True))


def test_a_label_of_one_scene_is_found_before_any_bottleneck(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", 30)
    shutil.rmtree(tmp_path / "images" / "smoke")
    for number in range(30):
        write_picture(
            tmp_path / "images" / "smoke" / f"{number}.jpg", picture("smoke", 1), 95 - number
        )
    with pytest.raises(TrainingError, match="label 'smoke': none of its pictures falls into"):
        prepare_folder(tmp_path)


def test_a_label_of_broken_pictures_is_found_before_any_bottleneck(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", 8)
    for path in (tmp_path / "images" / "smoke").iterdir():
        path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(TrainingError, match="label 'smoke': none of its pictures can be read"):
        prepare_folder(tmp_path)


def test_five_pictures_in_all_are_too_few(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", 2)
    with pytest.raises(TrainingError, match="label 'fire': 2 pictures are too few"):
        prepare_folder(tmp_path)


def test_a_share_for_an_unknown_label_is_refused(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", 6)
    with pytest.raises(UsageError, match="'steam' is no label"):
        prepare_folder(tmp_path, class_shares=(("steam", 0.5),))


@pytest.mark.parametrize("name", [" smoke", "smo\nke", "s" * 64, "smo\x1bke"])
def test_a_label_with_odd_characters_is_named(tmp_path: Path, name: str) -> None:
    write_folders(tmp_path / "images", 6, ("fire", "misc"))
    for number in range(6):
        write_picture(tmp_path / "images" / name / f"{number}.jpg", picture("smoke", number))
    with pytest.raises(TrainingError, match="gives no label that a model can use") as caught:
        prepare_folder(tmp_path)
    assert repr(name) in str(caught.value)
    assert str(caught.value).isprintable()


PLAIN = TrainOptions(Path("images"), Path("bundle"))
NO_PICTURES = Prepared(
    Dataset((), ()), np.zeros((0, 2048), np.float16), np.zeros(0, np.int64), "sha256:0", (),
    np.zeros((0, 16, 16), np.float32), (),
)  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 10}, {"learning_rate": 0.1}, {"batch_size": 7}, {"evaluate_every": 3},
        {"cached_views": 0}, {"head_label_smoothing": 0.1},
    ],
)  # fmt: skip
def test_fine_tuning_does_not_go_on_from_that_of_another_head(change: dict[str, float]) -> None:
    other = replace(PLAIN, **change)  # type: ignore[arg-type]  # any field
    assert run_key(other, NO_PICTURES, UNUSED) != run_key(PLAIN, NO_PICTURES, UNUSED)


def test_checkpoints_of_runs_with_the_defaults_stay_good() -> None:
    # As it was before options were added to it.
    backbone = Backbone(None, "", "ab")
    assert run_key(PLAIN, NO_PICTURES, backbone) == "df1dfbcdeae3c338"
    changed = replace(PLAIN, patience=3, flip=False, fine_tune_from="mixed5")
    assert run_key(changed, NO_PICTURES, backbone) == "324bbac94a5f0a53"
