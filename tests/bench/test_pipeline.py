"""The real daemon under a load that is counted from outside."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.counts import Counts
from monitor.bench.footage import write_clip
from monitor.bench.machine import cpu_seconds, memory_bytes, tree
from monitor.bench.pipeline import Load, capacity, file_camera, highest
from monitor.bench.process import BenchDaemon, Camera
from monitor.bench.standing import memory_per_camera
from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene


def load(*, cameras: int, sampled: float, lost: float = 0.0, up: int | None = None) -> Load:
    names = [f"camera-{number}" for number in range(cameras)]
    counts = Counts(
        dict.fromkeys(names, sampled), dict.fromkeys(names, sampled), {"overwritten": lost},
        {}, 1, 1, 0.1, {}, frozenset(names[: cameras if up is None else up]),
    )  # fmt: skip
    return Load(cameras, 10.0, 1.0, counts)


def test_load_is_carried_where_nothing_is_lost_and_all_are_up_at_their_rate() -> None:
    assert load(cameras=4, sampled=10).carried
    assert not load(cameras=4, sampled=10, lost=1).carried
    assert not load(cameras=4, sampled=8).carried
    assert not load(cameras=4, sampled=10, up=3).carried


def test_cost_of_a_frame_is_that_of_all_processes() -> None:
    assert load(cameras=4, sampled=10).turn.cpu_ms == pytest.approx(25.0)


def test_memory_of_a_further_camera_leaves_out_what_the_first_brings() -> None:
    assert memory_per_camera({1: 300.0}) is None
    assert memory_per_camera({10: 400.0, 20: 500.0}) == 10.0
    assert memory_per_camera({1: 300.0, 10: 400.0, 100: 1300.0}) == 10.0


@given(limit=st.integers(1, 400), first=st.integers(1, 400))
def test_the_highest_number_that_holds_is_closed_in_on(limit: int, first: int) -> None:
    found = highest(lambda count: count <= limit, first, steps=100)
    assert limit - max(1, 0.02 * limit) <= found <= limit


@given(limit=st.integers(0, 100), first=st.integers(1, 100), steps=st.integers(1, 8))
def test_only_so_many_numbers_are_tried_each_once(limit: int, first: int, steps: int) -> None:
    tried: list[int] = []

    def holds(count: int) -> bool:
        tried.append(count)
        return count <= limit

    found = highest(holds, first, steps)
    assert len(tried) == len(set(tried)) <= steps
    held = [count for count in tried if count <= limit]
    assert found == max(held) if held else 1 <= found <= first


def test_capacity_of_the_real_daemon_is_found_by_reloads(tmp_path: Path) -> None:
    """A load far below what any machine carries: each step is carried, and so is the last."""
    clip = write_clip(tmp_path / "clip.mp4", green_scene((160, 96)), seconds=20, fps=5, gop=5)
    told: list[str] = []

    def cameras_of(count: int) -> list[Camera]:
        return [file_camera(number, clip) for number in range(count)]

    found = capacity(
        tmp_path,
        cameras_of,
        2.5,
        window_seconds=2.0,
        steps=2,
        hold_seconds=2.0,
        tell=told.append,
        inference={"bundle": str(tiny_bundle(tmp_path / "bundle").path), "engine": "openvino"},
    )
    assert found.cameras == 3, told
    assert found.held is not None
    assert found.held.scored >= 3
    assert found.held.counts.latency_quantile(0.5) > 0
    assert [line.split()[0] for line in told] == ["2", "3", "3"]


def test_daemon_and_workers_are_seen_as_one(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", green_scene((160, 96)), seconds=4, fps=5, gop=5)
    inference = {"bundle": str(tiny_bundle(tmp_path / "bundle").path), "engine": "openvino"}
    with BenchDaemon(tmp_path, [file_camera(0, clip)], inference=inference) as daemon:
        daemon.wait_scored(1, 30)
        processes = tree(daemon.pid)
        assert len(processes) == 2
        assert memory_bytes(daemon.pid) > memory_bytes(processes[1]) > 10e6
        before = cpu_seconds(daemon.pid)
        deadline = time.monotonic() + 30
        while cpu_seconds(daemon.pid) == before:
            assert time.monotonic() < deadline
    assert memory_bytes(daemon.pid) == 0
