"""The real daemon keeps pictures and a clip of an alert of a live camera."""

import json
import time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.events import Evidence
from monitor.alerts.store import EventStore
from monitor.image import read_image
from tests.support.clip_files import play
from tests.support.clips import green_scene, make_clip, red_scene
from tests.support.daemon import Daemon, running_daemon, wait_for, write_config
from tests.support.rtsp import rtsp_server

RULES = [{"name": "fire", "label": "fire", "threshold": 0.6, "for": "1s", "keep_firing_for": "1s"}]
EVIDENCE = {"before": "2s", "after": "2s", "min_free": "1MB"}
FPS = 10


def logged(daemon: Daemon, event: str) -> list[dict[str, Any]]:
    """All log lines of one kind."""
    return [
        line for text in daemon.log.splitlines() if (line := json.loads(text))["event"] == event
    ]


def kept(folder: Path) -> dict[str, list[tuple[Evidence, Path]]]:
    """The evidence of the first event that fired, by kind."""
    store = EventStore.open(folder / "state" / "events.db")
    event = next(event for event in reversed(store.events()) if event.fired_at)
    found: dict[str, list[tuple[Evidence, Path]]] = {}
    for one in store.evidence_of(event.id):
        path = folder / "state" / "evidence" / one.file
        assert path.stat().st_size == one.size_bytes
        found.setdefault(one.kind, []).append((one, path))
    store.close()
    return found


@pytest.mark.debian
def test_an_alert_of_a_live_camera_has_pictures_and_a_clip(tmp_path: Path) -> None:
    size = (320, 240)
    green, red = green_scene(size), red_scene(size)
    pictures = chain((green(n) for n in range(5 * FPS)), (red(n) for n in range(8 * FPS)))
    clip = make_clip(tmp_path / "yard.mp4", pictures, fps=FPS, gop=FPS)
    with rtsp_server({"/yard": clip}) as server:
        cameras = [{"name": "yard", "url": server.url("/yard"), "fps": 4}]
        config = write_config(tmp_path, cameras, rules=RULES, evidence=EVIDENCE)
        with running_daemon(config) as daemon:
            wait_for(lambda: logged(daemon, "alert_firing"), "the alert fires", 60)
            fired = time.monotonic()
            wait_for(
                lambda: daemon.value("evidence_files_total", kind="snapshot", result="written"),
                "a picture is there",
            )
            assert time.monotonic() - fired < 5
            assert (daemon.value("clip_ring_bytes", camera="yard") or 0) > 0
            wait_for(
                lambda: daemon.value("evidence_files_total", kind="clip", result="written"),
                "a clip is there",
            )
            total = daemon.value("evidence_bytes")
            daemon.stop()
    found = kept(tmp_path)
    assert sum(one.size_bytes for files in found.values() for one, _ in files) == total
    assert len(found["snapshot"]) == len(found["original"]) == 2, "the first sight as well"
    fire, first = (path for _, path in found["snapshot"])
    assert "first" in first.name
    assert read_image(fire).shape[0] > 240, "with its caption below"
    for _, path in found["original"]:
        pixels = read_image(path)
        assert pixels.shape == (240, 320, 3)
        assert pixels[..., 0].mean() > 180
    ((evidence, path),) = found["clip"]
    played = play(path)
    # From before the first sight to after the alert fired, which was a second later.
    assert 4.5 <= played.times[-1] - played.times[0] <= 8.5
    began, first_sight = evidence.captured_at, found["snapshot"][1][0].captured_at
    assert 1.8 <= first_sight - began <= 4.0
    assert not list((tmp_path / "state" / "evidence" / ".partial").iterdir())
