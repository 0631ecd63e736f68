"""Many cameras from a few shared RTSP streams: none is lost. ``make bench-full`` runs a hundred."""

from pathlib import Path

import pytest

from monitor.bench import footage
from monitor.bench.crowd import crowd
from monitor.bench.footage import Footage
from monitor.errors import EmberwatchError
from tests.support.bundles import tiny_bundle

pytestmark = pytest.mark.debian


def test_no_camera_of_many_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(footage.SIZES, "720p", (160, 96))
    bundle = tiny_bundle(tmp_path / "bundle").path
    found = crowd(
        tmp_path,
        Footage(tmp_path / "clips"),
        16,
        8.0,
        inference={"bundle": str(bundle), "engine": "openvino"},
    )
    assert found.cameras == 16
    assert found.lost == frozenset()
    assert found.frames > 0
    assert found.least > 0
    assert found.memory_bytes > 50e6


def test_where_no_server_can_be_run_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.bench.rtsp.SYSTEM_PYTHON", str(tmp_path / "python3"))
    with pytest.raises(EmberwatchError, match="install gir1"):
        crowd(tmp_path, Footage(tmp_path / "clips"), 1, 1.0, kinds=())
