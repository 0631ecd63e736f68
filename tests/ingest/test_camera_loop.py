import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from monitor.clock import Clock, ManualClock
from monitor.errors import AuthError, DecodeError, OpenError
from monitor.ingest.camera_loop import CameraLoop
from monitor.ingest.channel import AddCamera, Down, FromWorker, Opened, Removed
from monitor.ingest.frame import DecodedFrame
from monitor.ingest.mailbox import Mailbox, create_mailbox
from monitor.ingest.mailbox_layout import Phase
from monitor.ingest.open_gate import OpenGate
from monitor.ingest.source import FrameSource
from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.layout import Image

SETTINGS = SourceSettings(camera="yard", url="rtsp://10.0.4.17/a", password="hunter2")
FILE = StreamInfo("file", "h264", 16, 16)
LIVE = StreamInfo("rtsp", "h264", 16, 16)


class Script:
    """A source that does what it is told, then ends; counts how often it is closed."""

    def __init__(self, info: StreamInfo, frames: int, error: Exception | None = None) -> None:
        self.info = info
        self.closed = 0
        self.fps = 0.0
        self.bad_packets = 0
        self._frames = frames
        self._error = error

    def frames(self) -> Iterator[DecodedFrame]:
        for index in range(self._frames):
            self.bad_packets += index
            if index == 2:
                self.info = replace(self.info, key_interval_seconds=1.0)
            yield DecodedFrame(
                Image.of(np.zeros((8, 8, 3), np.uint8)), 1.7e9, 1.0 + index, float(index)
            )
        self.bad_packets += 1
        if self._error is not None:
            raise self._error

    def set_fps(self, fps: float) -> None:
        self.fps = fps

    def close(self) -> None:
        self.closed += 1


class Run:
    """A camera loop that opens the given things in turn and is stopped after the last."""

    def __init__(
        self, turns: Sequence[Script | Exception], settings: SourceSettings = SETTINGS
    ) -> None:
        self.turns = list(turns)
        self.opens = 0
        self.messages: list[FromWorker] = []
        self.wakes = 0
        self.clock = ManualClock(1.7e9, 1.0)
        self.opened_at: list[float] = []
        self.descriptor = create_mailbox(64)
        self.reader = Mailbox(self.descriptor)
        self.loop = CameraLoop(
            AddCamera(settings, 3),
            Mailbox(self.descriptor),
            open_source=self.open_source,
            gate=OpenGate(4, clock=self.clock),
            max_back_off_seconds=60.0,
            report=self.report,
            wake=self.wake,
            clock=self.clock,
            random=Random(1),
        )
        self.loop.stop = QuickStop(self.clock)
        self.loop.run()

    def open_source(
        self,
        settings: SourceSettings,
        *,
        clock: Clock,
        progress: Callable[[], None],
        stop: threading.Event,
    ) -> FrameSource:
        assert settings.camera == "yard"
        assert not stop.is_set()
        progress()
        self.opened_at.append(clock.monotonic())
        assert self.reader.phase() == Phase.OPENING
        turn = self.turns[self.opens]
        self.opens += 1
        if isinstance(turn, Exception):
            raise turn
        return turn

    def report(self, message: FromWorker) -> None:
        self.messages.append(message)
        if isinstance(message, Down) and self.opens == len(self.turns):
            self.loop.stop.set()

    def wake(self) -> None:
        self.wakes += 1

    def downs(self) -> list[Down]:
        return [message for message in self.messages if isinstance(message, Down)]


class QuickStop(threading.Event):
    """An event whose waits move the clock instead of taking time."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0.0)
        return self.is_set()


@pytest.fixture
def run() -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def start(*turns: Script | Exception, settings: SourceSettings = SETTINGS) -> Run:
        made.append(Run(turns, settings))
        return made[-1]

    yield start
    for each in made:
        each.reader.close()
        os.close(each.descriptor)


def test_frames_go_into_the_mailbox_and_wake_the_daemon(run: Callable[..., Run]) -> None:
    source = Script(LIVE, 4)
    ran = run(source)
    assert ran.reader.sequence() == ran.wakes == 4
    assert source.closed == 1


def test_what_becomes_known_of_the_stream_is_told_once(run: Callable[..., Run]) -> None:
    told = [m.info for m in run(Script(LIVE, 6)).messages if isinstance(m, Opened)]
    assert told == [LIVE, replace(LIVE, key_interval_seconds=1.0)]


def test_a_file_that_ended_is_not_opened_again(run: Callable[..., Run]) -> None:
    ran = run(Script(FILE, 2), Script(FILE, 2), settings=replace(SETTINGS, url="/srv/a.mp4"))
    assert ran.opens == 1
    assert [(down.reason, down.final) for down in ran.downs()] == [("ended", True)]
    assert ran.messages[-1] == Removed("yard", 3)


def test_a_recording_that_breaks_off_is_not_played_again(run: Callable[..., Run]) -> None:
    cut = Script(FILE, 2, DecodeError("it is cut off"))
    ran = run(cut, Script(FILE, 2), settings=replace(SETTINGS, url="/srv/a.mp4"))
    assert ran.opens == 1
    assert [(down.reason, down.final) for down in ran.downs()] == [("decode", True)]
    assert ran.messages[-1] == Removed("yard", 3)


def test_a_recording_that_loops_or_gave_nothing_yet_is_tried_again(run: Callable[..., Run]) -> None:
    cut = Script(FILE, 2, DecodeError("it is cut off"))
    assert run(cut, cut, settings=replace(SETTINGS, url="/srv/a.mp4", loop=True)).opens == 2
    empty = Script(FILE, 0, DecodeError("no picture"))
    assert run(empty, cut, settings=replace(SETTINGS, url="/srv/a.mp4")).opens == 2


def test_a_stream_that_ended_is_opened_again(run: Callable[..., Run]) -> None:
    ran = run(Script(LIVE, 2), Script(LIVE, 2))
    assert ran.opens == 2
    assert {(down.reason, down.final) for down in ran.downs()} == {("ended", False)}


def test_a_fault_is_told_with_its_reason_and_followed_by_a_pause(run: Callable[..., Run]) -> None:
    faults = [OpenError("no", reason="refused"), DecodeError("garbage"), OSError("what")]
    ran = run(*faults)
    assert [down.reason for down in ran.downs()] == ["refused", "decode", "error"]
    pauses = np.diff(ran.opened_at)
    assert 1.0 <= pauses[0] <= 2.0
    assert 1.0 <= pauses[1] <= 4.0


def test_bad_packets_are_counted_over_all_connections(run: Callable[..., Run]) -> None:
    ran = run(Script(LIVE, 3), Script(LIVE, 0, DecodeError("garbage")), Script(LIVE, 2))
    assert ran.reader.bad_packets() == (1 + 2 + 1) + 1 + (1 + 1)


def test_wrong_credentials_are_tried_seldom(run: Callable[..., Run]) -> None:
    ran = run(AuthError("401"), AuthError("401"))
    assert np.diff(ran.opened_at)[0] >= 30.0


def test_a_fault_while_reading_closes_the_source(run: Callable[..., Run]) -> None:
    source = Script(LIVE, 3, DecodeError("garbage"))
    ran = run(source)
    assert source.closed == 1
    assert ran.downs()[0].reason == "decode"


def test_an_error_of_a_library_does_not_end_the_thread(run: Callable[..., Run]) -> None:
    ran = run(Script(LIVE, 1, ZeroDivisionError("oops")), Script(LIVE, 1))
    assert ran.downs()[0].detail == "ZeroDivisionError: oops"
    assert ran.reader.sequence() == 2


def test_the_password_is_in_no_message(run: Callable[..., Run]) -> None:
    ran = run(OpenError("rtsp://admin:hunter2@10.0.4.17/a said no to hunter2"))
    assert "hunter2" not in str(ran.messages)


def test_the_heartbeat_goes_on_while_it_waits(run: Callable[..., Run]) -> None:
    ran = run(OpenError("no"), OpenError("no"))
    assert ran.reader.heartbeat() >= ran.opened_at[-1] - 0.5
    assert ran.reader.phase() == Phase.IDLE
