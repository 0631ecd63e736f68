"""The whole daemon on real input: cameras, files, faults, reloads, restarts."""

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from monitor.share import shared_path
from tests.support.bundles import tiny_bundle
from tests.support.clips import green_scene, grey_scene, make_clip, red_scene
from tests.support.daemon import Daemon, free_port, running_daemon, wait_for, write_config
from tests.support.rtsp import RtspServer, rtsp_server

FIRING = 2.0
STOP_SECONDS = 5.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        "fire": make_clip(folder / "fire.mp4", red_scene(), seconds=6),
        "smoke": make_clip(folder / "smoke.mp4", grey_scene(), seconds=6, codec="hevc"),
        "quiet": make_clip(folder / "quiet.mp4", green_scene(), seconds=6),
    }


def file_camera(name: str, clip: Path, **more: Any) -> dict[str, Any]:
    return {"name": name, "url": f"file:{clip}", "loop": True, **more}


def fires(daemon: Daemon, camera: str, alert: str) -> bool:
    return daemon.value("alert_state", camera=camera, alert=alert) == FIRING


def scored_more(daemon: Daemon, camera: str, than: float) -> bool:
    return daemon.scored(camera) > than


def cameras_of(server: RtspServer) -> list[dict[str, Any]]:
    return [
        {"name": "dock", "url": server.url("/h264"), "stale_after": "5s"},
        {"name": "hall", "url": server.url("/h265"), "stale_after": "5s"},
    ]


def test_two_rtsp_cameras_and_a_file_are_scored_and_survive_the_servers_restart(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    with rtsp_server({"/h264": clips["fire"], "/h265": clips["smoke"]}) as server:
        cameras = [*cameras_of(server), file_camera("archive", clips["quiet"])]
        with running_daemon(write_config(tmp_path, cameras)) as daemon:
            wait_for(lambda: fires(daemon, "dock", "fire"), "the fire alert fires")
            wait_for(lambda: fires(daemon, "hall", "smoke"), "the smoke alert fires")
            wait_for(lambda: daemon.scores("archive").get("misc", 0) > 0.9, "the file is scored")
            assert daemon.ready()
            assert not fires(daemon, "archive", "fire")
            assert not fires(daemon, "hall", "fire")

            server.kill()
            wait_for(lambda: daemon.value("camera_up", camera="dock") == 0, "dock is down")
            wait_for(lambda: not daemon.scores("dock"), "its score is withdrawn")
            before = {camera: daemon.scored(camera) for camera in ("dock", "hall")}
            assert fires(daemon, "dock", "fire"), "missing frames are no evidence of safety"
            assert daemon.scores("archive"), "the file goes on"

            server.start()
            for camera, count in before.items():
                wait_for(partial(scored_more, daemon, camera, count), f"{camera} is back")
            assert daemon.total("camera_reconnects_total", camera="dock") >= 1
            assert fires(daemon, "dock", "fire")
            assert daemon.value("alerts_total", camera="dock", alert="fire") == 1
            code, seconds = daemon.stop()
            assert (code, seconds < STOP_SECONDS) == (0, True)


def test_a_stalled_camera_exports_no_score_and_keeps_its_alert(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    with rtsp_server({"/h264": clips["fire"], "/h265": clips["smoke"]}) as server:
        config = write_config(
            tmp_path,
            [*cameras_of(server), file_camera("archive", clips["quiet"])],
            ingest={"read_timeout": "4s"},
        )
        with running_daemon(config) as daemon:
            wait_for(lambda: fires(daemon, "dock", "fire"), "the fire alert fires")
            server.pause()
            wait_for(lambda: not daemon.scores("dock"), "the score is withdrawn")
            wait_for(
                lambda: daemon.value("camera_down_reason", camera="dock", reason="stall") == 1,
                "the stall is named",
            )
            assert fires(daemon, "dock", "fire")
            assert daemon.scores("archive")
            daemon.wait_logged("camera_down", "dock", "stall")
            server.resume()
            wait_for(lambda: daemon.scores("dock"), "it is scored again")


def test_one_bad_camera_never_stops_the_others(tmp_path: Path, clips: dict[str, Path]) -> None:
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(clips["quiet"].read_bytes()[:2000])
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(os.urandom(50_000))
    (tmp_path / "empty.mp4").touch()
    bad = {
        "refused": f"rtsp://127.0.0.1:{free_port()}/x",
        "nowhere": "rtsp://no-such-host.invalid/x",
        "missing": f"file:{tmp_path / 'missing.mp4'}",
        "truncated": f"file:{truncated}",
        "garbage": f"file:{garbage}",
        "empty": f"file:{tmp_path / 'empty.mp4'}",
    }
    cameras = [{"name": name, "url": url} for name, url in bad.items()]
    config = write_config(tmp_path, [*cameras, file_camera("good", clips["quiet"])])
    with running_daemon(config) as daemon:
        for name in bad:
            wait_for(partial(daemon.logged, "camera_down", f'"{name}"'), f"{name} is told of")
            assert daemon.value("camera_up", camera=name) == 0
            assert daemon.scores(name) == {}
            assert daemon.total("camera_down_reason", camera=name) == 1
        count = daemon.scored("good")
        wait_for(lambda: daemon.scored("good") >= count + 3, "the good camera goes on")
        assert "Traceback" not in daemon.log


def test_reload_changes_only_what_changed(tmp_path: Path, clips: dict[str, Path]) -> None:
    cameras = [file_camera("kept", clips["fire"]), file_camera("old", clips["quiet"])]
    config = write_config(tmp_path, cameras)
    with running_daemon(config) as daemon:
        wait_for(lambda: fires(daemon, "kept", "fire"), "the alert fires")
        wait_for(lambda: daemon.scores("old"), "the old camera is scored")
        before = daemon.scored("kept")
        document = yaml.safe_load(config.read_text(encoding="utf-8"))
        document["cameras"] = [cameras[0], file_camera("new", clips["quiet"])]
        config.write_text(yaml.safe_dump(document), encoding="utf-8")
        daemon.reload()
        wait_for(lambda: daemon.scores("new"), "the new camera is scored")
        assert daemon.value("camera_up", camera="old") is None
        assert daemon.scored("kept") >= before
        assert fires(daemon, "kept", "fire")
        assert daemon.value("alerts_total", camera="kept", alert="fire") == 1
        assert daemon.value("config_reloads_total") == 1


def test_what_needs_a_restart_is_told_until_it_is_as_it_was(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["quiet"])])
    before = config.read_text(encoding="utf-8")
    document = yaml.safe_load(before) | {"listen": "127.0.0.1:1"}
    with running_daemon(config) as daemon:
        for number, text in enumerate((yaml.safe_dump(document),) * 2, start=1):
            config.write_text(text, encoding="utf-8")
            daemon.reload()
            wait_for(
                lambda: daemon.log.count("restart_needed") == number,  # noqa: B023 - at once
                f"reload {number} tells of it",
            )
        wait_for(lambda: "listen changed" in daemon.page("/")[1], "the wall says so")
        config.write_text(before, encoding="utf-8")
        daemon.reload()
        wait_for(lambda: daemon.value("config_reloads_total") == 3, "the third reload is done")
        wait_for(lambda: daemon.log.count('"reloaded"') == 3, "and logged")
        assert daemon.log.count("restart_needed") == 2
        wait_for(lambda: "listen changed" not in daemon.page("/")[1], "all is in force")


def test_a_picture_that_turns_black_is_dark_and_not_scored(tmp_path: Path) -> None:
    """The tiny model calls black something, as any model does; nobody is told of it."""
    fire, black = red_scene((160, 96)), np.full((96, 160, 3), 4, np.uint8)
    clip = make_clip(
        tmp_path / "black.mp4", lambda at: fire(at) if at < 20 else black, seconds=120, fps=5, gop=5
    )
    config = write_config(tmp_path, [{"name": "yard", "url": f"file:{clip}"}])
    with running_daemon(config) as daemon:
        wait_for(lambda: fires(daemon, "yard", "fire"), "the alert fires")
        wait_for(
            lambda: daemon.value("camera_health", camera="yard", health="dark") == 1, "it is dark"
        )
        wait_for(
            lambda: (daemon.value("frames_dropped_total", camera="yard", reason="blank") or 0) >= 5,
            "its frames are not scored",
        )
        assert not daemon.scores("yard")
        assert fires(daemon, "yard", "fire"), "an alert that fired goes on"


def test_a_wrong_configuration_is_refused_at_reload_and_the_old_stays_in_force(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["quiet"])])
    with running_daemon(config) as daemon:
        wait_for(lambda: daemon.scores("yard"), "the camera is scored")
        config.write_text("cameras: [{name: yard, url: 'gopher://x'}]\n", encoding="utf-8")
        daemon.reload()
        wait_for(lambda: daemon.value("config_last_reload_successful") == 0, "the refusal shows")
        daemon.wait_logged("reload_refused", "cameras[0].url")
        count = daemon.scored("yard")
        wait_for(lambda: daemon.scored("yard") > count, "the old one stays in force")
        assert daemon.ready()


def test_a_firing_alert_survives_kill_9(tmp_path: Path, clips: dict[str, Path]) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["fire"])])
    with running_daemon(config) as daemon:
        wait_for(lambda: fires(daemon, "yard", "fire"), "the alert fires")
        workers = daemon.workers()
        daemon.kill()
    wait_for(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers),
        "the workers end with the daemon",
    )
    with running_daemon(config) as daemon:
        assert fires(daemon, "yard", "fire"), "known before the first frame"
        wait_for(lambda: daemon.scored("yard") >= 3, "frames are scored")
        assert fires(daemon, "yard", "fire")
        assert daemon.value("alerts_total", camera="yard", alert="fire") == 0
    assert daemon.log.count('"alert_firing"') == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_a_lost_worker_is_replaced(
    tmp_path: Path, clips: dict[str, Path], number: signal.Signals
) -> None:
    config = write_config(
        tmp_path,
        [file_camera("one", clips["quiet"]), file_camera("two", clips["quiet"])],
        ingest={
            "workers": 2,
            "hang_timeout": "3s",
            "open_timeout": "2s",
            "read_timeout": "2s",
        },
    )
    with running_daemon(config) as daemon:
        wait_for(lambda: daemon.scores("one") and daemon.scores("two"), "both are scored")
        victim = daemon.workers()[0]
        os.kill(victim, number)
        wait_for(lambda: daemon.total("worker_restarts_total") >= 1, "the loss is counted")
        before = daemon.scored("one"), daemon.scored("two")
        wait_for(
            lambda: daemon.scored("one") > before[0] + 1 and daemon.scored("two") > before[1] + 1,
            "both go on",
        )
        assert victim not in daemon.workers()
        daemon.wait_logged("worker_lost")


def test_openvino_daemon_loads_no_tensorflow(tmp_path: Path, clips: dict[str, Path]) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["quiet"])])
    with running_daemon(config) as daemon:
        wait_for(lambda: daemon.scores("yard"), "the camera is scored")
        for pid in (daemon.process.pid, *daemon.workers()):
            assert "libtensorflow" not in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        for pid in daemon.workers():
            maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
            assert "openvino" not in maps
            assert "cv2" not in maps


def reloaded_with(config: Path, bundle: Path) -> None:
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["inference"]["bundle"] = str(bundle)
    config.write_text(yaml.safe_dump(document), encoding="utf-8")


def test_a_reload_exchanges_the_model_without_a_gap(tmp_path: Path, clips: dict[str, Path]) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["fire"])])
    other = tiny_bundle(tmp_path / "other", side=150)
    with running_daemon(config) as daemon:
        wait_for(lambda: fires(daemon, "yard", "fire"), "the alert fires")
        reloaded_with(config, tmp_path / "other")
        daemon.reload()
        wait_for(
            lambda: daemon.total("model_info", bundle=other.sha256[:12]) == 1, "the model is new"
        )
        count = daemon.scored("yard")
        wait_for(partial(scored_more, daemon, "yard", count + 1), "the new model scores")
        assert fires(daemon, "yard", "fire")
        assert daemon.value("alerts_total", camera="yard", alert="fire") == 1
        assert daemon.value("engine_failures_total") == 0
        assert daemon.value("config_last_reload_successful") == 1
        daemon.wait_logged("model_exchanged")


def test_a_file_that_is_broken_while_a_model_loads_leaves_all_as_it_was(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["quiet"])])
    good = config.read_text()
    with running_daemon(config) as daemon:
        # The whole network, because it takes a while to load.
        reloaded_with(config, shared_path("models", "default"))
        daemon.reload()
        daemon.wait_logged("model_loading")
        config.write_text("cameras: [")
        daemon.reload()
        daemon.wait_logged("reload_refused")
        time.sleep(6.0)
        assert not daemon.logged("model_exchanged")
        assert daemon.value("config_last_reload_successful") == 0
        config.write_text(good)
        daemon.reload()
        wait_for(lambda: daemon.value("config_last_reload_successful") == 1, "it reloads")


def test_a_bundle_that_fails_at_a_reload_leaves_the_old_one_in_force(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    config = write_config(tmp_path, [file_camera("yard", clips["quiet"])])
    broken = tiny_bundle(tmp_path / "broken")
    (broken.path / "openvino" / "model.bin").write_bytes(b"changed")
    with running_daemon(config) as daemon:
        wait_for(lambda: daemon.scores("yard"), "the camera is scored")
        reloaded_with(config, broken.path)
        daemon.reload()
        wait_for(lambda: daemon.value("config_last_reload_successful") == 0, "it is refused")
        daemon.wait_logged("reload_refused", "model.bin")
        count = daemon.scored("yard")
        wait_for(partial(scored_more, daemon, "yard", count), "the old model scores")
        assert daemon.ready()
