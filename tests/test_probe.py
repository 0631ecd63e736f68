"""Each camera is opened once: what it is, or why it gives no picture, within a deadline."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor import probe as probing
from monitor.check import check
from monitor.check_connect import connect_all, describe
from monitor.clock import Clock
from monitor.errors import OpenError
from monitor.ingest.frame import DecodedFrame, Health
from monitor.ingest.source import FrameSource
from monitor.ingest.source import open_source as open_any
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.probe import Probe, probe_all
from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene, make_clip
from tests.support.rtsp import rtsp_server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, a key frame each second."""
    path = tmp_path_factory.mktemp("clips") / "green.mp4"
    make_clip(path, green_scene(), seconds=4.0)
    return path


def probed(*settings: SourceSettings) -> list[Probe]:
    return probe_all(settings, done=lambda _: None)


def test_a_file_is_described(clip: Path) -> None:
    (found,) = probed(SourceSettings("clip", f"file:{clip}", fps=5.0))
    assert found.error == ""
    assert found.info is not None
    assert (found.info.kind, found.info.codec) == ("file", "h264")
    assert (found.info.width, found.info.height) == (320, 240)
    assert found.info.key_interval_seconds == pytest.approx(1.0, abs=0.1)
    assert found.health is Health.OK
    assert found.first_picture_seconds is not None
    text = describe(found)
    assert text.startswith("file, h264, 320x240, 25 fps declared, a key frame every 1.0 s, pictu")


def test_cameras_without_a_picture_say_why_and_do_not_hide_the_others(
    tmp_path: Path, clip: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    found = probed(
        SourceSettings("missing", f"file:{tmp_path}/none.mp4"),
        SourceSettings("broken", f"file:{broken}"),
        SourceSettings("clip", f"file:{clip}"),
        SourceSettings("closed", "rtsp://127.0.0.1:1/s", open_timeout_seconds=2.0),
    )
    assert [probe.camera for probe in found] == ["missing", "broken", "clip", "closed"]
    assert [bool(probe.error) for probe in found] == [True, True, False, True]
    assert f"{tmp_path}/none.mp4" in found[0].error


@pytest.mark.debian
def test_an_rtsp_camera_is_described_and_a_wrong_password_named(clip: Path) -> None:
    with rtsp_server({"/s": clip}, user="viewer", password="hunter22") as server:
        settings = SourceSettings("dock", server.url("/s"), username="viewer", password="hunter22")
        good, bad = probed(settings, replace(settings, camera="bad", password="wrong-one"))
    assert good.error == ""
    assert good.info is not None
    assert good.info.kind == "rtsp"
    assert good.info.key_interval_seconds == pytest.approx(1.0, abs=0.25)
    assert bad.error
    assert "wrong-one" not in bad.error


class SlowSource:
    """A source that never gives a frame, and may ignore being told to stop."""

    info = StreamInfo("rtsp", "h264", 320, 240)
    bad_packets = 0

    def __init__(self, stop: threading.Event, *, deaf: threading.Event | None) -> None:
        self._stop = stop
        self._deaf = deaf

    def frames(self) -> Iterator[DecodedFrame]:
        (self._deaf or self._stop).wait(60)
        return iter(())

    def set_fps(self, fps: float) -> None:
        """There is nothing to sample."""

    def close(self) -> None:
        """Nothing is open."""


def opener(deaf: threading.Event | None) -> probing.Opener:
    def open_source(
        settings: SourceSettings,
        *,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> FrameSource:
        if settings.camera == "hangs":
            return SlowSource(stop, deaf=deaf)
        if settings.camera == "surprise":
            raise ValueError("no surprise with hunter22")
        if settings.camera == "refused":
            raise OpenError("camera refused: rtsp://u:hunter22@h/s refuses")
        return open_any(settings, clock=clock, progress=progress, stop=stop)

    return open_source


HURRIED = SourceSettings("hangs", "rtsp://h/s", open_timeout_seconds=0.2, read_timeout_seconds=0.2)


def test_a_source_that_gives_nothing_is_told_to_stop_at_its_deadline(clip: Path) -> None:
    found = probe_all(
        [
            HURRIED,
            SourceSettings("clip", f"file:{clip}"),
        ],
        done=lambda _: None,
        open_source=opener(None),
        watch_seconds=0.2,
    )
    assert "no picture came" in found[0].error
    assert found[1].error == ""


def test_a_source_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "GRACE_SECONDS", 0.1)
    release = threading.Event()
    (found,) = probe_all(
        [HURRIED],
        done=lambda _: None,
        open_source=opener(release),
        watch_seconds=0.1,
    )
    release.set()
    assert "makes the decoder hang" in found.error


def test_no_error_shows_a_password() -> None:
    found = probe_all(
        [
            SourceSettings("surprise", "rtsp://h/s", username="u", password="hunter22"),
            SourceSettings("refused", "rtsp://h/s", username="u", password="hunter22"),
        ],
        done=lambda _: None,
        open_source=opener(None),
    )
    assert "ValueError: no surprise with ***" in found[0].error
    assert "hunter22" not in repr(found)


def test_more_cameras_than_are_open_at_once_are_all_told(clip: Path) -> None:
    settings = [SourceSettings(f"c{n}", f"file:{clip}", decode="key") for n in range(12)]
    told: list[str] = []
    probe_all(settings, done=lambda probe: told.append(probe.camera), watch_seconds=0.0)
    assert sorted(told) == sorted(entry.camera for entry in settings)


def test_connect_exits_with_1_where_a_camera_fails(tmp_path: Path, clip: Path) -> None:
    out = io.StringIO()
    settings = [
        SourceSettings("clip", f"file:{clip}"),
        SourceSettings("gone", f"file:{tmp_path}/none.mp4"),
    ]
    assert connect_all(settings, out) == 1
    lines = out.getvalue().splitlines()
    assert lines[0] == "opening 2 cameras"
    assert any(line.startswith("  clip  OK    file, h264") for line in lines)
    (gone,) = (line for line in lines if line.startswith("  gone  FAIL  "))
    assert f"{tmp_path}/none.mp4" in gone
    assert "camera gone" not in gone
    assert lines[-1] == "1 of 2 cameras without a picture"


def test_check_connect_says_what_each_camera_is(tmp_path: Path, clip: Path) -> None:
    tiny_bundle(tmp_path / "model")
    path = tmp_path / "monitor.yaml"
    path.write_text(
        f"inference: {{bundle: model}}\ncameras: [{{name: clip, url: 'file:{clip}'}}]\n",
        encoding="utf-8",
    )
    out, err = io.StringIO(), io.StringIO()
    assert check(path, connect=True, out=out, err=err, environ={}) == 0
    assert "every camera gives pictures" in out.getvalue()
    assert err.getvalue() == ""
