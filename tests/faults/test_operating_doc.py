"""The table of faults in ``docs/operating.md`` names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAULTS = ROOT / "tests" / "faults"


def rows() -> list[list[str]]:
    """The cells of each fault."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    table = text.partition("| fault | what you see |")[2].partition("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_each_fault_of_the_table_has_a_test_that_exists() -> None:
    assert len(rows()) >= 35
    for cells in rows():
        assert len(cells) == 5, cells
        named = re.findall(r"`([\w/]+\.py)`(?: ([\w\[\]-]+))?", cells[-1])
        assert named, f"{cells[0]}: no test is named"
        for file, part in named:
            path = FAULTS / file if "/" not in file else ROOT / file
            assert path.is_file(), f"{cells[0]}: there is no {file}"
            word = part.strip("[]").partition("-")[2] or part.strip("[]")
            assert word in path.read_text(encoding="utf-8"), f"{cells[0]}: {file} has no {part}"
