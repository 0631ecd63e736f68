import math
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.errors import UsageError
from trainer.option_checks import check_options
from trainer.options import TrainOptions


def options(tmp_path: Path) -> TrainOptions:
    (tmp_path / "images").mkdir(exist_ok=True)
    return TrainOptions(tmp_path / "images", tmp_path / "bundle", cache_dir=tmp_path / "cache")


def test_sound_options_pass_and_write_no_bundle(tmp_path: Path) -> None:
    check_options(options(tmp_path))
    assert not (tmp_path / "bundle").exists()


def test_a_missing_image_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        check_options(replace(options(tmp_path), image_dir=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"validation_percentage": 0}, "--validation-percentage 0: it must be at least 1"),
        ({"testing_percentage": 79}, "more than 80 percent"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0.0}, "--learning-rate 0.0"),
        ({"fine_tune_minutes": -1.0}, "--fine-tune-minutes -1.0: it must be at least 0"),
        ({"fine_tune_minutes": math.nan}, "--fine-tune-minutes nan"),
        ({"learning_rate": math.inf}, "--learning-rate inf: it must be above 0"),
        ({"label_smoothing": 1.0}, "--label-smoothing 1.0: it must be 0 to below 1"),
        ({"cached_views": -1}, "--cached-views -1"),
        ({"random_crop": 91}, "--random-crop 91: it must be 0 to 90"),
        ({"fine_tune_minutes": 1.0, "fine_tune_steps": 1}, "exclude each other"),
        ({"lower_every": 0}, "--lower-every 0"),
        ({"oversample": (("*", 0),)}, "oversample"),
        ({"class_shares": (("fire", 0.0),)}, "--class-share fire=0: it must be above 0"),
    ],
)
def test_a_value_out_of_range_is_named(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        check_options(replace(options(tmp_path), **change))  # type: ignore[arg-type]  # any field


def test_a_cluster_without_ray_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.option_checks.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'ray\[data\]>="):
        check_options(replace(options(tmp_path), ray="local"))


@pytest.mark.parametrize("table", ["groups", "clips"])
def test_a_missing_table_is_named(tmp_path: Path, table: str) -> None:
    path = tmp_path / "missing.tsv"
    changed = (
        replace(options(tmp_path), groups=path)
        if table == "groups"
        else replace(options(tmp_path), clips=path)
    )
    with pytest.raises(UsageError, match=r"missing\.tsv: there is no such file"):
        check_options(changed)


def test_a_missing_extra_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--extra fire=FOLDER"):
        check_options(replace(options(tmp_path), extra=(("fire", tmp_path / "no"),)))


def test_a_missing_backbone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--backbone"):
        check_options(replace(options(tmp_path), backbone=str(tmp_path / "no.h5")))


@pytest.mark.parametrize("option", ["--average-with", "--must-beat"])
def test_a_missing_bundle_to_compare_or_average_with_is_named(tmp_path: Path, option: str) -> None:
    name = option.removeprefix("--").replace("-", "_")
    asked = replace(options(tmp_path), fine_tune_steps=1, **{name: str(tmp_path / "no")})  # type: ignore[arg-type]  # any field
    with pytest.raises(UsageError, match=f"{option} .*no: there is no such folder"):
        check_options(asked)


def test_a_folder_that_holds_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="left alone"):
        check_options(options(tmp_path))


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_text("")
    with pytest.raises(UsageError, match="this is a file"):
        check_options(options(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place_is_refused_before_work_starts(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(UsageError, match="cannot be"):
        check_options(replace(options(tmp_path), output=tmp_path / "locked" / "bundle"))


def test_an_output_below_a_file_is_refused_before_work_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        check_options(replace(options(tmp_path), output=tmp_path / "file" / "bundle"))


def test_an_output_among_the_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="where each folder is a label"):
        check_options(replace(options(tmp_path), output=tmp_path / "images" / "model"))


def test_an_output_that_is_a_mount_point_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "bundle")
    with pytest.raises(UsageError, match="cannot be replaced, as it is a mount point"):
        check_options(options(tmp_path))


def test_a_place_where_even_root_cannot_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written to"):
        check_options(replace(options(tmp_path), output=Path("/proc/bundle")))


def test_a_full_disk_is_found_before_work_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**7))
    with pytest.raises(UsageError, match="10 MB free, and up to 300 MB are needed"):
        check_options(options(tmp_path))


def test_an_unknown_layer_is_named_with_those_near(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such layer \(near: mixed7.*mixed0, mixed1"):
        check_options(replace(options(tmp_path), fine_tune_from="mix7"))
