import shutil
from pathlib import Path

import pytest

from monitor.errors import TrainingError
from tests.support.pictures import picture, write_folders, write_picture
from trainer.dataset import Side, fingerprint, scan
from trainer.split import split


def sides(folder: Path) -> dict[str, Side]:
    return {e.name: e.side for e in split(scan(folder), 25, 25).examples}


def test_moving_the_folder_moves_no_picture_to_another_side(tmp_path: Path) -> None:
    before = sides(write_folders(tmp_path / "here", 30))
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert sides(tmp_path / "there") == before


def test_adding_pictures_moves_no_other_to_another_side(tmp_path: Path) -> None:
    before = sides(write_folders(tmp_path, 30))
    write_picture(tmp_path / "fire" / "another.png", picture("fire", 99))
    after = sides(tmp_path)
    assert {name: after[name] for name in before} == before


def test_labels_are_the_folders_sorted_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    write_folders(tmp_path, 30, ("smoke", "fire"))
    (tmp_path / ".cache").mkdir()
    shutil.copy(tmp_path / "fire" / "fire-00.jpg", tmp_path / "fire" / ".hidden.jpg")
    (tmp_path / "fire" / "notes.txt").write_text("no picture")
    dataset = split(scan(tmp_path), 25, 25)
    assert dataset.labels == ("fire", "smoke")
    assert len(dataset.examples) == 60


def test_pictures_of_one_nohash_stem_stay_together(tmp_path: Path) -> None:
    write_folders(tmp_path, 30)
    for number in range(12):
        write_picture(tmp_path / "fire" / f"barn_nohash_{number}.jpg", picture("fire", number))
    found = {side for name, side in sides(tmp_path).items() if "nohash" in name}
    assert len(found) == 1


def test_extra_folders_count_under_their_label_wherever_they_lie(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", 8)
    for place in ("a", "b"):
        write_picture(tmp_path / place / "candles" / "one.jpg", picture("fire", 50))
    names = [
        next(e for e in scan(tmp_path / "images", [("fire", tmp_path / place / "candles")])
             if "candles" in e.name)
        for place in ("a", "b")
    ]  # fmt: skip
    assert [(e.name, e.label) for e in names] == [("candles/one.jpg", "fire")] * 2


@pytest.mark.parametrize(
    ("labels", "says"),
    [((), "no folder was found"), (("fire",), "only 'fire' was found")],
)
def test_fewer_than_two_labels_are_refused(
    tmp_path: Path, labels: tuple[str, ...], says: str
) -> None:
    write_folders(tmp_path, 8, labels)
    with pytest.raises(TrainingError, match=says):
        scan(tmp_path)


def test_an_empty_folder_of_a_label_is_named(tmp_path: Path) -> None:
    write_folders(tmp_path, 8)
    (tmp_path / "steam").mkdir()
    with pytest.raises(TrainingError, match="label 'steam' holds no picture"):
        scan(tmp_path)


def test_a_label_with_too_few_pictures_is_named(tmp_path: Path) -> None:
    write_folders(tmp_path, 8)
    write_folders(tmp_path, 2, ("steam",))
    with pytest.raises(TrainingError, match="label 'steam': 2 pictures are too few"):
        scan(tmp_path)


def test_an_extra_folder_of_an_unknown_label_is_refused(tmp_path: Path) -> None:
    write_folders(tmp_path, 8)
    with pytest.raises(TrainingError, match="'steam' is no label"):
        scan(tmp_path, [("steam", tmp_path / "fire")])


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path) -> None:
    dataset = split(scan(write_folders(tmp_path / "a", 30)), 25, 25)
    digests = {e.name: "0" for e in dataset.examples}
    moved = split(scan(write_folders(tmp_path / "b", 30)), 25, 25)
    assert fingerprint(dataset, digests) == fingerprint(moved, digests)
    changed = {**digests, dataset.examples[0].name: "1"}
    assert fingerprint(dataset, changed) != fingerprint(dataset, digests)
