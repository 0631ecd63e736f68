"""Recorded clips through the whole pipeline: real decoding, a tiny model, a real engine."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ConfigError, EmberwatchError
from monitor.replay import replay
from monitor.svg import write_svg
from tests.support.bundles import tiny_bundle
from tests.support.clips import encode_jpeg, green_scene, grey_scene, make_clip, red_scene


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    tiny_bundle(folder / "bundle")
    path = folder / "monitor.yaml"
    path.write_text(
        "cameras: [{name: yard, url: clip.mp4}]\n"
        "inference: {bundle: bundle, engine: openvino}\n"
        "rules:\n"
        "  - {name: fire, label: fire, threshold: 0.6, for: 2s, keep_firing_for: 2s}\n"
        "  - {name: smoke, label: smoke, threshold: 0.6, for: 2s, keep_firing_for: 2s}\n"
    )
    return path


@pytest.fixture(scope="module")
def fire_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of nothing, five of fire, five of nothing."""
    calm, burning = green_scene(), red_scene()
    pictures = [burning(n) if 40 <= n < 90 else calm(n) for n in range(140)]
    return make_clip(tmp_path_factory.mktemp("clips") / "fire.mp4", pictures, fps=10, gop=50)


def run(clips: list[Path], config: Path | None, *, as_json: bool = True) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = replay(clips, config=config, as_json=as_json, out=out, err=err)
    return status, out.getvalue(), err.getvalue()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_fire_is_raised_and_resolved_in_media_time(config: Path, fire_clip: Path) -> None:
    status, out, err = run([fire_clip], config)
    assert (status, err) == (0, "")
    *transitions, summary = lines(out)
    assert [(t["alert"], t["state"]) for t in transitions] == [
        ("fire", "pending"),
        ("fire", "firing"),
        ("fire", "resolved"),
    ]
    assert {t["clip"] for t in transitions} == {str(fire_clip)}
    assert {t["label"] for t in transitions} == {"fire"}
    pending, firing, resolved = (t["at_seconds"] for t in transitions)
    assert 4.0 <= pending <= 5.1
    assert firing == pytest.approx(pending + 2.0, abs=0.11)
    assert 9.0 < resolved <= 13.9
    assert summary["frames_scored"] in (14, 15)
    assert summary["fired"] == ["fire"]
    assert summary["max_scores"]["fire"] > 0.9


def test_clip_without_fire_or_smoke_raises_nothing(config: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "calm.mkv", green_scene(), seconds=5, fps=5, gop=5)
    status, out, _ = run([clip], config)
    (summary,) = lines(out)
    assert status == 0
    assert summary["fired"] == []


def test_clip_shorter_than_a_sample_period_is_scored(config: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "short.mp4", red_scene(), seconds=0.4, fps=10, gop=10)
    *_, summary = lines(run([clip], config)[1])
    assert summary["frames_scored"] >= 1
    assert summary["max_scores"]["fire"] > 0.9


def test_folder_of_pictures_is_a_clip(config: Path, tmp_path: Path) -> None:
    scene = grey_scene()
    for number in range(5):
        (tmp_path / f"{number:03}.jpg").write_bytes(encode_jpeg(scene(number)))
    *transitions, summary = lines(run([tmp_path], config)[1])
    assert summary["frames_scored"] == 5
    assert [(t["alert"], t["state"]) for t in transitions] == [
        ("smoke", "pending"),
        ("smoke", "firing"),
    ]


def test_missing_clip_is_named_and_the_others_go_on(
    config: Path, fire_clip: Path, tmp_path: Path
) -> None:
    status, out, err = run([tmp_path / "gone.mp4", fire_clip], config)
    assert status == 1
    assert err.count("\n") == 1
    assert "gone.mp4" in err
    gone, *_, summary = lines(out)
    assert gone.pop("error") in err
    assert gone == {
        "clip": str(tmp_path / "gone.mp4"), "frames_scored": 0, "max_scores": {}, "fired": [],
    }  # fmt: skip
    assert summary["fired"] == ["fire"]
    assert "error" not in summary


def test_truncated_clip_is_named_and_what_it_holds_is_scored(config: Path, tmp_path: Path) -> None:
    options = {"movflags": "+faststart"}  # or half a file would lack the index, and be no clip
    whole = make_clip(
        tmp_path / "whole.mp4", red_scene(), seconds=12, fps=10, gop=10, options=options
    )
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) // 2])
    status, out, err = run([cut], config)
    assert status == 1
    assert "cut.mp4" in err
    summary = lines(out)[-1]
    assert summary["fired"] == ["fire"]
    assert 3 <= summary["frames_scored"] < 12
    assert summary["error"] in err


@pytest.mark.parametrize("content", [b"", b"no video" * 100])
def test_file_that_is_no_clip_is_named(config: Path, tmp_path: Path, content: bytes) -> None:
    clip = tmp_path / "broken.mp4"
    clip.write_bytes(content)
    status, out, err = run([clip], config)
    (summary,) = lines(out)
    assert (status, summary["frames_scored"]) == (1, 0)
    assert run([clip], config, as_json=False)[:2] == (1, "")
    assert err == f"emberwatch replay: {summary['error']}\n"
    assert "broken.mp4" in err
    assert "Traceback" not in err


def test_empty_folder_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    status, out, err = run([tmp_path / "empty"], config)
    (summary,) = lines(out)
    assert (status, summary["frames_scored"]) == (1, 0)
    assert summary["error"] in err
    assert "empty" in err


def test_clip_with_odd_characters_in_its_name_is_read(config: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "50%25 #1: yard?.mp4", green_scene(), seconds=2, fps=5, gop=5)
    status, out, err = run([clip], config)
    assert (status, err) == (0, "")
    assert lines(out)[-1]["clip"] == str(clip)


def test_text_for_people_says_the_same(config: Path, fire_clip: Path) -> None:
    _, out, _ = run([fire_clip], config, as_json=False)
    first, *transitions, last = out.splitlines()
    assert first == str(fire_clip)
    assert [line.split()[2:4] for line in transitions] == [
        ["fire", "pending"],
        ["fire", "firing"],
        ["fire", "resolved"],
    ]
    assert last.endswith("fired: fire")


def test_replay_of_the_same_clip_gives_the_same_lines(config: Path, fire_clip: Path) -> None:
    assert run([fire_clip], config) == run([fire_clip], config)


def test_tiles_and_rate_of_the_configured_camera_hold(
    config: Path, tmp_path: Path, fire_clip: Path
) -> None:
    text = config.read_text().replace(
        "url: clip.mp4", "url: clip.mp4, fps: 2, tiles: {rows: 1, columns: 2}, rules: [smoke]"
    )
    other = config.with_name("tiles.yaml")
    other.write_text(text)
    *_, summary = lines(run([fire_clip], other)[1])
    assert summary["frames_scored"] in (28, 29)
    assert summary["fired"] == ["smoke"]  # evidence for fire counts for smoke's rule


def test_wrong_configuration_or_bundle_is_told(config: Path, fire_clip: Path) -> None:
    wrong = config.with_name("wrong.yaml")
    wrong.write_text("cameras: []\n")
    with pytest.raises(ConfigError):
        run([fire_clip], wrong)
    unknown = config.with_name("unknown.yaml")
    unknown.write_text(config.read_text().replace("label: fire", "label: sparks"))
    with pytest.raises(ConfigError, match="sparks"):
        run([fire_clip], unknown)


def test_each_clip_gets_a_picture_of_its_own(config: Path, fire_clip: Path, tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    target = tmp_path / "why"
    clips = [fire_clip, tmp_path / "gone.mp4", fire_clip]
    assert replay(clips, config=config, explain=target, out=out, err=err) == 1
    assert sorted(path.name for path in target.iterdir()) == ["fire.mp4-2.svg", "fire.mp4.svg"]
    assert "firing" in (target / "fire.mp4.svg").read_text(encoding="utf-8")


def test_one_picture_for_several_clips_and_one_that_cannot_be_written_are_told(
    config: Path, tmp_path: Path
) -> None:
    out = io.StringIO()
    clips = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    with pytest.raises(EmberwatchError, match="name a folder"):
        replay(clips, config=config, explain=tmp_path / "why.svg", out=out, err=out)
    with pytest.raises(EmberwatchError, match="cannot be written"):
        write_svg(tmp_path / "nowhere" / "why.svg", "")
