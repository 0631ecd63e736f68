"""Recorded scores through the daemon's decision."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.errors import ConfigError
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.recording import Recorder, RecordingError, Source
from monitor.replay_recording import Asked, replay_recording

WALL = 1_772_375_400.0
"""2026-03-01T14:30:00Z."""
SOURCE = Source(("fire", "misc", "smoke"), ("full",), "abc", 1.0)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fire from 14:31:00 to 14:31:30 and again from 14:40:00, in two stretches of uptime."""
    folder = tmp_path_factory.mktemp("scores")
    recorder = Recorder(folder)
    for second in range(900):
        fire = 0.9 if 60 <= second < 90 or second >= 600 else 0.02
        values = np.array([fire, 1 - fire, 0.0], np.float32)
        uptime = 5000.0 + second if second < 300 else second - 290.0
        recorder.add(
            ScoredFrame(
                "dock", second, WALL + second, uptime, (ScoredRegion(Region("full"), values),)
            ),
            SOURCE if second < 300 else Source(SOURCE.labels, SOURCE.regions, "def", 1.0),
        )
    recorder.flush()
    return folder


def lines(asked: Asked, config: Path | None = None) -> list[dict[str, Any]]:
    out = io.StringIO()
    assert replay_recording(asked, config=config, as_json=True, out=out) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_recorded_fire_is_raised_at_the_time_of_day(scores: Path) -> None:
    *changes, summary = lines(Asked(scores, "dock"))
    firing = [c["at"] for c in changes if (c["alert"], c["state"]) == ("fire", "firing")]
    assert [at - WALL for at in firing] == pytest.approx([61, 601], abs=2)
    assert summary == {"camera": "dock", "frames": 900, "fired": ["fire"]}


def test_a_part_is_decided_as_it_is_in_the_whole(scores: Path) -> None:
    *whole, _ = lines(Asked(scores, "dock"))
    *part, summary = lines(Asked(scores, "dock", WALL + 61.5, WALL + 400))
    assert part == [c for c in whole if WALL + 61.5 <= c["at"] <= WALL + 400]
    assert summary["frames"] == 339


def test_the_picture_shows_the_time_of_day(scores: Path, tmp_path: Path) -> None:
    target = tmp_path / "why.svg"
    ran = CliRunner().invoke(
        app,
        ["replay", str(scores), "--camera", "dock", "--from", "2026-03-01T14:30:30Z",
         "--to", "2026-03-01T14:35:00Z", "--explain", str(target)],
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert "fire             firing" in ran.stdout
    text = target.read_text(encoding="utf-8")
    assert "time of day, UTC" in text
    assert "2026-03-01 14:31" in text


def test_what_is_not_there_is_told(scores: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="at that time; they are from 2026-03-01T14:30:00Z"):
        lines(Asked(scores, "dock", WALL + 5000))
    with pytest.raises(RecordingError, match="there are dock"):
        lines(Asked(scores, "gate"))
    config = tmp_path / "monitor.yaml"
    config.write_text("cameras: [{name: yard, url: clip.mp4}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="has no camera 'dock'; there are yard"):
        lines(Asked(scores, "dock"), config)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "2026-03-01T14:30:00Z"], "name their --camera"),
        (["--camera", "dock", "--from", "noon"], "is no time"),
        (["--camera", "dock", "--to", "nan"], "is no time"),
        (["more", "--camera", "dock"], "one folder"),
    ],
)
def test_arguments_that_do_not_fit_are_told(scores: Path, arguments: list[str], told: str) -> None:
    ran = CliRunner().invoke(app, ["replay", str(scores), *arguments])
    assert ran.exit_code == 2
    assert told in " ".join(ran.output.replace("│", " ").split())
