"""`emberwatch silence`: what it writes, and what it refuses."""

import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.alerts import migrations, silence_tables
from monitor.alerts.silence_tables import daemon_store
from monitor.alerts.store import EventStore
from monitor.cli import app
from monitor.clock import ManualClock
from monitor.errors import StoreError
from monitor.silence import SilenceError, add_silence, expire_silence, list_silences

NOW = 1_800_000_000.0


class Place:
    """A configuration whose daemon has run once."""

    def __init__(self, folder: Path, **keys: Any) -> None:
        self.clock = ManualClock(wall=NOW)
        self.config = folder / "monitor.yaml"
        document = {
            "state_dir": "state",
            "cameras": [{"name": "yard", "url": "rtsp://h/s"}, {"name": "hall", "url": "rtsp://h/t"}],
            **keys,
        }  # fmt: skip
        self.config.write_text(yaml.safe_dump(document), encoding="utf-8")
        self.store = folder / "state" / "events.db"
        EventStore.open(self.store, now=self.clock.wall).close()

    def add(self, camera: str = "yard", lasts: str = "2h", **options: Any) -> str:
        out = io.StringIO()
        asked = {"comment": "roof work", "label": None, "author": "anna", **options}
        add_silence(camera, config=self.config, lasts=lasts, out=out, clock=self.clock, **asked)
        return out.getvalue()

    def listed(self) -> list[dict[str, Any]]:
        out = io.StringIO()
        list_silences(config=self.config, as_json=True, out=out, clock=self.clock)
        return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_silence_is_kept_until_its_end(place: Place) -> None:
    assert "silence 1: all alerts of camera 'yard' until" in place.add()
    assert place.listed() == [
        {
            "id": 1,
            "camera": "yard",
            "label": None,
            "created_at": NOW,
            "ends_at": NOW + 7200,
            "created_by": "anna",
            "comment": "roof work",
        }
    ]
    place.clock.advance(7200)
    assert place.listed() == []


def test_a_silence_can_be_ended_before_and_its_id_is_not_given_again(place: Place) -> None:
    place.add()
    out = io.StringIO()
    expire_silence(1, config=place.config, out=out, clock=place.clock)
    assert "silence 1 has ended" in out.getvalue()
    assert place.listed() == []
    with pytest.raises(SilenceError, match="no silence 1 is in force"):
        expire_silence(1, config=place.config, out=out, clock=place.clock)
    assert "silence 2" in place.add()


@pytest.mark.parametrize("lasts", ["0", "8d", "2", "two hours", "-1h", ""])
def test_how_long_is_refused_where_it_is_no_time_or_too_long(place: Place, lasts: str) -> None:
    with pytest.raises(SilenceError, match="--for"):
        place.add(lasts=lasts)
    assert place.listed() == []


@pytest.mark.parametrize("lasts", ["2", " 2 ", "1.5"])
def test_a_number_without_a_unit_is_asked_for_one(place: Place, lasts: str) -> None:
    number = lasts.strip()
    with pytest.raises(SilenceError, match=f"want of a unit; write {number}s, {number}m"):
        place.add(lasts=lasts)


def test_the_configuration_may_allow_less(tmp_path: Path) -> None:
    place = Place(tmp_path, silence={"max_duration": "1h"})
    with pytest.raises(SilenceError, match=r"at most 1 h"):
        place.add(lasts="2h")
    place.add(lasts="60m")


def test_names_that_are_unknown_are_refused_with_the_nearest(place: Place) -> None:
    with pytest.raises(SilenceError, match="did you mean 'yard'"):
        place.add("yrad")
    with pytest.raises(SilenceError, match="did you mean 'smoke'"):
        place.add(label="smok")
    with pytest.raises(SilenceError, match="--comment"):
        place.add(comment=" \n ")


def test_a_label_and_a_comment_of_several_lines(place: Place) -> None:
    place.add(label="smoke", comment="roof\n work")
    (silence,) = place.listed()
    assert (silence["label"], silence["comment"]) == ("smoke", "roof work")
    out = io.StringIO()
    list_silences(config=place.config, as_json=False, out=out, clock=place.clock)
    assert "smoke" in out.getvalue()
    assert "anna: roof work" in out.getvalue()


def test_without_a_store_nothing_is_made(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.store.unlink()
    with pytest.raises(StoreError, match="start the daemon once"):
        place.add()
    assert not place.store.exists()


def test_a_store_of_another_version_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.alerts.silence_tables.STEPS", migrations.STEPS[:-1])
    with pytest.raises(StoreError, match="another version"):
        place.add()


def test_a_file_that_is_no_store_is_refused(place: Place) -> None:
    place.store.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        place.add()


def test_silences_that_ended_long_ago_are_deleted_with_the_events(place: Place) -> None:
    place.add(lasts="1h")
    store = EventStore.open(place.store, now=place.clock.wall)
    place.clock.advance(7200)
    store.prune(place.clock.wall())
    assert store.silences() == []
    place.clock.advance(-7200)
    assert store.silences() == []
    store.close()


@pytest.mark.parametrize("arguments", [["yard"], ["add", "yard"]])
def test_the_command_takes_a_camera_without_saying_add(place: Place, arguments: list[str]) -> None:
    options = ["--for", "1h", "--comment", "roof work", "--config", str(place.config)]
    done = CliRunner().invoke(app, ["silence", *arguments, *options])
    assert done.exit_code == 0, done.output
    assert "camera 'yard'" in done.output
    shown = CliRunner().invoke(app, ["silence", "list", "--config", str(place.config)])
    assert "roof work" in shown.output
    ended = CliRunner().invoke(app, ["silence", "expire", "1", "--config", str(place.config)])
    assert ended.exit_code == 0


def test_the_command_wants_an_end_and_a_reason(place: Place) -> None:
    for missing in (["--for", "1h"], ["--comment", "x"]):
        done = CliRunner().invoke(app, ["silence", "yard", *missing, "--config", str(place.config)])
        assert done.exit_code == 2


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (sqlite3.SQLITE_FULL, "free space on its disk"),
        (sqlite3.SQLITE_IOERR_WRITE, "whether its disk is full or fails"),
        (sqlite3.SQLITE_BUSY, "try again in a moment"),
        (sqlite3.SQLITE_READONLY, "run this as root or as the daemon's user"),
        (sqlite3.SQLITE_CORRUPT, "it is damaged"),
        (None, "run this as root or as the daemon's user"),
    ],
)
def test_each_fault_of_the_store_has_its_own_cure(
    place: Place, code: int | None, cure: str
) -> None:
    error = sqlite3.OperationalError("it does not work")
    if code is not None:
        error.sqlite_errorcode = code
    with pytest.raises(StoreError, match=cure), daemon_store(place.store):
        raise error


def test_a_full_disk_asks_for_space(place: Place) -> None:
    """A bound on the pages of the store stands for the disk: SQLite fails in the same way."""

    def fill() -> None:
        with daemon_store(place.store) as store:
            (pages,) = store.execute("PRAGMA page_count").fetchone()
            store.execute(f"PRAGMA max_page_count = {pages}")
            for _ in range(2000):
                silence_tables.add(
                    store, camera="yard", label=None, created_at=NOW, ends_at=NOW + 60,
                    created_by="anna", comment="x" * 500,
                )  # fmt: skip

    with pytest.raises(StoreError, match="free space on its disk"):
        fill()
    assert place.listed() == []
