"""A store that is damaged while the daemon runs is set aside, and alerts go on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.alerts.events import Event
from monitor.alerts.keeper import RETRY_SECONDS, Keeper
from monitor.alerts.routing import Route
from monitor.alerts.salvage import copy_rows
from monitor.alerts.store import EventStore
from monitor.clock import ManualClock
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError
from tests.support.decisions import WALL, decider, feed, frame

EMPTY_LEAF = bytes([10, 0, 0, 0, 0, 16, 0, 0])
"""Head of a page of 4096 bytes of an index that has no entries."""


def burning() -> tuple[list[Transition], list[Transition], DeciderSnapshot]:
    """What a fire brings, what its end brings, and the decision after it."""
    deciding = decider(hold=2, keep=3)
    begin = feed(deciding, [frame(t, fire=0.9) for t in range(6)])
    end = feed(deciding, [frame(t) for t in range(6, 20)])
    return begin, end, deciding.snapshot()


def overwrite(path: Path, name: str, content: bytes) -> None:
    """Put this in place of the page at which a table or index begins, as a disk gone bad."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = other.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)
        ).fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
        with path.open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(content.ljust(size, b"\0"))
        other.execute("PRAGMA user_version = 4")  # who has the page in mind reads it again


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=WALL + 100, monotonic=10.0)


@pytest.fixture
def keeper(tmp_path: Path, clock: ManualClock) -> Iterator[Keeper]:
    opened = Keeper(tmp_path / "events.db", clock=clock, count=lambda *_: None)
    opened.route([Route("mail")])
    yield opened
    opened.close()


def events(keeper: Keeper) -> list[Event]:
    return keeper.events(9, camera=None, before_id=None, open_only=False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("transitions_by_event", b"\xa5" * 4096),
        ("open_events", b"\xa5" * 4096),
        ("events_by_end", EMPTY_LEAF),
        ("events_by_end", b"\xa5" * 4096),
        ("deliveries_waiting", b"\xa5" * 4096),
    ],
    ids=["steps' index", "events' index", "entries lost", "ends' index", "outbox's index"],
)
def test_alerts_go_on_and_open_ones_stay_known_where_an_index_goes_bad(
    tmp_path: Path, keeper: Keeper, clock: ManualClock, name: str, content: bytes
) -> None:
    begin, end, state = burning()
    keeper.record(begin, state)
    overwrite(tmp_path / "events.db", name, content)
    keeper.record(end, state)
    for _ in range(3):
        clock.advance(RETRY_SECONDS)
        keeper.tend()
    assert (keeper.in_memory, keeper.fault, keeper.waiting, keeper.lost) == (False, "", 0, 0)
    assert len(list(tmp_path.glob("events.db.corrupt-*[0-9]Z"))) == 1
    (event,) = events(keeper)
    assert (event.state, len(event.steps)) == ("resolved", len(begin) + len(end))
    assert [head.kind for head in keeper.heads("mail")] == ["firing"]
    assert [delivery.kind for delivery in event.deliveries] == ["firing", "resolved"]


@pytest.mark.parametrize("name", ["events", "transitions", "deliveries"])
def test_alerts_go_on_with_what_can_be_read_where_a_table_goes_bad(
    tmp_path: Path, keeper: Keeper, clock: ManualClock, name: str
) -> None:
    begin, end, state = burning()
    keeper.record([*begin, *end], state)
    overwrite(tmp_path / "events.db", name, b"\xa5" * 4096)
    later = feed(decider(), [frame(float(100 + t), fire=0.9) for t in range(6)])
    keeper.record(later, state)
    for _ in range(3):
        clock.advance(RETRY_SECONDS)
        keeper.tend()
    assert (keeper.in_memory, keeper.fault, keeper.waiting) == (False, "", 0)
    assert "firing" in [head.kind for head in keeper.heads("mail")]
    newest = events(keeper)[0]
    assert (newest.state, newest.began_at) == ("firing", later[0].captured_at)
    assert keeper.load_states() == {state.camera: state}


def test_damage_that_a_sinks_thread_meets_is_set_aside_as_well(
    tmp_path: Path, keeper: Keeper, clock: ManualClock
) -> None:
    begin, _, state = burning()
    keeper.record(begin, state)
    overwrite(tmp_path / "events.db", "deliveries_waiting", b"\xa5" * 4096)
    with pytest.raises(StoreError):
        keeper.heads("mail")
    keeper.tend()
    assert keeper.in_memory
    assert "damaged" in keeper.fault
    assert [head.kind for head in keeper.heads("mail")] == ["firing"]
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault) == (False, "")
    assert [head.kind for head in keeper.heads("mail")] == ["firing"]


def test_what_memory_could_not_take_reaches_the_file(
    tmp_path: Path, keeper: Keeper, clock: ManualClock
) -> None:
    begin, end, state = burning()
    keeper.record(begin, state)
    with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        keeper.record(end[:1], state)
        assert keeper.in_memory
        keeper.change_with(
            lambda connection: connection.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON transitions "
                "BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
        )
        keeper.record(end[1:], state)
        other.execute("ROLLBACK")
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault) == (False, "")
    (event,) = events(keeper)
    assert (event.state, len(event.steps)) == ("resolved", len(begin) + len(end))


def test_rows_around_a_page_that_is_bad_are_copied(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    store = EventStore.open(path)
    store.change_with(
        lambda connection: connection.executemany(
            "INSERT INTO silences (camera, created_at, ends_at, created_by, comment) "
            "VALUES ('dock', 1, 9e9, 'anna', ?)",
            [(f"comment {n}.",) for n in range(2000)],
        )
    )
    store.close()
    with closing(sqlite3.connect(path)) as plain:
        (size,) = plain.execute("PRAGMA page_size").fetchone()
        whole = bytearray(path.read_bytes())
        at = whole.index(b"comment 1000.") // size * size
        whole[at : at + size] = b"\xa5" * size
        path.write_bytes(whole)
    target = EventStore.in_memory()
    with closing(sqlite3.connect(path)) as damaged:
        target.change_with(lambda connection: copy_rows(damaged, connection))
    comments = {silence.comment for silence in target.silences()}
    assert 1800 < len(comments) < 2000
    assert {"comment 0.", "comment 1999."} <= comments
    target.close()
