import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from monitor.clock import SystemClock
from monitor.errors import ConfigError
from monitor.ingest import crew
from monitor.ingest.frame import Frame, Health
from monitor.ingest.limits import Limits, ReloadResult
from monitor.ingest.status import REASONS
from monitor.ingest.worker_process import WORKER_COMMAND, WorkerProcess
from tests.support.clips import green_scene, make_clip
from tests.support.supervision import feed, limits, open_descriptors, watching

ROOT = Path(__file__).resolve().parents[2]


def gaps(frames: list[Frame]) -> list[float]:
    times = [frame.captured_monotonic for frame in frames]
    return [after - before for before, after in itertools.pairwise(times)]


def test_frames_of_real_clips_arrive_from_the_real_worker(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "yard.mp4", green_scene(), seconds=2)
    feeds = [feed("a", f"file:{clip}", loop=True), feed("b", str(clip), loop=True)]
    with watching(feeds, command=WORKER_COMMAND) as watch:
        watch.until(lambda: min(len(watch.frames[name]) for name in "ab") >= 5)
        status = watch.supervisor.statuses()["a"]
        assert (status.up, status.reason, status.detail) == (True, "", "")
        assert status.info is not None
        assert (status.info.kind, status.info.codec) == ("file", "h264")
        assert status.frames >= 5
        assert set(status.reconnects) == set(REASONS)
        assert sum(status.reconnects.values()) == 0
        assert watch.frames["a"][0].image.rgb().shape == (240, 320, 3)
        assert watch.kinds("a") == ["up"]


def test_a_picture_that_does_not_move_arrives_marked_as_frozen() -> None:
    with watching([feed("a", "fault:still,1000000")]) as watch:
        watch.until(lambda: any(frame.health is Health.FROZEN for frame in watch.frames["a"]))
        watch.until(lambda: watch.supervisor.statuses()["a"].health is Health.FROZEN)


def test_a_file_at_its_end_stays_down_and_is_not_opened_again(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "yard.mp4", green_scene(), seconds=1)
    with watching([feed("a", str(clip)), feed("b")], limits(1)) as watch:
        watch.until(lambda: watch.supervisor.statuses()["a"].reason == "ended")
        frames = watch.supervisor.statuses()["a"].frames
        os.kill(watch.pid_of("b"), signal.SIGKILL)
        watch.until(lambda: "worker_lost" in watch.kinds(""))
        watch.until_frames(["b"])
        watch.run(1.5)
        status = watch.supervisor.statuses()["a"]
        assert (status.up, status.reason, status.frames) == (False, "ended", frames)
        assert sum(status.reconnects.values()) == 0


def test_a_missing_file_is_down_with_its_reason_and_harms_nobody(tmp_path: Path) -> None:
    with watching([feed("a", str(tmp_path / "no.mp4")), feed("b")], limits(1)) as watch:
        watch.until(lambda: watch.supervisor.statuses()["a"].reconnects["not_found"] >= 2)
        assert watch.supervisor.statuses()["a"].reason == "not_found"
        watch.until_frames(["b"])
        assert watch.kinds("a") == ["down"], "one event, not one for each try"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_cameras_of_a_killed_worker_resume_and_the_others_miss_nothing(number: int) -> None:
    with watching([feed("a"), feed("b"), feed("c"), feed("d")]) as watch:
        watch.until_frames("abcd")
        other = watch.pid_of("b")
        assert watch.pid_of("a") != other
        before = {name: watch.frames[name][-1].sequence for name in "abcd"}
        os.kill(watch.pid_of("a"), number)
        watch.until(lambda: "worker_lost" in watch.kinds(""))
        assert watch.until_frames("ac") < 3.0
        watch.until_frames("bd")
        assert watch.pid_of("b") == other
        for name in "bd":
            assert max(gaps(watch.frames[name])) < 1.0
        for name in "ac":
            sequences = [frame.sequence for frame in watch.frames[name]]
            assert sequences == sorted(set(sequences)), "numbers go on in the new worker"
            assert watch.frames[name][-1].sequence > before[name]
            assert watch.supervisor.statuses()[name].reconnects["worker_lost"] == 1
        lost = next(event for event in watch.events if event.kind == "worker_lost")
        assert signal.Signals(number).name in lost.detail


def test_a_stopped_worker_is_replaced_and_the_other_is_unharmed() -> None:
    with watching([feed("a"), feed("b"), feed("c"), feed("d")]) as watch:
        watch.until_frames("abcd")
        victim, other = watch.pid_of("a"), watch.pid_of("b")
        os.kill(victim, signal.SIGSTOP)
        watch.until(lambda: "worker_lost" in watch.kinds(""), 15.0)
        assert watch.until_frames("ac") < 3.0
        assert watch.pid_of("b") == other
        assert max(gaps(watch.frames["b"])) < 1.0
        assert not psutil.pid_exists(victim)
        assert watch.supervisor.statuses()["a"].reconnects["hang"] == 1


def test_a_stopped_worker_shows_as_down_before_it_is_replaced() -> None:
    bounds = Limits(workers=1, hang_timeout_seconds=60.0)
    with watching([feed("a")], bounds) as watch:
        watch.until_frames("a")
        os.kill(watch.pid_of("a"), signal.SIGSTOP)
        watch.until(lambda: not watch.supervisor.statuses()["a"].up, 8.0)
        assert watch.supervisor.statuses()["a"].reason == "stall"


def test_a_camera_that_crashes_its_worker_twice_gets_one_of_its_own() -> None:
    feeds = [feed("bad", "fault:segfault,3"), feed("b"), feed("c")]
    with watching(feeds, limits(1)) as watch:
        watch.until(lambda: "quarantined" in watch.kinds("bad"))
        watch.until_frames("bc")
        assert watch.pid_of("b") == watch.pid_of("c")
        survivor = watch.pid_of("b")
        lost = watch.kinds("bad").count("worker_lost")
        watch.until(lambda: watch.kinds("bad").count("worker_lost") >= lost + 2)
        assert watch.pid_of("b") == survivor, "it crashes alone now"
        accused = [event for event in watch.events if event.kind == "worker_lost"]
        assert all(event.camera == "bad" for event in accused), "the report names the thread"


def test_a_camera_that_hangs_its_reader_is_found_and_put_apart() -> None:
    feeds = [feed("bad", "fault:hang,3"), feed("b"), feed("c")]
    with watching(feeds, limits(1)) as watch:
        watch.until(lambda: "quarantined" in watch.kinds("bad"))
        watch.until_frames("bc")
        assert watch.supervisor.statuses()["bad"].reconnects["hang"] >= 2


def test_a_worker_that_stands_still_as_a_whole_accuses_nobody_for_certain() -> None:
    feeds = [feed("bad", "fault:freeze,3"), feed("b"), feed("c"), feed("d")]
    with watching(feeds, limits(1)) as watch:
        watch.until(lambda: "moved" in watch.kinds("bad") + watch.kinds("b") + watch.kinds("c"))
        hangs = [event for event in watch.events if event.kind == "worker_lost"]
        assert {event.reason for event in hangs} == {"hang"}
        assert hangs[0].camera == ""


def test_workers_that_are_killed_from_outside_leave_their_cameras_together() -> None:
    feeds = [feed("a"), feed("b"), feed("c"), feed("d")]
    with watching(feeds, limits(1)) as watch:
        for number in (signal.SIGKILL, signal.SIGQUIT, signal.SIGKILL):
            watch.until_frames("abcd")
            watch.events.clear()
            os.kill(watch.pid_of("a"), number)
            watch.until(lambda: "worker_lost" in watch.kinds(""))
        watch.until_frames("abcd")
        assert len(watch.supervisor.worker_pids()) == 1


def test_quarantine_ends_and_the_count_of_workers_comes_back() -> None:
    feeds = [feed("a"), feed("b"), feed("c"), feed("d")]
    with watching(feeds, limits(1, trial_seconds=4.0)) as watch:
        for _ in range(2):
            watch.until_frames("abcd")
            watch.events.clear()
            os.kill(watch.pid_of("a"), signal.SIGSYS)  # nobody can tell who did it
            watch.until(lambda: "worker_lost" in watch.kinds(""))
        watch.until(lambda: len(watch.supervisor.worker_pids()) == 2)
        watch.until(lambda: len(watch.supervisor.worker_pids()) == 1)
        watch.until_frames("abcd")
        assert "released" in {event.kind for event in watch.events}


def test_a_reload_leaves_unchanged_cameras_alone() -> None:
    with watching([feed("a"), feed("b"), feed("c")], limits(1)) as watch:
        watch.until_frames("abc")
        pid, frames = watch.pid_of("a"), watch.supervisor.statuses()["c"].frames
        result = watch.supervisor.apply([feed("a"), feed("c", fps=8.0), feed("d")])
        assert result == ReloadResult(
            added=("d",), removed=("b",), changed=("c",), unchanged=("a",)
        )
        watch.until_frames("acd")
        assert watch.pid_of("a") == watch.pid_of("c") == watch.pid_of("d") == pid
        sequences = [frame.sequence for frame in watch.frames["a"]]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        assert set(watch.supervisor.statuses()) == {"a", "c", "d"}
        assert watch.supervisor.statuses()["c"].frames > frames, "its counter goes on"
        count = len(watch.frames["b"])
        watch.run(1.0)
        assert len(watch.frames["b"]) == count


def test_a_camera_that_is_removed_and_comes_back_at_once_harms_nobody() -> None:
    with watching([feed("a"), feed("b")], limits(1)) as watch:
        watch.until_frames("ab")
        pid = watch.pid_of("b")
        watch.supervisor.apply([feed("b")])
        watch.supervisor.apply([feed("a"), feed("b")])
        watch.until_frames("a")
        watch.run(1.0)
        watch.until_frames("ab")
        assert "worker_lost" not in {event.kind for event in watch.events}
        assert watch.pid_of("a") == watch.pid_of("b") == pid


def test_a_worker_that_cannot_be_killed_is_given_up_and_its_cameras_are_read_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It hangs in a device, as one that is stopped and that no signal reaches."""
    monkeypatch.setattr(crew, "_DEATH_SECONDS", 1.0)
    kill = WorkerProcess.kill
    with watching([feed("a"), feed("b")], limits(1)) as watch:
        watch.until_frames("ab")
        undying = watch.pid_of("a")
        descriptor = watch.supervisor._records["a"].descriptor
        mailbox = os.fstat(descriptor).st_ino

        def kill_others(process: WorkerProcess) -> None:
            process.killed = True
            if process.pid != undying:
                kill(process)

        with monkeypatch.context() as patched:
            patched.setattr(WorkerProcess, "kill", kill_others)
            os.kill(undying, signal.SIGSTOP)
            watch.until(lambda: "worker_lost" in watch.kinds(""))
            (told,) = [event for event in watch.events if event.kind == "worker_lost"]
            assert told.reason == "hang"
            assert f"worker {undying} was killed and lives on" in told.detail
            watch.until_frames("ab")
            assert watch.pid_of("a") != undying
            assert _runs(undying)
            renewed = os.fstat(watch.supervisor._records["a"].descriptor).st_ino
            assert renewed != mailbox, "the one that lives on may still write"
        os.kill(undying, signal.SIGKILL)
        watch.until(lambda: not psutil.pid_exists(undying))
        watch.until_frames("ab")


def test_after_a_change_no_frame_of_the_old_settings_is_given() -> None:
    with watching([feed("a")], limits(1)) as watch:
        watch.until_frames("a")
        watch.supervisor.apply([feed("a", "fault:refused")])
        watch.frames.clear()
        watch.until(lambda: watch.supervisor.statuses()["a"].reason == "refused")
        assert watch.supervisor.statuses()["a"].last_frame_at is None
        assert not watch.frames["a"]


def test_removing_all_cameras_of_a_worker_ends_it() -> None:
    with watching([feed("a"), feed("b")]) as watch:
        watch.until_frames("ab")
        watch.supervisor.apply([feed("b")])
        watch.until(lambda: len(watch.supervisor.worker_pids()) == 1, 5.0)
        watch.until_frames("b")


def test_two_cameras_of_one_name_are_refused_and_nothing_changes() -> None:
    with watching([feed("a")]) as watch:
        with pytest.raises(ConfigError, match="two cameras are named b"):
            watch.supervisor.apply([feed("b"), feed("b")])
        assert set(watch.supervisor.statuses()) == {"a"}


@pytest.mark.parametrize("url", ["fault:hang,1", "fault:freeze,1", "fault:closed", "fault:deaf,1"])
def test_stop_is_fast_whatever_the_workers_do(url: str) -> None:
    with watching([feed("a", url), feed("b")], Limits(workers=2)) as watch:
        watch.until_frames("b")
        pids = list(watch.supervisor.worker_pids())
        os.kill(watch.pid_of("b"), signal.SIGSTOP)
        start = time.monotonic()
        watch.supervisor.stop(4.0)
        assert time.monotonic() - start < 4.0
        assert not any(psutil.pid_exists(pid) for pid in pids)
        assert watch.supervisor.wait(0.1) == []


def test_overwritten_frames_are_counted() -> None:
    with watching([feed("a", fps=20.0)]) as watch:
        watch.until_frames("a")
        time.sleep(1.0)  # the daemon is busy elsewhere: this is the fault, not synchronisation
        watch.until_frames("a")
        last = watch.frames["a"][-1].sequence
        dropped = watch.supervisor.statuses()["a"].dropped["overwritten"]
        assert dropped >= 5
        assert dropped == last - len(watch.frames["a"])


def test_a_daemon_that_was_stopped_itself_does_not_blame_its_workers() -> None:
    with watching([feed("a")], limits(1)) as watch:
        watch.until_frames("a")
        pid = watch.pid_of("a")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(7.0)  # longer than the hang timeout, and nobody looks: all were suspended
        os.kill(pid, signal.SIGCONT)
        watch.until_frames("a")
        watch.run(1.0)
        assert watch.pid_of("a") == pid


def test_descriptors_and_processes_stay_level_over_many_restarts() -> None:
    with watching([feed("a"), feed("b")], limits(1, strikes=100)) as watch:
        watch.until_frames("ab")
        before = open_descriptors()
        for index in range(8):
            os.kill(watch.pid_of("a"), signal.SIGKILL)
            watch.until(lambda: "worker_lost" in {event.kind for event in watch.events})
            watch.events.clear()
            for slot in watch.supervisor._crew.slots.values():
                slot.restart_at = 0.0  # the back-off between restarts has a test of its own
            watch.until_frames("ab")
            assert watch.supervisor.statuses()["a"].reconnects["worker_lost"] == index + 1
        assert open_descriptors() == before
        assert len(psutil.Process().children()) == 1


def test_a_worker_that_always_dies_is_started_less_and_less_often() -> None:
    with watching([feed("a", "fault:die")], limits(1)) as watch:
        watch.run(6.0)
        starts = watch.kinds("").count("worker_started")
        assert 2 <= starts <= 8
        assert not watch.supervisor.statuses()["a"].up
        assert watch.supervisor.statuses()["a"].reason == "worker_lost"


def test_credentials_are_in_no_command_line_environment_status_or_event() -> None:
    secret = "hunter2-very-secret"
    os.environ["CAMERA_PASSWORD"] = secret
    try:
        with watching([feed("a", "fault:auth", password=secret), feed("b")]) as watch:
            watch.until(lambda: watch.supervisor.statuses()["a"].reason == "auth")
            watch.until_frames("b")
            for pid in watch.supervisor.worker_pids():
                for name in ("cmdline", "environ"):
                    assert secret.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
            shown = f"{watch.supervisor.statuses()} {watch.events} {feed('a', password=secret)}"
            assert secret not in shown
    finally:
        del os.environ["CAMERA_PASSWORD"]


def test_a_hostile_worker_loses_its_cameras_and_harms_nobody() -> None:
    with watching([feed("a"), feed("b")]) as watch:
        watch.until_frames("ab")
        pid, other = watch.pid_of("a"), watch.pid_of("b")
        record = watch.supervisor._records["a"]
        os.pwrite(record.descriptor, (2**63).to_bytes(8, "little"), 64)  # the frame counter
        watch.until(lambda: pid not in watch.supervisor.worker_pids())
        assert watch.until_frames("a") < 5.0
        status = watch.supervisor.statuses()["a"]
        assert status.dropped["invalid"] == 1
        assert status.reconnects["error"] == 1
        assert watch.pid_of("b") == other


def test_workers_die_with_the_daemon() -> None:
    script = (
        "import signal, sys, os\n"
        "from tests.support.supervision import feed, watching\n"
        "with watching([feed('a', 'fault:freeze,1'), feed('b')]) as watch:\n"
        "    watch.until_frames('b')\n"
        "    print(*watch.supervisor.worker_pids(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    daemon = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    pids = [int(word) for word in daemon.stdout.split()]
    assert len(pids) == 2, daemon.stderr
    deadline = time.monotonic() + 5.0
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_waiting_takes_no_longer_than_asked() -> None:
    with watching([feed("a", "fault:closed")], Limits(workers=1)) as watch:
        clock = SystemClock()
        start = clock.monotonic()
        assert watch.supervisor.wait(0.5) == []
        assert 0.5 <= clock.monotonic() - start < 1.5


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_quick_camera_gets_its_turn_where_not_all_frames_can_be_taken() -> None:
    slow = [f"slow-{number}" for number in range(5)]
    feeds = [feed("quick", fps=30.0), *(feed(name, fps=10.0) for name in slow)]
    with watching(feeds, replace(limits(1), frames_per_wait=1)) as watch:
        watch.until_frames(slow)
        before = len(watch.frames["quick"])
        for _ in range(60):
            watch.step()
            time.sleep(0.05)  # the daemon is slower than the cameras
        assert len(watch.frames["quick"]) - before >= 7
        assert watch.supervisor.statuses()["quick"].dropped["overwritten"] > 0


def test_a_worker_that_cannot_be_started_is_told_and_its_cameras_are_down() -> None:
    with watching([feed("a")], command=("/no/such/program",)) as watch:
        watch.until(lambda: "down" in watch.kinds("a"))
        assert set(watch.kinds("")) == {"worker_failed"}
        status = watch.supervisor.statuses()["a"]
        assert (status.up, status.reason) == (False, "error")
        assert "No such file" in status.detail


def test_settings_that_are_too_long_for_a_worker_are_refused_and_nothing_changes() -> None:
    with watching([feed("a")]) as watch:
        watch.until_frames("a")
        with pytest.raises(ConfigError, match="camera b: a message of"):
            watch.supervisor.apply([feed("a", fps=4.0), feed("b", "x" * 70_000)])
        assert set(watch.supervisor.statuses()) == {"a"}
        watch.until_frames("a")
