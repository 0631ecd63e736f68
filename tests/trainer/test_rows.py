import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import TrainingError
from trainer.rows import KEY_BYTES, Rows

ROW = np.dtype([("key", np.uint8, (KEY_BYTES,)), ("value", np.float16, (3,))])


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def write(path: Path, numbers: range) -> None:
    rows = Rows(path, ROW)
    for number in numbers:
        rows.put(key(number), value=number)
    rows.flush()


def test_what_was_put_is_found_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "some.rows"
    write(path, range(3))
    found = Rows(path, ROW)
    assert key(2) in found
    assert key(3) not in found
    assert found[key(2)]["value"].tolist() == [2, 2, 2]


def test_many_rows_reach_the_disk_before_the_end(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "some.rows", ROW)
    for number in range(300):
        rows.put(key(number), value=0)
    assert key(200) in Rows(tmp_path / "some.rows", ROW)


@given(st.integers(0, 4 * ROW.itemsize))
def test_a_file_that_was_cut_off_anywhere_loses_only_the_torn_row(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "some.rows"
    write(path, range(4))
    path.write_bytes(path.read_bytes()[:size])
    write(path, range(10, 12))
    found = Rows(path, ROW)
    whole = size // ROW.itemsize
    assert [key(n) in found for n in range(4)] == [n < whole for n in range(4)]
    assert [found[key(n)]["value"][0] for n in (10, 11)] == [10, 11]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    rows = Rows(tmp_path / "file" / "some.rows", ROW)
    rows.put(key(0), value=0)
    with pytest.raises(TrainingError, match="cannot be written"):
        rows.flush()
