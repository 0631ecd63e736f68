"""Scores of live cameras, recorded by the real command from a real RTSP stream."""

import signal
import subprocess
import sys
from pathlib import Path

from monitor.recording import read_recording
from tests.support.clips import green_scene, make_clip, red_scene
from tests.support.daemon import free_port, wait_for, write_config
from tests.support.rtsp import rtsp_server


def start(config: Path, folder: Path, hours: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "monitor", "record", str(config), "--hours", hours)
    return subprocess.Popen([*command, "--output", str(folder)], stderr=subprocess.PIPE, text=True)


def test_scores_of_live_cameras_are_recorded_for_the_time_asked(tmp_path: Path) -> None:
    fire = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=6)
    quiet = make_clip(tmp_path / "quiet.mp4", green_scene(), seconds=6)
    with rtsp_server({"/dock": fire}) as server:
        cameras = [
            {"name": "dock", "url": server.url("/dock"), "fps": 5},
            {"name": "hall", "url": f"file:{quiet}", "loop": True},
        ]
        process = start(write_config(tmp_path, cameras), tmp_path / "scores", "0.004")
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "2 cameras" in told
    parts = {part.camera: part for part in read_recording(tmp_path / "scores")}
    assert parts["dock"].scores[:, 0, 0].min() > 0.9
    assert parts["hall"].scores[:, 0, 1].min() > 0.9
    assert len(parts["dock"].monotonic) > len(parts["hall"].monotonic)


def test_what_was_scored_is_written_when_it_is_stopped(tmp_path: Path) -> None:
    quiet = make_clip(tmp_path / "quiet.mp4", green_scene(), seconds=6)
    cameras = [{"name": "hall", "url": f"file:{quiet}", "loop": True, "fps": 5}]
    process = start(write_config(tmp_path, cameras), tmp_path / "scores", "1")
    wait_for((tmp_path / "scores").is_dir, "it begins")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert "frames of" in told
    # Stopped before the first frame it fails and says so; a frame that was scored is there.
    recorded = list((tmp_path / "scores").glob("hall/*.npz"))
    assert (process.returncode == 0) == bool(recorded), told


def test_a_camera_that_gives_nothing_is_named_and_fails_the_command(tmp_path: Path) -> None:
    cameras = [{"name": "gate", "url": f"rtsp://127.0.0.1:{free_port()}/nothing"}]
    process = start(write_config(tmp_path, cameras), tmp_path / "scores", "0.001")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "camera 'gate' gave nothing:" in told
