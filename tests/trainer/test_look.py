import shutil
from pathlib import Path

import numpy as np

from tests.support.pictures import write_folders
from trainer.dataset import scan
from trainer.look import look


def test_pictures_are_decoded_once_wherever_they_lie(tmp_path: Path) -> None:
    write_folders(tmp_path / "here", 6)
    cache = tmp_path / "cache"
    told: list[int] = []
    first = look(scan(tmp_path / "here"), cache, told.append)
    size = next(cache.iterdir()).stat().st_size
    shutil.move(tmp_path / "here", tmp_path / "there")
    again = look(scan(tmp_path / "there"), cache, told.append)
    assert sum(told) == 36
    assert next(cache.iterdir()).stat().st_size == size
    assert again.digests == first.digests
    np.testing.assert_array_equal(again.thumbnails, first.thumbnails)


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    write_folders(tmp_path, 6)
    (tmp_path / "fire" / "fire-03.jpg").write_bytes(b"\xff\xd8\xff")
    examples = scan(tmp_path)
    (tmp_path / "misc" / "misc-01.jpg").unlink()
    found = look(examples, tmp_path / "cache", lambda _: None)
    assert {broken.example.name for broken in found.unreadable} == {
        "fire/fire-03.jpg", "misc/misc-01.jpg",
    }  # fmt: skip
    assert len(found.examples) == len(found.digests) == len(found.thumbnails) == 16
