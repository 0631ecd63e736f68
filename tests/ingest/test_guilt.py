from collections.abc import Iterable, Iterator, Mapping
from random import Random

import pytest

from monitor.ingest.back_off import BackOff
from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.crew import Slot, Verdict
from monitor.ingest.guilt import hang_verdict, suspects_of_crash
from monitor.ingest.mailbox_layout import Phase
from monitor.ingest.status import SourceSettings
from monitor.ingest.worker_process import CrashReport

HANG = 20.0
Records = Mapping[str, CameraRecord]


@pytest.fixture
def records() -> Iterator[Records]:
    yield from begun("abc")


@pytest.fixture
def crowd() -> Iterator[Records]:
    yield from begun([f"camera-{number}" for number in range(20)])


def begun(names: Iterable[str]) -> Iterator[Records]:
    """Cameras that their worker has begun with at 0 s; they are closed in the end."""
    made = {
        name: CameraRecord(SourceSettings(camera=name, url="rtsp://h/a", max_side=16))
        for name in names
    }
    for record in made.values():
        record.hand_out(0.0, 1)
        record.mailbox.beat(0.5)
        record.silence(0.0)
    yield made
    for record in made.values():
        record.close()


def slot(records: Records, *, ready: bool = True) -> Slot:
    made = Slot(1, BackOff(1.0, 1.0, random=Random(1)), ready=ready)
    made.cameras = {name: record.generation for name, record in records.items()}
    return made


def judge(records: Records, slot: Slot, awake: float) -> Verdict | None:
    return hang_verdict(slot, records, awake=awake, hang_seconds=HANG, start_seconds=30.0)


def beat(records: Records, names: Iterable[str], awake: float) -> None:
    for name in names:
        records[name].mailbox.beat(awake)
        records[name].silence(awake)


def test_progress_is_no_hang(records: Records) -> None:
    beat(records, "abc", 15.0)
    assert judge(records, slot(records), 34.0) is None


def test_one_silent_camera_among_others_is_guilty(records: Records) -> None:
    beat(records, "ac", 20.0)
    verdict = judge(records, slot(records), 21.0)
    assert verdict is not None
    assert (verdict.reason, verdict.guilty, verdict.suspects) == ("hang", ("b",), ())


def test_a_crowd_that_is_silent_while_others_go_on_is_given_time_and_not_accused(
    crowd: Records,
) -> None:
    """Hundreds of cameras that are opened on a busy machine."""
    for at in (19.0, 59.0):
        beat(crowd, list(crowd)[:8], at)
        assert judge(crowd, slot(crowd), at + 1.0) is None
    verdict = judge(crowd, slot(crowd), 61.0)
    assert verdict is not None
    assert (verdict.reason, verdict.guilty, verdict.suspects) == ("hang", (), ())


def test_a_crowd_does_not_excuse_a_camera_that_was_given_up_and_does_not_go(
    crowd: Records,
) -> None:
    worker = slot(crowd)
    worker.departing["old", 1] = 0.0
    beat(crowd, list(crowd)[:8], 40.0)
    verdict = judge(crowd, worker, 41.0)
    assert verdict is not None
    assert (verdict.reason, verdict.guilty, verdict.suspects) == ("hang", ("old",), ())


def test_a_camera_that_its_worker_has_not_begun_with_is_given_time(records: Records) -> None:
    records["b"].hand_out(0.0, 2)
    beat(records, "ac", 58.0)
    assert judge(records, slot(records), 59.0) is None
    verdict = judge(records, slot(records), 61.0)
    assert verdict is not None
    assert verdict.guilty == ("b",)


def test_where_all_fall_silent_at_about_one_time_nobody_is_guilty_for_certain(
    records: Records,
) -> None:
    beat(records, "ac", 2.0)
    verdict = judge(records, slot(records), 20.5)
    assert verdict is not None
    assert verdict.guilty == ()
    assert set(verdict.suspects) == {"a", "b", "c"}


def test_a_camera_that_is_being_opened_shares_the_fate_of_its_worker(records: Records) -> None:
    records["a"].mailbox.enter(Phase.OPENING)  # it alone may be silent for longer
    verdict = judge(records, slot(records), 20.5)
    assert verdict is not None
    assert (verdict.guilty, set(verdict.suspects)) == ((), {"a", "b", "c"})


def test_a_worker_that_starts_has_its_own_patience(records: Records) -> None:
    starting = slot(records, ready=False)
    assert judge(records, starting, 29.0) is None
    verdict = judge(records, starting, 31.0)
    assert verdict is not None
    assert (verdict.guilty, verdict.suspects) == ((), ())


def test_an_ended_file_may_be_silent(records: Records) -> None:
    records["b"].ended = True
    beat(records, "ac", 50.0)
    assert judge(records, slot(records), 51.0) is None


def test_a_camera_that_was_given_up_and_does_not_go_is_guilty(records: Records) -> None:
    worker = slot(records)
    worker.departing["old", 1] = 5.0
    beat(records, "abc", 46.0)
    assert judge(records, worker, 44.0) is None
    verdict = judge(records, worker, 46.0)
    assert verdict is not None
    assert verdict.guilty == ("old",)


def test_the_thread_of_a_crash_report_tells_the_guilty(records: Records) -> None:
    records["b"].mailbox.claim(42)
    assert suspects_of_crash("abc", records, CrashReport("", 42)) == (("b",), ())


def test_without_a_known_thread_those_who_were_reading_are_suspects_latest_first(
    records: Records,
) -> None:
    for name, phase, heartbeat in (
        ("a", Phase.READING, 1.0),
        ("b", Phase.IDLE, 9.0),
        ("c", Phase.OPENING, 3.0),
    ):
        records[name].mailbox.enter(phase)
        records[name].mailbox.beat(heartbeat)
    assert suspects_of_crash("abc", records, CrashReport("", None)) == ((), ("c", "a"))


def test_a_crash_in_a_thread_that_reads_no_camera_accuses_nobody(records: Records) -> None:
    records["b"].mailbox.enter(Phase.READING)
    assert suspects_of_crash("abc", records, CrashReport("", 7)) == ((), ())


def test_a_worker_that_another_program_ended_accuses_nobody(records: Records) -> None:
    records["b"].mailbox.enter(Phase.READING)
    assert suspects_of_crash("abc", records, CrashReport("", None, outside=True)) == ((), ())
