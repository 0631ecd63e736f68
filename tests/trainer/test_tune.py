"""``emberwatch tune`` on a recording and on labelled clips, through the real command."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from monitor.cli import app
from monitor.config_file import load_config
from monitor.decision.settings import SmoothingSettings
from monitor.errors import ConfigError
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.recording import Recorder, Source
from tests.support.clips import green_scene, make_clip, red_scene
from tests.support.daemon import write_config
from trainer.sweep import Candidate
from trainer.tune import parse_budget, read_events
from trainer.tune_output import describe, fragment

NOON = 1_700_000_000.0 - 1_700_000_000.0 % 3600


def recording(folder: Path, fires: list[float]) -> Path:
    recorder = Recorder(folder)
    source = Source(("fire", "misc", "smoke"), ("full",), "abc", 1.0)
    for at, fire in enumerate(fires):
        row = np.array([fire, 1 - fire, 0], np.float32)
        parts = (ScoredRegion(Region("full"), row),)
        recorder.add(ScoredFrame("dock", at, NOON + at, 5.0 + at, parts), source)
    recorder.flush()
    return folder


@pytest.mark.parametrize(
    ("text", "per_week"),
    [("1/camera/week", 1.0), ("2/camera/day", 14.0), ("0.5/camera/year", 0.5 * 7 / 365.25)],
)
def test_a_budget_is_so_many_a_camera_and_period(text: str, per_week: float) -> None:
    assert parse_budget(text) == pytest.approx(per_week)


@pytest.mark.parametrize("text", ["", "1", "1/week", "-1/camera/week", "1/camera/fortnight"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no budget; write it like 1/camera/week"):
        parse_budget(text)


def test_known_fires_in_a_recording_are_found_and_the_rest_counts_as_quiet(tmp_path: Path) -> None:
    folder = recording(tmp_path / "scores", [0.02] * 4000 + [0.9] * 20 + [0.02] * 540)
    events = tmp_path / "events.tsv"
    events.write_text(
        f"camera\tbegan\tended\tlabel\ndock\t{NOON + 4000}\t{NOON + 4020}\tfire\n", encoding="utf-8"
    )
    ran = CliRunner().invoke(app, ["tune", str(folder), "--events", str(events), "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert (found["now"]["hazards"], found["now"]["found"]) == (1, 1)
    assert found["proposed"]["false_alarms"] == 0
    assert found["now"]["quiet_hours"] == pytest.approx(4540 / 3600, rel=0.01)


def test_clips_are_scored_and_the_yaml_that_is_proposed_loads(tmp_path: Path) -> None:
    make_clip(tmp_path / "fire.mp4", red_scene(), seconds=15)
    make_clip(tmp_path / "quiet.mp4", green_scene(), seconds=15)
    (tmp_path / "LABELS.tsv").write_text(
        "file\tclass\tfire_or_smoke_onset_s\nfire.mp4\tfire\t0\nquiet.mp4\tmisc\tnone\n",
        encoding="utf-8",
    )
    config = write_config(tmp_path, [{"name": "dock", "url": "file:/x.mp4"}])
    ran = CliRunner().invoke(app, ["tune", str(tmp_path), "--config", str(config)])
    assert ran.exit_code == 0, ran.output
    assert "Not proven:" in ran.stdout
    proposed = yaml.safe_load("decision:" + ran.stdout.split("\ndecision:")[1])
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump(document | proposed), encoding="utf-8")
    assert load_config(config).rules[0].name == "fire"


def test_a_wall_that_always_fires_leaves_nothing_to_propose(tmp_path: Path) -> None:
    folder = recording(tmp_path / "scores", [0.99] * 20)
    ran = CliRunner().invoke(app, ["tune", str(folder)])
    assert ran.exit_code == 1
    assert "Nothing keeps to 1 false alarms" in ran.stdout


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("dock\t5\t1\tfire", "ends before it begins"),
        ("dock\tnoon\t9\tfire", "is no time"),
        ("dock\t2026-03-01T14:30:00\t9\tfire", "says no time zone"),
        ("dock\t5\t\tfire", "ended is missing"),
    ],
)
def test_a_wrong_row_of_events_is_named_with_its_line(tmp_path: Path, row: str, told: str) -> None:
    path = tmp_path / "events.tsv"
    path.write_text(f"camera\tbegan\tended\tlabel\n{row}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"events\.tsv:2: .*{told}"):
        read_events(path)


def test_events_of_a_camera_that_was_not_recorded_are_refused(tmp_path: Path) -> None:
    folder = recording(tmp_path / "scores", [0.1] * 10)
    events = tmp_path / "events.tsv"
    events.write_text("camera\tbegan\tended\tlabel\ngate\t1\t2\tfire\n", encoding="utf-8")
    ran = CliRunner().invoke(app, ["tune", str(folder), "--events", str(events)])
    assert ran.exit_code != 0
    assert "camera 'gate' is in no recording; there are dock" in str(ran.exception)


def test_the_plot_marks_now_and_the_proposal_among_all_that_was_tried(tmp_path: Path) -> None:
    folder = recording(tmp_path / "scores", [0.1] * 60)
    target = tmp_path / "settings.svg"
    ran = CliRunner().invoke(app, ["tune", str(folder), "--plot", str(target)])
    assert ran.exit_code == 0, ran.output
    text = target.read_text(encoding="utf-8")
    assert "594 settings tried" in text
    assert "<title>now</title>" in text
    assert "<title>proposed</title>" in text
    assert "false alarms a camera and week" in text


def test_a_budget_of_none_at_all_is_refused_as_nothing_proves_it() -> None:
    with pytest.raises(ValueError, match="can be proven by no recording"):
        parse_budget("0/camera/week")


def test_a_fire_that_begins_between_two_hours_is_one_that_is_known(tmp_path: Path) -> None:
    folder = recording(tmp_path / "scores", [0.02] * 3600 + [0.9] * 20 + [0.02] * 60)
    events = tmp_path / "events.tsv"
    events.write_text(
        f"camera\tbegan\tended\tlabel\n\ndock\t{NOON + 3599.5}\t{NOON + 3620}\tfire\n",
        encoding="utf-8",
    )
    ran = CliRunner().invoke(app, ["tune", str(folder), "--events", str(events), "--json"])
    assert ran.exit_code == 0, ran.output
    now = json.loads(ran.stdout)["now"]
    assert (now["hazards"], now["found"], now["false_alarms"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"dock\t{NOON - 90}\t{NOON - 60}\tfire", "1 of 1 events lie outside of what was recorded"),
        (f"dock\t{NOON}\t{NOON + 5}\tFire", "no rule is for label 'Fire'"),
    ],
)
def test_an_event_that_cannot_be_counted_is_refused(tmp_path: Path, row: str, message: str) -> None:
    folder = recording(tmp_path / "scores", [0.1] * 10)
    events = tmp_path / "events.tsv"
    events.write_text(f"camera\tbegan\tended\tlabel\n{row}\n", encoding="utf-8")
    ran = CliRunner().invoke(app, ["tune", str(folder), "--events", str(events)])
    assert message in str(ran.exception)


def test_a_camera_without_rules_has_nothing_to_tune(tmp_path: Path) -> None:
    config = write_config(tmp_path, [{"name": "dock", "url": "file:/x.mp4", "rules": []}])
    folder = recording(tmp_path / "scores", [0.1] * 10)
    ran = CliRunner().invoke(app, ["tune", str(folder), "--config", str(config)])
    assert "camera 'dock' has no rule" in str(ran.exception)


def test_a_sequential_test_is_named_and_written_with_its_reference() -> None:
    candidate = Candidate(0.85, 0.0, SmoothingSettings("sequential", reference=0.6))
    assert "sequential, reference 0.6" in describe(candidate)
    assert yaml.safe_load(fragment(candidate))["decision"]["smoothing"] == {
        "kind": "sequential", "reference": 0.6,
    }  # fmt: skip
