"""V4L2 devices: what can be seen of them on a machine without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import OpenError
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
