"""The footage that ships: its form, and what the model that ships says of it."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from monitor.clips import ClipPipeline, clip_config
from monitor.config_file import load_config
from monitor.share import shared_path

CLIPS = shared_path("config", "demo")
MEGABYTE = 1024 * 1024
QUIET_SECONDS = 6.0
SURE = 0.9
CALM = 0.325
"""Half of the rules' threshold."""


@pytest.fixture(scope="module")
def pipeline() -> Iterator[ClipPipeline]:
    with ClipPipeline(clip_config(shared_path("config", "demo.yaml"))) as opened:
        yield opened


def scores(pipeline: ClipPipeline, clip: str) -> list[tuple[float, dict[str, float]]]:
    """Media time and scores of each frame that the pipeline samples."""
    return [
        (
            frame.captured_monotonic,
            dict(zip(pipeline.labels, frame.regions[0].scores.tolist(), strict=True)),
        )
        for frame in pipeline.scored_frames(CLIPS / f"{clip}.mp4")
    ]


def hazard(score: dict[str, float]) -> float:
    """What fire and smoke come to together: it is this that stands against the threshold."""
    return 1 - score["misc"]


@pytest.mark.parametrize("clip", ["warehouse", "yard", "gate"])
def test_it_is_what_a_camera_sends(clip: str) -> None:
    path = CLIPS / f"{clip}.mp4"
    assert path.stat().st_size < 4 * MEGABYTE
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate
        assert rate is not None
        assert stream.codec_context.name == "h264"
        keys = [frame.key_frame for frame in container.decode(stream)]
    assert 10 <= len(keys) / rate <= 30
    assert [n for n, key in enumerate(keys) if key] == list(range(0, len(keys), round(rate)))


@pytest.mark.parametrize(("clip", "label"), [("warehouse", "fire"), ("yard", "smoke")])
def test_the_model_is_calm_before_and_sure_afterwards(
    pipeline: ClipPipeline, clip: str, label: str
) -> None:
    found = scores(pipeline, clip)
    before = [hazard(score) for at, score in found if at < QUIET_SECONDS]
    after = [score for at, score in found if at >= QUIET_SECONDS + 3]
    assert max(before) < CALM
    assert min(hazard(score) for score in after) > SURE
    assert sum(score[label] > SURE for score in after) > len(after) / 2
    assert all(max(score, key=lambda name: score[name]) == label for score in after)


def test_the_quiet_camera_stays_quiet(pipeline: ClipPipeline) -> None:
    assert max(hazard(score) for _, score in scores(pipeline, "gate")) < CALM


@pytest.mark.parametrize(
    ("clip", "alerts"), [("warehouse", ["fire"]), ("yard", ["smoke"]), ("gate", [])]
)
def test_the_right_alert_fires_and_no_other(
    pipeline: ClipPipeline, clip: str, alerts: list[str]
) -> None:
    assert list(pipeline.run(CLIPS / f"{clip}.mp4").first_firing()) == alerts


def test_the_configuration_names_this_footage() -> None:
    config = load_config(shared_path("config", "demo.yaml"))
    named = {camera.name: Path(camera.url.removeprefix("file:")) for camera in config.cameras}
    assert named == {clip: CLIPS / f"{clip}.mp4" for clip in ("warehouse", "yard", "gate")}
