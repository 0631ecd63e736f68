"""Contenders: processes that take turns."""

from pathlib import Path

import pytest

from monitor.bench.footage import write_clip
from monitor.bench.turns import Contender, Turn, Turns
from monitor.errors import EmberwatchError
from tests.support.clips import green_scene


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "green.mp4"
    return write_clip(path, green_scene((160, 96)), seconds=8, fps=10, gop=10)


def test_decoder_alone_decodes_key_frames(clip: Path) -> None:
    with Contender("decoder", clip) as decoder:
        turn = decoder.turn(0.1)
        again = decoder.turn(0.1)
    assert turn.frames > 0
    assert turn.frames % 8 == 0  # whole passes over a clip of 8 key frames
    assert again.wall_seconds == pytest.approx(0.1, abs=2.0)
    assert 0 < turn.cpu_ms < 1000


def test_reader_is_that_of_the_pipeline_and_tells_of_seconds_of_video(clip: Path) -> None:
    with Contender("reader", clip) as reader:
        assert reader.turn(0.0).frames == 2  # after the five in which it learns the interval


def test_decision_is_measured_with_the_default_rules() -> None:
    with Contender("decision", "") as decision:
        assert decision.turn(0.1).frames >= 2000


def test_contender_that_fails_says_why(tmp_path: Path) -> None:
    with (
        Contender("decoder", tmp_path / "missing.mp4") as decoder,
        pytest.raises(EmberwatchError, match=r"decoder alone ended: .*missing\.mp4"),
    ):
        decoder.turn(0.1)


def test_median_turn_counts() -> None:
    turns = Turns(tuple(Turn(10, seconds, seconds / 2) for seconds in (1.0, 2.0, 10.0)))
    assert (turns.rate, turns.cpu_ms) == (5.0, 100.0)
