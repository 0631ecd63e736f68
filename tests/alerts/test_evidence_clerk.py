"""The thread that writes evidence: what it keeps of an alert, and what it drops."""

import io
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.alerts.evidence_clerk import QUEUED, Clerk
from monitor.alerts.evidence_folder import EvidenceFolder
from monitor.alerts.evidence_jobs import ClipEnd, ClipTask, ClipWish, Fired, First, Over
from monitor.alerts.evidence_picture import Heat, Sight, annotate
from monitor.alerts.evidence_retention import Bounds
from monitor.alerts.evidence_shelf import EvidenceShelf
from monitor.alerts.fragments import whole_fragments
from monitor.alerts.keeper_shared import SharedStore
from monitor.alerts.store import EventStore
from monitor.image import decode_image
from monitor.inference.scored import Box, Region
from monitor.layout import Image
from tests.support.decisions import WALL, decider, feed, frame
from tests.support.evidence import Counts

PIXELS = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)


def sight(at: float, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = PIXELS) -> Sight:
    """A frame of the camera of the event in the store."""
    heat = Heat(Region("full"), np.eye(8, dtype=np.float32))
    box = Box(0.1, 0.2, 0.6, 0.9)
    return Sight("dock", "fire", "fire", "hazard", 0.9, WALL + at, at, Image.of(pixels), box, heat)


class Desk:
    """A clerk at work, with one event in its store that began at 0 and fires since 2."""

    def __init__(self, folder: Path) -> None:
        self.store = EventStore.open(folder / "events.db")
        self.store.record(*feed(decider(), [frame(float(n), fire=0.9) for n in range(4)]))
        self.counts = Counts()
        shared = SharedStore(self.store)
        self.folder = EvidenceFolder(folder / "evidence")
        self.shelf = EvidenceShelf(self.folder, shared, counts=self.counts)
        self.shelf.bounds = Bounds(min_free_bytes=0)
        self.clerk = Clerk(self.shelf, shared, counts=self.counts, monotonic=time.monotonic)

    def done(self) -> None:
        """Let the clerk do all that waits, and end."""
        self.clerk.close(20.0)

    def kinds(self) -> list[str]:
        return [one.kind for one in self.store.evidence_of(1)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.done()
    made.store.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_alert_that_fires_keeps_its_pictures_and_its_first_sight(desk: Desk) -> None:
    desk.clerk.start()
    desk.clerk.submit(First(sight(0.0)))
    desk.clerk.submit(First(sight(1.0)))
    desk.clerk.submit(Fired(sight(2.0), True, None))
    desk.done()
    assert desk.kinds() == ["snapshot", "original", "snapshot", "original"]
    newest = desk.shelf.snapshot_for(1)
    assert newest is not None
    assert "first" not in newest.name
    first = desk.store.evidence_of(1)[2]
    assert first.captured_at == WALL, "what was seen first, not what was seen next"
    path = desk.shelf.path_of(desk.store.evidence_of(1)[1])
    assert path is not None
    original = decode_image(path.read_bytes(), "original")
    assert original.shape == PIXELS.shape


def test_an_alert_that_does_not_fire_leaves_nothing(desk: Desk) -> None:
    desk.clerk.start()
    desk.clerk.submit(First(sight(0.0)))
    desk.clerk.submit(Over("dock", "hazard"))
    desk.clerk.submit(Fired(sight(3.0), True, None))
    desk.done()
    assert desk.kinds() == ["snapshot", "original"]


def test_what_cannot_be_taken_is_dropped_and_counted_and_first_sights_before_fires(
    desk: Desk,
) -> None:
    taken = [desk.clerk.submit(First(sight(0.0))) for _ in range(QUEUED)]
    assert taken.count(True) == QUEUED // 2 + 1
    fires = [desk.clerk.submit(Fired(sight(2.0), False, None)) for _ in range(QUEUED)]
    assert fires.count(True) == QUEUED - taken.count(True)
    assert desk.counts.dropped["queue"] == 2 * QUEUED - QUEUED
    assert desk.clerk.submit(Over("dock", "hazard")), "what holds no frame always goes"
    desk.clerk.start()


def test_a_picture_that_cannot_be_drawn_costs_no_other(desk: Desk) -> None:
    desk.clerk.start()
    desk.clerk.submit(Fired(sight(2.0, np.zeros((0, 0, 3), np.uint8)), True, None))
    desk.clerk.submit(Fired(sight(3.0), True, None))
    desk.done()
    assert desk.counts.dropped["unfit"] == 1
    assert desk.kinds() == ["snapshot", "original"]


def ordered(desk: Desk) -> ClipTask:
    """The clip of an alert, as it is asked for."""
    desk.clerk.start()
    desk.clerk.submit(Fired(sight(2.0), True, ClipWish(-3.0, 12.0)))
    until(lambda: desk.clerk.tasks)
    return desk.clerk.tasks.popleft()


def fragment(size: int) -> bytes:
    return struct.pack(">I4s", 8, b"moof") + struct.pack(">I4s", 8 + size, b"mdat") + bytes(size)


HEAD = struct.pack(">I4s", 8, b"ftyp") + struct.pack(">I4s", 8, b"moov")


def test_clips_that_are_written_at_once_share_the_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.folder, "free_bytes", lambda: 80_000_000)
    desk.clerk.start()
    for _ in range(3):
        desk.clerk.submit(Fired(sight(2.0), False, ClipWish(-3.0, 12.0)))
    until(lambda: len(desk.clerk.tasks) == 3)
    sizes = [task.max_bytes for task in desk.clerk.tasks]
    assert sizes == [40_000_000, 20_000_000, 10_000_000]


def test_a_clip_counts_when_it_is_whole(desk: Desk) -> None:
    task = ordered(desk)
    assert (task.camera, task.since, task.until) == ("dock", -3.0, 12.0)
    os.write(task.descriptor, HEAD + fragment(100))
    assert "clip" not in desk.kinds()
    desk.clerk.submit(ClipEnd(task.clip, "mp4", WALL - 3.0, ""))
    until(lambda: "clip" in desk.kinds())
    clip = desk.store.evidence_of(1)[-1]
    assert clip.file.endswith("-dock-fire-clip.mp4")
    assert clip.captured_at == WALL - 3.0


@pytest.mark.parametrize("cut", ["stalled", "none", "busy"])
def test_a_clip_of_nothing_leaves_no_file(desk: Desk, cut: str) -> None:
    task = ordered(desk)
    desk.clerk.submit(ClipEnd(task.clip, "", 0.0, cut))
    desk.done()
    assert "clip" not in desk.kinds()
    assert desk.counts.dropped["no_video"] == (1 if cut == "stalled" else 0)
    assert desk.counts.dropped["queue"] == (1 if cut == "busy" else 0)
    assert not list((desk.folder.path / ".partial").iterdir())


def test_what_a_worker_wrote_before_it_died_is_kept_to_its_last_whole_part(desk: Desk) -> None:
    task = ordered(desk)
    whole = HEAD + fragment(100) + fragment(50)
    os.write(task.descriptor, whole + fragment(80)[:40])
    desk.clerk.submit(ClipEnd(task.clip, "", 0.0, "worker_lost"))
    until(lambda: "clip" in desk.kinds())
    clip = desk.store.evidence_of(1)[-1]
    assert clip.size_bytes == len(whole)
    assert clip.captured_at == WALL + 2.0


def test_a_worker_that_died_before_it_wrote_is_counted(desk: Desk) -> None:
    task = ordered(desk)
    os.write(task.descriptor, HEAD + fragment(80)[:30])
    desk.clerk.submit(ClipEnd(task.clip, "", 0.0, "worker_lost"))
    desk.done()
    assert desk.counts.dropped["worker_lost"] == 1
    assert "clip" not in desk.kinds()


def test_an_end_finishes_clips_with_what_they_have(desk: Desk) -> None:
    task = ordered(desk)
    os.write(task.descriptor, HEAD + fragment(100))
    desk.done()
    assert "clip" in desk.kinds()
    assert not any(thread.name == "evidence" for thread in threading.enumerate())


def test_a_sight_waits_for_its_event(desk: Desk) -> None:
    desk.clerk.start()
    late = sight(2.0)
    other = Sight("hall", "fire", "fire", "hazard", 0.9, WALL + 2.0, 2.0, late.image)
    desk.clerk.submit(Fired(other, True, None))
    desk.done()
    assert list(desk.folder.files()) == []


def test_one_that_waited_for_its_event_and_cannot_be_drawn_costs_no_other(desk: Desk) -> None:
    now = [100.0]
    clerk = desk.clerk = Clerk(
        desk.shelf, SharedStore(desk.store), counts=desk.counts, monotonic=lambda: now[0]
    )
    clerk.start()
    unfit = replace(sight(2.0, np.zeros((0, 0, 3), np.uint8)), camera="hall")
    clerk.submit(Fired(unfit, True, None))
    clerk.submit(Fired(sight(2.0), True, None))
    until(lambda: desk.kinds() == ["snapshot", "original"])
    begun = feed(decider(), [frame(float(n), fire=0.9) for n in range(4)])
    desk.store.record(*(replace(one, camera="hall") for one in begun))
    now[0] += 10.0
    until(lambda: desk.counts.dropped["unfit"])
    assert not clerk.died
    clerk.submit(Fired(replace(sight(2.0), camera="hall"), True, None))
    until(lambda: len(desk.store.evidence_of(2)) == 2)
    desk.done()
    assert desk.counts.dropped == {"unfit": 1}
    assert not clerk.died, "it was told to end"


def test_no_more_wait_for_their_event_than_may_be_queued(desk: Desk) -> None:
    desk.clerk.start()
    late = sight(2.0)
    other = Sight("hall", "fire", "fire", "hazard", 0.9, WALL + 2.0, 2.0, late.image)
    for _ in range(QUEUED + 3):
        until(lambda: desk.clerk.submit(Fired(other, True, None)))
    until(lambda: desk.counts.dropped["queue"] >= 3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_is_told(desk: Desk) -> None:
    ends = threading.Event()

    def monotonic() -> float:
        if ends.is_set():
            raise SystemExit
        return 0.0

    shared = SharedStore(desk.store)
    clerk = desk.clerk = Clerk(desk.shelf, shared, counts=desk.counts, monotonic=monotonic)
    clerk.start()
    assert not clerk.died
    ends.set()
    until(lambda: clerk.died)


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_fragments_are_cut_behind_the_last_whole_one(cut: int) -> None:
    whole = HEAD + fragment(30)
    more = fragment(60)
    assert whole_fragments(io.BytesIO(whole + more[:cut])) == len(whole)
    assert whole_fragments(io.BytesIO(whole + more)) == len(whole + more)
    assert whole_fragments(io.BytesIO(HEAD + more[:cut])) == 0
    assert whole_fragments(io.BytesIO(more)) == 0


@pytest.mark.parametrize("size", [(16, 16), (160, 120), (640, 480), (1280, 720)])
@pytest.mark.parametrize("camera", ["d", "a-camera-with-a-name-of-" + 39 * "x"])
def test_pictures_of_any_size_have_what_is_known_below_and_not_on_them(
    size: tuple[int, int], camera: str
) -> None:
    width, height = size
    pixels = np.full((height, width, 3), 255, np.uint8)
    plain = Sight(camera, "fire", "fire", "hazard", 0.5, WALL, 0.0, Image.of(pixels))
    drawn = annotate(plain)
    assert drawn.shape[1] == width
    assert drawn.shape[0] > height
    assert (drawn[:height] == 255).all()
    assert (pixels == 255).all(), "the original is not touched"
    marked = annotate(
        Sight(
            camera, "x", "haze", "x", 0.5, WALL, 0.0, Image.of(pixels), Box(0.0, 0.0, 1.0, 1.0),
            Heat(Region("tile", 0.4, 0.4, 0.9, 0.9), np.ones((2, 2), np.float32)),
        )
    )  # fmt: skip
    assert marked.shape == drawn.shape
    assert not (marked[:height] == 255).all()


@pytest.mark.parametrize(("seconds", "expected"), [(3599.0, 0), (3600.0, 1)])
def test_age_is_asked_an_hour_after_the_start_at_the_earliest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: int
) -> None:
    now = 0.0
    expired: list[float] = []
    monkeypatch.setattr(desk.shelf, "expire", lambda: expired.append(now))
    shared = SharedStore(desk.store)
    clerk = Clerk(desk.shelf, shared, counts=desk.counts, monotonic=lambda: now)
    now = seconds
    clerk.start()
    clerk.submit(Over("dock", "hazard"))
    clerk.close(20.0)
    desk.clerk.start()  # ended by the fixture
    assert len(expired) == expected
