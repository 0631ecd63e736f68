"""The report of a run."""

import io
import json
from pathlib import Path

import pytest

from monitor.bench.figures import ASKED, Report


def test_file_has_every_figure_that_is_asked_for_at_its_top_level(tmp_path: Path) -> None:
    report = Report("quick")
    report.ratio("cameras", 41)
    report.ratio("h265_over_h264", None)
    assert report.add("ready", "s", [2.0, 1.0, 4.0]) == 2.0
    report.write(tmp_path / "build" / "bench.json")
    written = json.loads((tmp_path / "build" / "bench.json").read_text("utf-8"))
    assert set(ASKED) <= set(written)
    assert (written["cameras"], written["h265_over_h264"]) == (41, None)
    assert written["figures"] == [
        {"name": "ready", "unit": "s", "median": 2.0, "low": 1.0, "high": 4.0}
    ]
    assert written["machine"]["cores"] >= 1


def test_table_says_what_was_not_measured() -> None:
    report, out = Report("quick"), io.StringIO()
    report.ratio("pipeline_over_limit", 1.234)
    report.show(out)
    assert "1.23" in out.getvalue()
    assert "not measured" in out.getvalue()


def test_figures_that_nobody_asked_for_have_no_place_at_the_top() -> None:
    with pytest.raises(ValueError, match="none of the figures"):
        Report("quick").ratio("speed", 1.0)
