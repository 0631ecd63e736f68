import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.channel import Down
from monitor.ingest.frame import DecodedFrame, Health
from monitor.ingest.mailbox_layout import Phase
from monitor.ingest.records import make_records
from monitor.ingest.status import REASONS, SourceSettings, StreamInfo
from monitor.layout import Image

SETTINGS = SourceSettings(camera="yard", url="rtsp://10.0.4.17/a", password="hunter2", fps=2.0)


@pytest.fixture
def record() -> Iterator[CameraRecord]:
    made = CameraRecord(SETTINGS)
    yield made
    made.close()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Meanwhile no file can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def put(record: CameraRecord, monotonic: float, health: Health = Health.OK) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    record.mailbox.write(DecodedFrame(Image.of(pixels), 1.7e9, monotonic, 0.0), health)


def down(reason: str = "refused", detail: str = "no", *, final: bool = False) -> Down:
    return Down("yard", 1, reason, detail, final)


def kinds(record: CameraRecord, now: float) -> list[str]:
    return [f"{event.kind} {event.reason}".strip() for event in record.news(now, 1.7e9)]


def test_before_the_first_frame_it_is_down_and_that_is_no_news(record: CameraRecord) -> None:
    status = record.status(1.0)
    assert (status.up, status.reason, status.frames, status.last_frame_at) == (
        False,
        "open",
        0,
        None,
    )
    assert dict(status.reconnects) == dict.fromkeys(REASONS, 0)
    assert kinds(record, 1.0) == []


def test_it_is_up_while_frames_come_in_time(record: CameraRecord) -> None:
    put(record, 10.0)
    record.look(10.0)
    assert record.status(15.0).up
    assert kinds(record, 15.0) == ["up"]
    assert not record.status(15.1).up
    assert record.status(15.1).reason == "stall"
    assert kinds(record, 15.1) == ["down stall"]


@given(st.floats(0.01, 30))
def test_the_time_that_is_allowed_follows_the_rate(fps: float) -> None:
    record = CameraRecord(SourceSettings(camera="yard", url="a.mp4", fps=fps, max_side=16))
    assert record.allowance_seconds == pytest.approx(max(5.0, 3 / fps))
    record.close()


def test_key_frames_alone_may_come_as_seldom_as_they_do() -> None:
    record = CameraRecord(SourceSettings(camera="yard", url="a.mp4", decode="key", max_side=16))
    record.opened(StreamInfo("rtsp", "h264", 16, 16, None, 10.0))
    assert record.allowance_seconds == 30.0
    record.opened(StreamInfo("rtsp", "h264", 16, 16, None, 1e9))
    assert record.allowance_seconds <= 180.0
    record.close()


def test_a_fault_shows_at_once_and_is_told_once(record: CameraRecord) -> None:
    put(record, 10.0)
    record.look(10.0)
    kinds(record, 10.0)
    for _ in range(3):
        record.down(down())
    assert (record.status(10.1).up, record.status(10.1).reason) == (False, "refused")
    assert kinds(record, 10.1) == ["down refused"]
    assert kinds(record, 10.2) == []
    record.down(down("auth"))
    assert kinds(record, 10.3) == ["down auth"]
    assert record.status(11.0).reconnects["refused"] == 3


def test_a_frame_after_the_fault_ends_it(record: CameraRecord) -> None:
    record.down(down())
    put(record, 12.0)
    record.look(12.0)
    assert record.status(12.0).up
    assert record.status(12.0).detail == ""


def test_a_reason_that_is_unknown_counts_as_error(record: CameraRecord) -> None:
    record.down(down("whatever"))
    assert record.status(1.0).reason == "error"
    assert set(record.status(1.0).reconnects) == set(REASONS)


def test_secrets_in_a_detail_are_hidden(record: CameraRecord) -> None:
    record.down(down(detail="cannot open rtsp://admin:hunter2@10.0.4.17/ with hunter2"))
    assert "hunter2" not in record.status(1.0).detail
    assert "admin" not in record.status(1.0).detail


def test_a_lost_worker_shows_only_if_the_next_is_not_in_time(record: CameraRecord) -> None:
    put(record, 10.0)
    record.look(10.0)
    record.worker_fault("worker_lost", "worker 7 was killed")
    assert record.status(14.0).up
    assert record.status(16.0).reason == "worker_lost"
    assert record.status(16.0).reconnects["worker_lost"] == 1


def test_only_a_file_that_does_not_loop_can_end_for_good() -> None:
    for url, loop, ended in (
        ("/srv/a.mp4", False, True),
        ("/srv/a.mp4", True, False),
        ("rtsp://10.0.4.17/a", False, False),
    ):
        record = CameraRecord(SourceSettings(camera="yard", url=url, loop=loop, max_side=16))
        record.down(down("ended", final=True))
        assert record.ended is ended
        assert record.status(1.0).reconnects["ended"] == (0 if ended else 1)
        record.close()


def test_overwritten_frames_are_counted(record: CameraRecord) -> None:
    for index in range(5):
        put(record, float(index))
    frame = record.read(10.0)
    assert frame is not None
    assert frame.sequence == 5
    assert record.read(10.0) is None
    assert record.status(10.0).dropped["overwritten"] == 4


def test_numbers_go_on_when_another_worker_takes_over(record: CameraRecord) -> None:
    record.hand_out(0.0, 1)
    put(record, 1.0)
    record.look(1.0)
    first = record.descriptor, record.mailbox
    record.worker_fault("worker_lost", "")
    record.hand_out(1.0, 2)
    assert record.mailbox is first[1], "nobody else can write into it any more"
    record.hand_out(2.0, 3)
    assert record.mailbox is not first[1], "the first worker lives and may still write"
    put(record, 3.0)
    frame = record.read(3.0)
    assert frame is not None
    assert frame.sequence == 2
    assert record.generation == 3


def test_silence_counts_from_the_last_change_of_the_heartbeat(record: CameraRecord) -> None:
    record.hand_out(100.0, 1)
    assert record.silence(103.0) == 3.0
    record.mailbox.beat(1e300)  # the value proves nothing
    assert record.silence(104.0) == 0.0
    assert record.silence(110.0) == 6.0


def test_opening_may_be_silent_for_longer_than_reading(record: CameraRecord) -> None:
    record.mailbox.beat(1.0)
    record.silence(1.0)
    assert record.hang_seconds(1.0) == 15.0
    record.mailbox.enter(Phase.OPENING)
    assert record.hang_seconds(1.0) == 55.0
    assert record.hang_seconds(60.0) == 60.0


def test_a_change_of_health_is_news_once(record: CameraRecord) -> None:
    put(record, 10.0, Health.DARK)
    record.look(10.0)
    assert kinds(record, 10.0) == ["up", "health dark"]
    put(record, 11.0, Health.DARK)
    record.look(11.0)
    assert kinds(record, 11.0) == []
    put(record, 12.0)
    record.look(12.0)
    assert kinds(record, 12.0) == ["health ok"]


def test_other_settings_forget_what_was_seen_and_keep_the_counters(record: CameraRecord) -> None:
    put(record, 10.0)
    record.look(10.0)
    record.down(down())
    record.change(SourceSettings(camera="yard", url="rtsp://10.0.4.18/a", max_side=16))
    status = record.status(10.1)
    assert (status.up, status.reason, status.last_frame_at) == (False, "open", None)
    assert (status.frames, status.reconnects["refused"]) == (1, 1)
    put(record, 11.0)
    frame = record.read(11.0)
    assert frame is not None
    assert frame.sequence == 2


def test_the_last_picture_goes_with_a_new_mailbox_unless_it_is_of_another_camera(
    record: CameraRecord,
) -> None:
    put(record, 10.0, Health.FROZEN)
    put(record, 11.0, Health.FROZEN)
    record.mailbox.note_still(3.0)
    record.look(11.0)
    record.change(replace(SETTINGS, fps=4.0))
    kept = record.mailbox.newest("yard", 12.0)
    assert kept is not None
    assert (kept.sequence, kept.health, record.mailbox.still_since(12.0)) == (2, Health.FROZEN, 3.0)
    assert not record.unread
    put(record, 12.0)
    assert record.read(12.0) is not None
    record.change(replace(SETTINGS, url="rtsp://10.0.4.18/a"))
    assert record.mailbox.newest("yard", 13.0) is None


def test_overwritten_frames_are_counted_though_nobody_reads(record: CameraRecord) -> None:
    put(record, 1.0)
    record.look(1.0)
    assert record.status(1.0).dropped["overwritten"] == 0, "it may still be read"
    put(record, 2.0)
    put(record, 3.0)
    record.look(3.0)
    assert record.status(3.0).dropped["overwritten"] == 2
    assert record.read(3.0) is not None
    assert record.status(3.0).dropped["overwritten"] == 2


def test_without_room_for_a_new_mailbox_the_old_one_still_stands(record: CameraRecord) -> None:
    record.hand_out(0.0, 1)
    put(record, 1.0)
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        record.hand_out(1.0, 2)
    record.look(1.0)
    assert record.read(1.0) is not None
    with no_descriptors():
        record.invalid()
    record.look(2.0)


def test_no_picture_of_old_settings_is_given_where_there_is_no_room_for_a_new_mailbox(
    record: CameraRecord,
) -> None:
    put(record, 1.0)
    with no_descriptors():
        record.change(replace(SETTINGS, url="rtsp://10.0.4.18/a"))
    put(record, 2.0)
    record.look(2.0)
    assert not record.unread
    assert record.status(2.0).last_frame_at is None
    record.hand_out(3.0, 1)
    put(record, 4.0)
    assert record.unread


def test_a_camera_that_no_worker_can_take_is_down_and_that_is_news(record: CameraRecord) -> None:
    record.unserved("no worker process could be started")
    assert kinds(record, 1.0) == ["down error"]
    assert record.status(1.0).detail.endswith("no worker process could be started")
    put(record, 2.0)
    record.look(2.0)
    assert kinds(record, 2.0) == ["up"]


def test_records_are_made_all_or_none() -> None:
    feeds = [SourceSettings("a", "a.mp4"), SourceSettings("b", "b.mp4")]
    with no_descriptors(), pytest.raises(ConfigError, match="no room for the pictures"):
        make_records(feeds)


def test_bad_packets_are_counted_over_mailboxes_and_nonsense_is_not(record: CameraRecord) -> None:
    record.mailbox.add_bad_packets(3)
    assert record.status(1.0).bad_packets == 3
    record.mailbox.add_bad_packets(2)
    record.renew_mailbox()
    record.mailbox.add_bad_packets(1)
    assert record.status(1.0).bad_packets == 6
    record.mailbox.add_bad_packets(2**60)
    assert record.status(1.0).bad_packets == 6


def test_a_note_on_a_stream_is_told_once(record: CameraRecord) -> None:
    put(record, 10.0)
    record.look(10.0)
    kinds(record, 10.0)
    noted = StreamInfo("rtsp", "h264", 16, 16, note="cuda cannot be used: there is no driver")
    for _ in range(2):
        record.opened(noted)
    assert [kind for kind in kinds(record, 10.5) if kind.startswith("note")] == ["note"]
    assert kinds(record, 11.0) == []
