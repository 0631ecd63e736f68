"""What becomes of a camera whose clip cannot be written."""

import os
import threading
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.ingest.camera_clips import CameraClips
from monitor.ingest.channel import ClipDone, FromWorker, SaveClip
from monitor.ingest.status import SourceSettings


def test_a_thread_that_cannot_be_started_costs_the_clip_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[FromWorker] = []
    settings = SourceSettings("dock", "rtsp://h/s", ring_bytes=10**6)
    clips = CameraClips(settings, report=told.append, clock=SystemClock())
    descriptor = os.open(tmp_path / "clip", os.O_RDWR | os.O_CREAT)

    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        clips.save(SaveClip("dock", 1, 7, 0.0, 1.0, 10**6), descriptor)
    assert told == [ClipDone("dock", 7, "", 0.0, 0.0, "busy")]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    clips.close()
