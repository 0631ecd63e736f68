"""Clips with known contents against what the daemon makes of them."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clip_labels import ClipLabel, parse_onset, read_labels
from monitor.clip_measures import Outcome, measure
from monitor.errors import ConfigError
from monitor.evaluate_clips import evaluate_clips
from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene, grey_scene, make_clip, red_scene

HEADER = "file\tclass\tstarts_clear\tfire_or_smoke_onset_s\tnote\n"


def outcome(
    onset: float | None, *firings: tuple[float, str], kind: str = "fire", seconds: float = 60.0
) -> Outcome:
    return Outcome(ClipLabel("a.mp4", kind, onset), seconds, 60, {}, firings, 10.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("~15", 15.0),
        ("1.0 (frame 2)", 1.0),
        ("~12.5 (frame 62)", 12.5),
        (" 3 s ", 3.0),
        ("none", None),
        ("", None),
    ],
)
def test_onset_is_read_as_people_write_it(text: str, seconds: float | None) -> None:
    assert parse_onset(text) == seconds


@given(st.text())
def test_onset_is_read_or_refused(text: str) -> None:
    try:
        seconds = parse_onset(text)
    except ValueError:
        return
    assert seconds is None or seconds >= 0


def test_wrong_rows_are_all_named_with_their_lines(tmp_path: Path) -> None:
    table = tmp_path / "LABELS.tsv"
    table.write_text(
        HEADER
        + "a.mp4\tfire\tno\tsoon\t\n"
        + "b.mp4\tfire\tno\t0\t\n"
        + "../c.mp4\tfire\tno\t0\t\n"
        + "d.mp4\n"
    )
    with pytest.raises(ConfigError) as caught:
        read_labels(table)
    first, second, third = str(caught.value).splitlines()
    assert "line 2" in first
    assert "'soon'" in first
    assert "line 4" in second
    assert "line 5" in third


@pytest.mark.parametrize("text", ["", "file\tnote\n", HEADER])
def test_table_without_columns_or_rows_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "LABELS.tsv").write_text(text)
    with pytest.raises(ConfigError, match=r"LABELS\.tsv: "):
        read_labels(tmp_path / "LABELS.tsv")


def test_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LABELS\.tsv: is missing"):
        read_labels(tmp_path / "LABELS.tsv")


def test_alert_within_the_time_is_in_time() -> None:
    assert outcome(15.0, (18.0, "fire")).verdict == "in time"
    assert outcome(15.0, (25.1, "fire")).verdict == "late"
    assert outcome(15.0).verdict == "missed"


def test_alert_before_the_onset_is_a_false_alarm() -> None:
    early = outcome(15.0, (5.0, "smoke"))
    assert early.false_alarm
    assert early.verdict == "alarm before onset"
    assert not outcome(15.0, (14.5, "fire")).false_alarm


def test_fire_that_is_only_called_smoke_is_said() -> None:
    assert outcome(0.0, (2.0, "smoke")).verdict == "in time, not called fire"
    assert outcome(0.0, (2.0, "smoke"), (4.0, "fire")).verdict == "in time"


def test_measures_count_clips_and_hours() -> None:
    measures = measure(
        [
            outcome(0.0, (2.0, "fire")),
            outcome(30.0, (34.0, "smoke"), kind="smoke"),
            outcome(0.0),
            outcome(None, (9.0, "fire"), kind="misc", seconds=1770.0),
            outcome(None, kind="misc", seconds=1800.0),
        ]
    )
    assert (measures.hazards, measures.quiet, measures.detected) == (3, 2, 2)
    assert measures.precision == pytest.approx(2 / 3)
    assert measures.recall == pytest.approx(2 / 3)
    assert measures.f1 == pytest.approx(2 / 3)
    assert measures.false_alarms_per_hour == pytest.approx(1.0)
    assert (measures.median_delay, measures.longest_delay) == (3.0, 4.0)


def test_measures_of_nothing_are_none() -> None:
    measures = measure([])
    assert measures.precision is measures.recall is measures.median_delay is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    tiny_bundle(folder / "bundle")
    (folder / "monitor.yaml").write_text(
        "cameras: [{name: yard, url: clip.mp4}]\ninference: {bundle: bundle, engine: openvino}\n"
    )
    calm, burning, smoking = green_scene(), red_scene(), grey_scene()
    pictures = [burning(n) if n >= 20 else calm(n) for n in range(50)]
    make_clip(folder / "fire.mp4", pictures, fps=5, gop=5)
    make_clip(folder / "smoke.mp4", smoking, seconds=6, fps=5, gop=5)
    make_clip(folder / "calm.mp4", calm, seconds=6, fps=5, gop=5)
    make_clip(folder / "lamp.mp4", burning, seconds=6, fps=5, gop=5)
    (folder / "LABELS.tsv").write_text(
        HEADER
        + "fire.mp4\tfire\tyes\t~4.0 (frame 20)\t\n"
        + "smoke.mp4\tsmoke\tno\t0\t\n"
        + "calm.mp4\tmisc\tyes\tnone\t\n"
        + "lamp.mp4\tmisc\tyes\tnone\tred, and yet no fire\n"
    )
    return folder


def evaluate(folder: Path, *, as_json: bool) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = evaluate_clips(
        folder, config=folder / "monitor.yaml", as_json=as_json, out=out, err=err
    )
    return status, out.getvalue(), err.getvalue()


def test_clips_are_judged_and_summed_up_as_json(folder: Path) -> None:
    status, out, err = evaluate(folder, as_json=True)
    assert (status, err) == (0, "")
    *clips, last = [json.loads(line) for line in out.splitlines()]
    assert {clip["clip"]: clip["result"] for clip in clips} == {
        "fire.mp4": "in time",
        "smoke.mp4": "in time",
        "calm.mp4": "quiet",
        "lamp.mp4": "false alarm",
    }
    assert last["summary"]["recall"] == 1.0
    assert last["summary"]["precision"] == pytest.approx(2 / 3)
    assert last["summary"]["fires_called_fire"] == 1


def test_table_for_people_says_the_same(folder: Path) -> None:
    _, out, _ = evaluate(folder, as_json=False)
    rows = out.splitlines()
    assert rows[0].startswith("clip")
    assert rows[4].split()[0] == "lamp.mp4"
    assert rows[4].endswith("false alarm")
    assert "recall 1.000" in out


def test_missing_clip_is_named_and_the_others_are_judged(folder: Path) -> None:
    table = folder / "LABELS.tsv"
    before = table.read_text()
    table.write_text(before + "gone.mp4\tfire\tno\t0\t\n")
    try:
        status, out, err = evaluate(folder, as_json=True)
    finally:
        table.write_text(before)
    assert status == 1
    assert "gone.mp4" in err
    assert len(out.splitlines()) == 5
