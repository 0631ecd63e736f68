"""The schema of the event store, step by step."""

import sqlite3
from collections.abc import Iterator

import pytest

from monitor.alerts import migrations
from monitor.alerts.migrations import APPLICATION_ID, STEPS, migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    yield opened
    opened.close()


def pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def test_empty_file_gets_the_whole_schema(connection: sqlite3.Connection) -> None:
    migrate(connection)
    assert pragma(connection, "user_version") == len(STEPS)
    assert pragma(connection, "application_id") == APPLICATION_ID


def test_migrating_twice_changes_nothing(connection: sqlite3.Connection) -> None:
    migrate(connection)
    before = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == before


def test_step_that_fails_leaves_the_schema_before_it(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(connection)
    before = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    broken = ("CREATE TABLE more (id)", "CREATE TABLE more (id)")
    monkeypatch.setattr(migrations, "STEPS", (*STEPS, broken))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == before
    assert pragma(connection, "user_version") == len(STEPS)
