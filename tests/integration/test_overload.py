"""More cameras than the machine carries: all slow down alike, and all are watched on."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.config import Config
from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene, make_clip
from tests.support.rtsp import rtsp_server
from tests.support.site import running_site
from tests.support.slow_engine import SlowEngine

SECONDS_PER_PICTURE = 0.08
"""12.5 pictures a second, where 28 are asked for."""
FAST, SLOW = 3.0, 1.0
WINDOW_SECONDS = 7.0


@pytest.mark.debian
def test_all_cameras_slow_down_alike_and_answers_stay_prompt(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "calm.mp4", green_scene((160, 120)), seconds=6, fps=12, gop=4, bit_rate=150_000
    )
    bundle = tiny_bundle(tmp_path / "bundle")
    fps = {f"camera-{n}": FAST if n % 2 else SLOW for n in range(14)}
    with rtsp_server({"/calm": clip}) as server:
        cameras = [{"name": name, "url": server.url("/calm"), "fps": r} for name, r in fps.items()]
        config = Config.model_validate(
            {"cameras": cameras, "inference": {"batch": {"max_size": 4}}}
        )
        with running_site(
            tmp_path, config, bundle, SlowEngine(bundle, SECONDS_PER_PICTURE)
        ) as site:
            site.until(
                lambda: site.value("sampling_share") < 0.6 and site.sampling.fault != "",
                "the overload is seen",
            )
            site.run(3)
            names = list(fps)
            before = sum(site.values("frames_total", names))
            dropped = _overwritten(site.registry, names)
            scored = site.values("frames_scored_total", names)
            late = _slower_than(site.registry, 2.0)
            site.run(WINDOW_SECONDS)
            after = site.values("frames_scored_total", names)
            share = site.value("sampling_share")
            asked = {name: rate * share for name, rate in fps.items()}
            got = {n: (b - a) / WINDOW_SECONDS for n, a, b in zip(names, scored, after, strict=True)}
            # Evenly: each has its part, within one sample or two of the window.
            for name in names:
                assert got[name] == pytest.approx(asked[name], abs=0.45), (share, got)
            # Decoding slows down as well: hardly more is sampled than scored.
            sampled = sum(site.values("frames_total", names)) - before
            assert sampled <= 1.3 * sum(got.values()) * WINDOW_SECONDS + 14
            assert _overwritten(site.registry, names) - dropped <= 0.25 * sampled + 5
            assert dropped > 0, "what was lost is counted"
            assert _slower_than(site.registry, 2.0) == late, "no answer is later than 2 s"
            ratios = site.values("sampling_ratio", names)
            assert max(ratios) < 0.95
            assert min(ratios) > 0.2


def _overwritten(registry: CollectorRegistry, cameras: list[str]) -> float:
    return sum(
        registry.get_sample_value(
            "emberwatch_frames_dropped_total", {"camera": camera, "reason": "overwritten"}
        )
        or 0.0
        for camera in cameras
    )


def _slower_than(registry: CollectorRegistry, seconds: float) -> float:
    name, stage = "emberwatch_stage_duration_seconds", "capture_to_decision"
    count = registry.get_sample_value(f"{name}_count", {"stage": stage}) or 0.0
    within = registry.get_sample_value(f"{name}_bucket", {"stage": stage, "le": str(seconds)})
    return count - (within or 0.0)
