"""The section of evidence: sizes, and what cameras have of their own."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.config_camera import films
from monitor.config_evidence import parse_size
from monitor.config_file import load_config
from monitor.credentials import feeds
from monitor.errors import ConfigError


def config_of(folder: Path, **keys: Any) -> Path:
    path = folder / "monitor.yaml"
    cameras = [
        {"name": "dock", "url": "rtsp://h/s"},
        {"name": "hall", "url": "rtsp://h/t", "evidence": {"clips": False}},
    ]
    path.write_text(yaml.safe_dump({"cameras": cameras, **keys}), encoding="utf-8")
    return path


def test_sizes_are_read_as_people_write_them() -> None:
    assert parse_size("500MB") == 500_000_000
    assert parse_size(" 2GiB ") == 2 * 1024**3
    assert parse_size("1.5 GB") == 1_500_000_000
    assert parse_size(4096) == 4096


@given(st.text(max_size=20))
def test_what_is_no_size_is_refused_with_a_sentence(text: str) -> None:
    refused = ""
    try:
        assert isinstance(parse_size(text), int)
    except ValueError as error:
        refused = str(error)
    assert not refused or "write it like 500MB" in refused


def test_cameras_without_clips_keep_no_packets(tmp_path: Path) -> None:
    config = load_config(config_of(tmp_path, evidence={"before": "3s", "ring": "2MB"}))
    assert [films(camera, config.evidence) for camera in config.cameras] == [True, False]
    dock, hall = feeds(config)
    assert (dock.ring_seconds, dock.ring_bytes) == (3.0, 2_000_000)
    assert hall.ring_bytes == 0
    config = load_config(config_of(tmp_path, evidence={"clips": False}))
    assert all(feed.ring_bytes == 0 for feed in feeds(config))


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_size", "many"), ("before", "2m"), ("quality", 5), ("ring", 1), ("min_free", -1)],
)
def test_faults_are_told_with_key_and_line(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config_of(tmp_path, evidence={key: value}))
    (problem,) = caught.value.problems
    assert problem.key == f"evidence.{key}"
    assert problem.line is not None
