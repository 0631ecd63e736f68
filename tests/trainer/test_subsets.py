from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli_train import named_patterns
from monitor.errors import TrainingError
from trainer.dataset import Example
from trainer.subsets import members, require_subsets

NAMES = ("fire/cctv_1.jpg", "fire/web-2.jpg", "misc/cctv_3.jpg", "smoke/far/hill.png")


def test_a_subset_holds_what_any_of_its_patterns_fits() -> None:
    found = members((("cctv", "*/cctv_*"), ("far", "smoke/*"), ("cctv", "*web*")), NAMES)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "cctv": [0, 1, 2], "far": [3]
    }  # fmt: skip


def test_a_pattern_that_fits_nothing_is_named_with_a_name_that_there_is() -> None:
    examples = [Example(Path(name), name, "?", name) for name in NAMES]
    require_subsets((("cctv", "*cctv*"),), examples)
    with pytest.raises(TrainingError, match=r"--subset a=b\*: no picture .*'fire/cctv_1.jpg'"):
        require_subsets((("cctv", "*cctv*"), ("a", "b*")), examples)


def test_a_pattern_may_hold_an_equals_sign() -> None:
    assert named_patterns(["a=b=*", " c =d"]) == (("a", "b=*"), ("c", "d"))
    assert named_patterns(None) == ()


@pytest.mark.parametrize("text", ["cctv", "=x", "cctv=", " =x"])
def test_what_is_no_name_with_a_pattern_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it as NAME=PATTERN"):
        named_patterns([text])


@given(st.lists(st.text("ab/", max_size=4), max_size=8), st.text("ab*?/", min_size=1, max_size=4))
def test_a_picture_is_counted_once_however_many_patterns_fit(
    names: list[str], pattern: str
) -> None:
    rows = members((("x", pattern), ("x", pattern)), names)["x"]
    np.testing.assert_array_equal(rows, members((("x", pattern),), names)["x"])
    assert len(set(rows.tolist())) == len(rows)
