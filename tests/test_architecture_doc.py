"""docs/architecture.md is the map: no module is missing on it, and none is made up."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_module_beside_the_rooms_is_listed() -> None:
    section = PAGE.partition("## Beside the rooms")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`(\w+\.py)`", section))
    there = {path.name for path in (ROOT / "monitor").glob("*.py")} - {"__init__.py"}
    assert listed == there


def test_every_path_that_is_named_is_there() -> None:
    for name in re.findall(r"`((?:monitor|trainer|docs|config)/[\w./-]*)`", PAGE):
        assert (ROOT / name).exists(), name
