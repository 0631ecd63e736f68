"""V4L2 devices: what can be seen of them on a machine without one."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.clock import ManualClock
from monitor.errors import DecodeError, OpenError
from monitor.ingest.device import pictures_of
from monitor.ingest.sampler import Sampler
from tests.support.sources import frames_of, settings_for


def test_a_missing_device_is_told() -> None:
    with pytest.raises(OpenError, match="no such device") as caught:
        frames_of(settings_for("v4l2:/dev/video-that-is-not-there"))
    assert caught.value.reason == "not_found"


@pytest.mark.parametrize("path", ["/dev/null", "/etc/passwd", "/dev"])
def test_what_is_no_video_device_is_refused(path: str) -> None:
    with pytest.raises(OpenError, match="no video device"):
        frames_of(settings_for(f"v4l2:{path}"))


def test_nothing_else_loads_opencv_or_httpx() -> None:
    """A worker with RTSP cameras and files stays small."""
    code = (
        "import sys, monitor.ingest.source, monitor.ingest.stream, monitor.ingest.health\n"
        "sys.exit(str([n for n in ('cv2', 'httpx', 'tensorflow', 'openvino') if n in sys.modules]))"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert found.stderr.strip() == "[]"


class Spoilt:
    """A capture whose pictures come and cannot be decoded, but for some."""

    def __init__(self, good: Sequence[int]) -> None:
        self.taken = 0
        self._good = good

    def grab(self) -> bool:
        self.taken += 1
        return True

    def retrieve(self) -> tuple[bool, NDArray[np.uint8] | None]:
        if self.taken in self._good:
            return True, np.zeros((4, 4, 3), np.uint8)
        return False, None


@pytest.mark.parametrize(("good", "taken"), [((), 10), ((5,), 15), ((9, 18), 28)])
def test_a_device_whose_pictures_cannot_be_decoded_is_told(
    good: tuple[int, ...], taken: int
) -> None:
    capture = Spoilt(good)
    spoilt: list[int] = []
    clock = ManualClock(1.7e9, 1.0)
    pictures = pictures_of(
        capture,
        settings_for("v4l2:/dev/video0", fps=30.0, timeout_seconds=1.0),
        Sampler(30.0, "all"),
        clock=clock,
        progress=lambda: clock.advance(1.0),
        stop=threading.Event(),
        spoilt=lambda: spoilt.append(capture.taken),
    )
    with pytest.raises(DecodeError, match="10 in a row"):
        for _ in pictures:
            pass
    assert capture.taken == taken
    assert len(spoilt) == taken - len(good)
