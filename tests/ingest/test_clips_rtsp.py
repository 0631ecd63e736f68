"""Clips of RTSP cameras, through supervisor and worker processes, played again."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.ingest.channel import ClipDone
from monitor.ingest.clip_orders import WORKER_LOST, ClipOrder
from monitor.ingest.limits import Limits
from monitor.ingest.worker_process import WORKER_COMMAND
from tests.support.clip_files import Played, play
from tests.support.clips import counting_scene, encode_jpeg, make_clip
from tests.support.http_camera import http_camera
from tests.support.rtsp import RtspServer, rtsp_server
from tests.support.supervision import Watch, feed, watching

pytestmark = pytest.mark.debian

FPS = 10
RING = {"ring_seconds": 2.0, "ring_bytes": 4_000_000, "fps": 2.0}
LIMITS = Limits(workers=1, max_back_off_seconds=1.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("clips")
    mounts = {
        f"/{codec}": make_clip(
            folder / f"{codec}.mp4",
            counting_scene((160, 120)),
            seconds=4,
            fps=FPS,
            gop=10,
            codec=codec,
        )
        for codec in ("h264", "hevc")
    }
    with rtsp_server(mounts) as running:
        yield running


def order(watch: Watch, camera: str, path: Path, *, clip: int, before: float, after: float) -> None:
    """Ask for a clip around now."""
    now = time.monotonic()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    watch.supervisor.clips.order(
        ClipOrder(clip, camera, descriptor, now - before, now + after, 10**7)
    )
    os.close(descriptor)


def finished(watch: Watch, count: int = 1) -> list[ClipDone]:
    """What became of clips; waits for so many."""
    done: list[ClipDone] = []

    def enough() -> bool:
        done.extend(watch.supervisor.clips.take())
        return len(done) >= count

    watch.until(enough)
    return done


def test_clips_of_live_cameras_reach_from_before_to_after(
    server: RtspServer, tmp_path: Path
) -> None:
    cameras = {codec: feed(codec, server.url(f"/{codec}"), **RING) for codec in ("h264", "hevc")}
    with watching(list(cameras.values()), LIMITS, WORKER_COMMAND) as watch:
        watch.until_frames(list(cameras))
        watch.run(2.5)
        for number, codec in enumerate(cameras):
            order(watch, codec, tmp_path / codec, clip=number, before=2.0, after=1.0)
        done = finished(watch, 2)
        kept = {name: status.ring_bytes for name, status in watch.supervisor.statuses().items()}
    for clip in done:
        assert (clip.container, clip.cut) == ("mp4", "")
        assert abs(clip.began_at - time.time()) < 60
        played = play(tmp_path / clip.camera)
        _check(played, clip.camera, seconds=3.0)
        assert clip.seconds == pytest.approx(played.times[-1] - played.times[0], abs=0.2)
    assert all(0 < size <= 4_000_000 for size in kept.values()), kept


def _check(played: Played, codec: str, *, seconds: float) -> None:
    assert played.codec == codec
    assert played.gapless
    # With the key frame before, up to a second more; the stream is a second apart at its seam.
    assert seconds - 0.3 <= len(played.pictures) / FPS <= seconds + 1.5
    # The stamps of a stream move by some tenths of a second when the first sender report comes.
    length = played.times[-1] - played.times[0]
    assert length == pytest.approx((len(played.pictures) - 1) / FPS, abs=0.7)


def test_what_is_held_is_in_the_clip_however_late_it_is_asked_for(
    server: RtspServer, tmp_path: Path
) -> None:
    camera = feed("held", server.url("/h264"), **{**RING, "ring_seconds": 0.5})
    with watching([camera], LIMITS, WORKER_COMMAND) as watch:
        watch.until_frames(["held"])
        watch.run(1.0)
        since = time.monotonic() - 0.5
        watch.supervisor.clips.hold("held", since)
        watch.run(2.5)
        before = time.monotonic() - since
        order(watch, "held", tmp_path / "clip", clip=1, before=before, after=0.2)
        assert finished(watch)[0].cut == ""
        assert len(play(tmp_path / "clip").pictures) >= 2.7 * FPS
        watch.supervisor.clips.hold("held", None)


def test_a_worker_that_dies_loses_its_packets_and_it_is_said(
    server: RtspServer, tmp_path: Path
) -> None:
    camera = feed("lost", server.url("/h264"), **RING)
    with watching([camera], LIMITS, WORKER_COMMAND) as watch:
        watch.until_frames(["lost"])
        order(watch, "lost", tmp_path / "first", clip=1, before=1.0, after=20.0)
        watch.run(2.8)
        os.kill(watch.pid_of("lost"), signal.SIGKILL)
        done = finished(watch)[0]
        assert (done.clip, done.cut, done.container) == (1, WORKER_LOST, "")
        # What was written until then can be played: each fragment is whole.
        assert play(tmp_path / "first").gapless
        order(watch, "lost", tmp_path / "second", clip=2, before=1.0, after=1.0)
        watch.run(0.1)
        watch.until_frames(["lost"])
        order(watch, "lost", tmp_path / "third", clip=3, before=1.0, after=0.5)
        clips = {clip.clip: clip for clip in finished(watch, 2)}
        assert clips[3].cut == ""
        assert play(tmp_path / "third").gapless


def test_a_stop_finishes_the_clips_that_are_being_written(
    server: RtspServer, tmp_path: Path
) -> None:
    camera = feed("stopped", server.url("/h264"), **RING)
    with watching([camera], LIMITS, WORKER_COMMAND) as watch:
        watch.until_frames(["stopped"])
        order(watch, "stopped", tmp_path / "clip", clip=1, before=1.0, after=60.0)
        watch.run(1.0)
        watch.supervisor.stop(4.0)
        (done,) = watch.supervisor.clips.take()
    assert (done.cut, done.container) == ("removed", "mp4")
    assert play(tmp_path / "clip").gapless


def test_mjpeg_cameras_have_clips_and_others_say_that_they_have_none(tmp_path: Path) -> None:
    scene = counting_scene((160, 120))
    with http_camera([encode_jpeg(scene(n)) for n in range(20)], fps=10) as camera:
        cameras = [
            feed("mjpeg", camera.url("/video"), **RING),
            feed("plain", camera.url("/video")),
        ]
        with watching(cameras, LIMITS, WORKER_COMMAND) as watch:
            watch.until_frames(["mjpeg", "plain"])
            for number, name in enumerate(("mjpeg", "plain")):
                order(watch, name, tmp_path / name, clip=number, before=1.0, after=1.0)
            done = {clip.camera: clip for clip in finished(watch, 2)}
            assert watch.supervisor.statuses()["plain"].ring_bytes == 0
    assert (done["mjpeg"].container, done["mjpeg"].cut) == ("mkv", "")
    assert done["plain"].cut == "none"
    assert play(tmp_path / "mjpeg").codec == "mjpeg"
