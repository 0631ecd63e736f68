"""What people say of events, and the files that show what they were about, in the store."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.alerts import evidence_tables, migrations
from monitor.alerts.events import Evidence
from monitor.alerts.store import EventStore
from monitor.errors import StoreError
from tests.support.decisions import decider, feed, frame


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    opened = EventStore.open(tmp_path / "events.db")
    opened.record(*feed(decider(), [frame(t, fire=0.9) for t in range(4)]))
    yield opened
    opened.close()


def test_event_is_acknowledged_by_the_first_who_does(store: EventStore) -> None:
    assert store.events()[0].acknowledged_at is None
    first = store.acknowledge(1, "anna", 100.0)
    assert first is not None
    assert (first.acknowledged_at, first.acknowledged_by) == (100.0, "anna")
    assert store.acknowledge(1, "ben", 200.0) == first
    assert store.event(1) == first == store.events()[0]


def test_verdict_is_the_newest_and_can_be_taken_back(store: EventStore) -> None:
    store.judge(1, "confirmed", "anna", 100.0)
    changed = store.judge(1, "false", "ben", 200.0)
    assert changed is not None
    assert (changed.verdict, changed.verdict_at, changed.verdict_by) == ("false", 200.0, "ben")
    taken_back = store.judge(1, None, "ben", 300.0)
    assert taken_back is not None
    assert taken_back.verdict is None


def test_event_is_to_be_harvested_again_once_its_verdict_changed(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "harvest.db")
    store.record(*feed(decider(), [frame(t, fire=0.9) for t in range(4)]))
    store.judge(1, "confirmed", "anna", 100.0)
    connection = sqlite3.connect(store.path)
    with connection:
        evidence_tables.mark_harvested(connection, [1], 150.0)
    connection.close()
    again = store.judge(1, "confirmed", "ben", 200.0)
    assert again is not None
    assert again.harvested_at == 150.0
    changed = store.judge(1, "false", "ben", 300.0)
    assert changed is not None
    assert changed.harvested_at is None
    store.close()


def test_evidence_is_kept_in_order(store: EventStore) -> None:
    picture = store.add_evidence(
        1, "snapshot", "2026/1.jpg", size_bytes=10, captured_at=1.0, created_at=2.0
    )
    clip = store.add_evidence(
        1, "clip", "2026/1.mp4", size_bytes=20, captured_at=0.0, created_at=9.0
    )
    assert picture == Evidence(1, 1, "snapshot", "2026/1.jpg", 10, 1.0, 2.0)
    assert store.evidence_of(1) == [picture, clip]


def test_oldest_evidence_comes_first_and_is_forgotten(store: EventStore) -> None:
    for number in (3, 1, 2):
        store.add_evidence(
            1, "clip", f"{number}.mp4", size_bytes=1, captured_at=number, created_at=9.0
        )
    with sqlite3.connect(store.path) as connection:
        found = evidence_tables.oldest(connection, 2)
        assert [one.file for one in found] == ["1.mp4", "2.mp4"]
        evidence_tables.forget(connection, [one.id for one in found])
    connection.close()
    assert [one.file for one in store.evidence_of(1)] == ["3.mp4"]


def test_event_that_is_not_there_is_told(store: EventStore) -> None:
    assert store.event(7) is None
    assert store.acknowledge(7, "anna", 1.0) is None
    assert store.judge(7, "false", "anna", 1.0) is None
    missing = store.add_evidence(7, "clip", "7.mp4", size_bytes=1, captured_at=1.0, created_at=1.0)
    assert missing is None
    assert not store.failing


def test_what_is_said_and_cannot_be_written_is_an_error_each_time(store: EventStore) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot be written"):
            store.acknowledge(1, "anna", 1.0)
    other.execute("ROLLBACK")
    other.close()
    assert store.acknowledge(1, "anna", 2.0) is not None


def test_events_take_their_evidence_and_deliveries_with_them(store: EventStore) -> None:
    store.add_evidence(1, "clip", "1.mp4", size_bytes=1, captured_at=1.0, created_at=1.0)
    store.end_abandoned([], at=5.0)
    assert store.prune(6.0) == 1
    assert store.evidence_of(1) == []


def test_store_from_before_feedback_is_read_and_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as before:
        before.setattr(migrations, "STEPS", migrations.STEPS[:3])
        migrations.migrate(connection)
    connection.execute(
        "INSERT INTO events (camera, incident, alert, label, state, began_at, peak_score) "
        "VALUES ('dock', 'hazard', 'fire', 'fire', 'firing', 1.0, 0.9)"
    )
    connection.close()
    store = EventStore.open(path)
    (event,) = store.events()
    assert (event.acknowledged_at, event.verdict, event.harvested_at) == (None, None, None)
    assert store.judge(event.id, "confirmed", "anna", 2.0) is not None
    store.close()
