"""A camera that is calm for long is decoded in the cheaper way, until something stirs."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from monitor.bench.footage import Picture
from monitor.config import Config
from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene, make_clip, red_scene
from tests.support.site import running_site
from tests.support.slow_engine import SlowEngine

FPS = 5
CALM_FOR = 20
"""Seconds until the quiet clip burns."""


def test_a_calm_camera_goes_without_the_loop_filter_until_it_burns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, burning = green_scene(), red_scene()

    def scene(index: int) -> Picture:
        return calm(index) if index < CALM_FOR * FPS else burning(index)

    clips = {
        "yard": make_clip(tmp_path / "yard.mp4", scene, seconds=CALM_FOR + 10, fps=FPS, gop=FPS),
        "oven": make_clip(tmp_path / "oven.mp4", burning, seconds=10, fps=FPS, gop=FPS),
    }
    cameras = [
        {"name": name, "url": f"file:{clip}", "fps": 1, "loop": True}
        for name, clip in clips.items()
    ]
    bundle = tiny_bundle(tmp_path / "bundle")
    config = Config.model_validate({"cameras": cameras})
    with running_site(tmp_path, config, bundle, SlowEngine(bundle, 0.0)) as site:
        ordered: list[frozenset[str]] = []
        sample = site.supervisor.sample

        def watched(rates: Mapping[str, float], unfiltered: Collection[str] = ()) -> None:
            ordered.append(frozenset(unfiltered))
            sample(rates, unfiltered)

        monkeypatch.setattr(site.supervisor, "sample", watched)
        site.until(lambda: site.value("camera_calm", camera="yard") == 1, "it is calm")
        assert ordered[-1] == {"yard"}
        assert site.value("camera_calm", camera="oven") == 0
        site.until(lambda: site.value("camera_calm", camera="yard") == 0, "it burns")
        assert ordered[-1] == frozenset()
        assert all("oven" not in names for names in ordered)
