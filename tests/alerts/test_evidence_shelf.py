"""Evidence on a real disk: bounds, full disks, kills, and what the store knows of it."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from monitor.alerts.evidence_folder import PARTIAL, EvidenceFolder
from monitor.alerts.evidence_retention import Bounds
from monitor.alerts.evidence_shelf import EvidenceShelf
from monitor.alerts.keeper_shared import SharedStore
from monitor.alerts.store import EventStore
from tests.support.decisions import WALL, decider, feed, frame
from tests.support.evidence import Counts

SIZE = 100_000


class Place:
    """A shelf over a store with three events that ended and a fourth that fires."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.path = folder
        self.state = state
        self.store = EventStore.open(state / "events.db", now=lambda: WALL)
        target = decider()
        for index in range(4):
            fires = [frame(100.0 * index + n, fire=0.9) for n in range(6)]
            ends = [frame(100.0 * index + n) for n in range(6, 30)] if index < 3 else []
            self.store.record(*feed(target, [*fires, *ends]))
        self.now = WALL + 1000.0
        self.counts = Counts()
        self.shelf = self.open()

    def open(self, **bounds: float) -> EvidenceShelf:
        shelf = EvidenceShelf(
            EvidenceFolder(self.path),
            SharedStore(self.store),
            counts=self.counts,
            wall=lambda: self.now,
        )
        shelf.bounds = Bounds(**{"min_free_bytes": 0, **bounds})  # type: ignore[arg-type]  # by name
        shelf.prepare()
        return shelf

    def put(self, event: int, *, size: int = SIZE) -> bool:
        at = WALL + 100.0 * (event - 1) + 3.0
        return self.shelf.put(event, "snapshot", os.urandom(size), at=at, what="dock-fire-snapshot")

    def there(self) -> list[int]:
        """Events that have a snapshot."""
        return [event for event in range(1, 5) if self.shelf.snapshot_for(event)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "evidence", tmp_path)
    yield made
    made.store.close()


def test_what_is_put_is_found_by_its_event(place: Place) -> None:
    assert place.put(2)
    assert place.put(2)
    found = place.shelf.of_event(2)
    assert [one.kind for one in found] == ["snapshot", "snapshot"]
    newest = place.shelf.snapshot_for(2)
    assert newest is not None
    assert newest.stat().st_size == SIZE
    assert newest.parent.name == "2023-11-14"
    assert newest.stat().st_mode & 0o077 == 0, "nobody else may look"
    assert place.shelf.snapshot_for(1) is None
    assert place.counts.bytes == 2 * SIZE


def test_an_event_that_the_store_does_not_know_leaves_no_file(place: Place) -> None:
    assert not place.put(77)
    assert place.counts.dropped["store"] == 1
    assert list(EvidenceFolder(place.path).files()) == []


def test_a_file_waits_a_while_for_a_store_that_others_write_to(place: Place) -> None:
    now = [0.0]
    shelf = EvidenceShelf(
        EvidenceFolder(place.path),
        SharedStore(place.store),
        counts=place.counts,
        monotonic=lambda: now[0],
    )
    shelf.bounds = Bounds(min_free_bytes=0)
    with closing(sqlite3.connect(place.state / "events.db", isolation_level=None)) as other:
        for event, later, kept in ((1, 5.0, True), (2, 31.0, False)):
            other.execute("BEGIN IMMEDIATE")
            assert not shelf.put(event, "snapshot", b"picture", at=WALL, what="dock-fire-snapshot")
            assert shelf.of_event(event) == []
            assert place.counts.dropped["store"] == 0
            now[0] += later
            if kept:
                other.execute("ROLLBACK")
            shelf.list_again()
            assert len(shelf.of_event(event)) == int(kept)
    assert place.counts.dropped["store"] == 1
    assert len(list(EvidenceFolder(place.path).files())) == 1


def test_the_oldest_makes_way_for_the_newest_and_open_events_stay(place: Place) -> None:
    place.shelf.bounds = Bounds(max_bytes=int(2.5 * SIZE), min_free_bytes=0)
    for event in (4, 1, 2, 3):
        assert place.put(event)
    assert place.there() == [3, 4]
    assert place.counts.deleted["size"] == 2
    assert place.counts.bytes == 2 * SIZE


def test_acknowledged_evidence_goes_before_older_that_nobody_saw(place: Place) -> None:
    for event in (1, 2, 3):
        place.put(event)
    place.store.acknowledge(2, "anna", WALL)
    place.shelf.bounds = Bounds(max_bytes=int(3.5 * SIZE), min_free_bytes=0)
    place.put(4)
    assert place.there() == [1, 3, 4]


def test_evidence_ages(place: Place) -> None:
    for event in range(1, 5):
        place.put(event)
    place.shelf.bounds = Bounds(max_age_seconds=1000.0 - 103.0 - 1.0, min_free_bytes=0)
    place.shelf.expire()
    assert place.there() == [3, 4]
    assert place.counts.deleted["age"] == 2
    place.now += 10**6
    place.shelf.expire()
    assert place.there() == [4], "it still fires"


def test_files_that_were_deleted_by_hand_are_forgotten(place: Place) -> None:
    for event in (1, 2):
        place.put(event)
    gone = place.shelf.snapshot_for(1)
    assert gone is not None
    gone.unlink()
    assert place.shelf.of_event(1) == []
    place.shelf.expire()
    assert place.store.evidence_of(1) == []
    assert place.counts.bytes == SIZE


def test_files_of_others_in_the_folder_are_left_alone(place: Place) -> None:
    place.put(1)
    note = place.path / "2023-11-14" / "note of mine.txt"
    note.write_text("mine")
    place.shelf.bounds = Bounds(max_age_seconds=1.0, min_free_bytes=0)
    place.shelf.expire()
    assert note.exists()
    assert place.there() == []


def test_evidence_on_a_disk_of_its_own_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a folder that root alone may read."""
    place.put(1)
    (place.path / "lost+found").mkdir()
    real = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    place.shelf = place.open()
    assert place.counts.bytes == SIZE
    assert place.put(2)
    assert place.counts.up


def test_links_and_folders_of_others_hold_up_no_evidence(place: Place) -> None:
    place.put(1)
    (place.path / "2023-11-15").symlink_to("nowhere")
    (place.path / "2023-11-14" / "mine.jpg").symlink_to("nowhere")
    (place.path / "2023-11-14" / "mine").mkdir()
    place.shelf = place.open()
    assert place.put(2)
    place.now += 10**8
    place.shelf.expire()
    assert place.there() == []
    assert place.counts.up
    assert (place.path / "2023-11-14" / "mine").is_dir()


def test_a_day_that_cannot_be_read_is_told_and_its_files_are_not_forgotten(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(1)
    real = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "2023-11-14":
            raise OSError(5, "Input/output error", str(path))
        return real(path)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "iterdir", iterdir)
        place.shelf.expire()
        assert "2023-11-14" in place.shelf.fault
    assert place.there() == [1]


def test_where_the_disk_has_less_than_must_stay_free_evidence_does_not_grow(place: Place) -> None:
    place.put(1)
    place.shelf.bounds = Bounds(min_free_bytes=10**18, reserve_bytes=0)
    assert place.put(2)
    assert place.there() == [2], "the newer took the place of the older"
    assert not place.put(3, size=SIZE + 1)
    assert place.there() == [2], "it would not have been enough"
    assert place.counts.dropped["disk"] == 1
    assert "min_free" in place.shelf.fault
    assert not place.counts.up
    place.now += 86400.0
    place.shelf.clear()
    assert place.there() == [], "what is old makes way for others"
    place.shelf.bounds = Bounds(min_free_bytes=0)
    assert place.put(3)
    assert place.shelf.fault == ""
    assert place.counts.up


def test_names_that_lead_elsewhere_are_no_files(place: Place) -> None:
    folder = EvidenceFolder(place.path)
    for name in ("../events.db", "/etc/passwd", "2023-11-14/../../x", "2023-11-14/.x", "", "a/b"):
        assert folder.path_of(name) is None


_WRITER = """
import itertools, os, sys
from pathlib import Path
from monitor.alerts.evidence_folder import EvidenceFolder
folder = EvidenceFolder(Path(sys.argv[1]))
folder.prepare()
print("ready", flush=True)
for number in itertools.count():
    folder.write(os.urandom(300_000), 1.7e9 + number, "dock-fire", ".jpg")
"""


def test_a_kill_at_any_moment_leaves_no_half_file(place: Place) -> None:
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(place.path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        while not list((place.path / PARTIAL).iterdir()):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert all(size == 300_000 for _, size, _ in EvidenceFolder(place.path).files())
    shelf = place.open()
    assert list((place.path / PARTIAL).iterdir()) == []
    # Files without an event go first.
    total = sum(size for _, size, _ in EvidenceFolder(place.path).files())
    assert total == place.counts.bytes
    shelf.bounds = Bounds(max_bytes=SIZE, min_free_bytes=0)
    shelf.clear()
    assert place.counts.bytes <= SIZE


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder],
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            pytest.skip(f"no file system can be mounted: {mounted.stderr}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def test_on_a_full_disk_evidence_makes_way_and_events_are_written(
    small_disk: Path,
) -> None:
    place = Place(small_disk / "evidence", small_disk)
    place.shelf.bounds = Bounds(min_free_bytes=500_000)
    for event in (1, 2, 3, 4) * 3:
        place.put(event)
    free = os.statvfs(small_disk)
    # Their own rows take a little of what is kept free for them.
    assert free.f_bavail * free.f_frsize >= 400_000, "that stays free for events"
    # Somebody else fills the disk: evidence goes, so that there is room again.
    hog = small_disk / "hog"
    hog.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 100_000)))
    place.shelf.clear()
    free = os.statvfs(small_disk)
    assert free.f_bavail * free.f_frsize >= 500_000
    assert place.counts.deleted["disk"] > 0
    # And when even that is not enough, events are written and evidence is not.
    while place.there():
        with hog.open("ab") as file, suppress(OSError):
            file.write(bytes(10**7))
        place.shelf.clear()
    os.truncate(hog, hog.stat().st_size - 250_000)
    place.store.record(*feed(decider(), [frame(900.0 + n, fire=0.9) for n in range(6)]))
    assert not place.store.failing
    assert not place.put(4)
    assert place.counts.dropped["disk"] > 0
    place.store.close()


def test_another_program_that_fills_the_disk_does_not_take_what_is_young(
    small_disk: Path,
) -> None:
    def free() -> int:
        room = os.statvfs(small_disk)
        return room.f_bavail * room.f_frsize

    place = Place(small_disk / "evidence", small_disk)
    for event in (1, 2, 3, 4):
        assert place.put(event)
    place.shelf.bounds = Bounds(min_free_bytes=free(), reserve_bytes=250_000)
    hog = small_disk / "hog"
    hog.write_bytes(bytes(free() - 400_000))
    place.shelf.clear()
    assert place.there() == [1, 2, 3, 4], "the store has room enough"
    assert place.put(4)
    assert place.there() == [2, 3, 4], "the newest is kept, in place of the oldest"
    assert free() >= 350_000
    with hog.open("ab") as file:
        file.write(bytes(free() - 100_000))
    place.shelf.clear()
    assert place.there() == [4], "the store is short of room, and gets what it must have"
    assert free() >= 250_000
    place.store.record(*feed(decider(), [frame(900.0 + n, fire=0.9) for n in range(6)]))
    assert not place.store.failing
    place.store.close()
