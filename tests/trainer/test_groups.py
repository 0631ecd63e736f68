from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.errors import TrainingError
from tests.support.pictures import picture, write_folders
from trainer.dataset import Example, scan
from trainer.groups import apply_groups, join_alike, read_groups, thumbnail


def example(name: str) -> Example:
    return Example(Path(name), name, "fire", name)


def joined(pictures: dict[str, NDArray[np.uint8]]) -> dict[str, str]:
    examples = [example(name) for name in pictures]
    small = np.stack([thumbnail(pixels) for pixels in pictures.values()])
    return {e.name: e.group for e in join_alike(examples, small)[0]}


def recompressed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    smaller = cv2.resize(pixels, (64, 48), interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def brighter(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=0.8, beta=30), np.uint8)


def mirrored(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels[:, ::-1])


@pytest.mark.parametrize("change", [recompressed, brighter, mirrored])
def test_a_changed_copy_is_joined_with_its_original(change: object) -> None:
    assert callable(change)
    original = picture("fire", 1, 120, 160)
    groups = joined({"b.jpg": original, "a.jpg": change(original)})
    assert groups == {"b.jpg": "a.jpg", "a.jpg": "a.jpg"}


def test_different_pictures_of_one_label_stay_apart() -> None:
    groups = joined({f"{chr(97 + n)}.jpg": picture("fire", n) for n in range(20)})
    assert len(set(groups.values())) == 20


def test_neighbours_by_number_are_joined_at_less_likeness() -> None:
    first = picture("fire", 1)
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.normal(0, 24, (6, 8, 3)).astype(np.float32), (80, 60))
    second = np.clip(first + coarse, 0, 255).astype(np.uint8)
    assert len(set(joined({"a_0001.jpg": first, "a_0002.jpg": second}).values())) == 1
    assert len(set(joined({"a_0001.jpg": first, "a_0009.jpg": second}).values())) == 2


def test_groups_that_share_an_alike_picture_become_one() -> None:
    pixels = picture("fire", 1)
    examples = [
        Example(Path("1"), "1", "fire", "x"),
        Example(Path("2"), "2", "fire", "x"),
        Example(Path("3"), "3", "fire", "y"),
    ]
    small = np.stack([thumbnail(picture("fire", 2)), thumbnail(pixels), thumbnail(pixels)])
    found, pairs = join_alike(examples, small)
    assert {e.group for e in found} == {"x"}
    assert pairs == 1


def test_a_flat_picture_is_like_no_other() -> None:
    black = np.zeros((10, 10, 3), np.uint8)
    assert len(set(joined({"a1.jpg": black, "a2.jpg": black, "b.jpg": black}).values())) == 3


def test_the_table_names_groups_and_skips_notes(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "images", 5)
    table = tmp_path / "groups.tsv"
    table.write_text(
        "file\tevent\n"
        "images/fire/fire-00.jpg\tbarn\n"
        "smoke/smoke-01.jpg\tbarn\n"
        "images/fire/fire-02.jpg\tcrop\n"
        "images/fire/fire-03.jpg\t\n"
    )
    groups = read_groups(table, "event", ["crop"])
    found = {e.name: e.group for e in apply_groups(scan(folder), folder, groups)}
    assert found["fire/fire-00.jpg"] == found["smoke/smoke-01.jpg"] == "group:barn"
    assert found["fire/fire-02.jpg"] == "fire/fire-02.jpg"
    assert found["fire/fire-03.jpg"] == "fire/fire-03.jpg"


def test_a_table_without_the_column_says_which_is_missing(tmp_path: Path) -> None:
    table = tmp_path / "groups.tsv"
    table.write_text("file\tevent\n")
    with pytest.raises(TrainingError, match="column 'group' is missing"):
        read_groups(table, "group")


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "groups.tsv"
    table.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_groups(table, "group")
