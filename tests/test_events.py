"""Events of a real daemon, by its API and by the command."""

import io
import json
from pathlib import Path

import httpx
import pytest

from monitor.alerts.reader import read_events
from monitor.daemon_client import DaemonAddress
from monitor.errors import StoreError
from monitor.events import EventsError, delivery_lines, events
from tests.support.bundles import tiny_cells_bundle
from tests.support.clips import green_scene, make_clip, red_scene
from tests.support.daemon import Daemon, free_port, running_daemon, wait_for, write_config


def told(daemon: Daemon, *, limit: int = 20, camera: str | None = None, as_json: bool) -> list[str]:
    out = io.StringIO()
    assert (
        events(DaemonAddress(daemon.url), limit=limit, camera=camera, as_json=as_json, out=out) == 0
    )
    return out.getvalue().splitlines()


def test_a_running_daemon_tells_its_events(tmp_path: Path) -> None:
    fire = make_clip(tmp_path / "fire.mp4", red_scene(), seconds=3)
    quiet = make_clip(tmp_path / "quiet.mp4", green_scene(), seconds=3)
    cameras = [
        {"name": "yard", "url": f"file:{fire}", "loop": True},
        {"name": "dock", "url": f"file:{fire}", "loop": True},
        {"name": "hall", "url": f"file:{quiet}", "loop": True},
    ]
    tiny_cells_bundle(tmp_path / "bundle")
    with running_daemon(write_config(tmp_path, cameras)) as daemon:
        wait_for(
            lambda: all(
                daemon.value("alert_state", camera=name, alert="fire") == 2
                for name in ("yard", "dock")
            ),
            "both alerts fire",
        )
        found = [json.loads(text) for text in told(daemon, as_json=True)]
        assert {entry["camera"] for entry in found} == {"yard", "dock"}
        (yard,) = (json.loads(text) for text in told(daemon, camera="yard", as_json=True))
        assert (yard["alert"], yard["state"], yard["ended_at"]) == ("fire", "firing", None)
        assert [step["event"] for step in yard["steps"]] == ["pending", "firing"]
        assert yard["began_at"] <= yard["fired_at"]
        first = httpx.get(f"{daemon.url}/api/v1/events?limit=1").json()
        second = httpx.get(
            f"{daemon.url}/api/v1/events?limit=1&before_id={first['next_before_id']}"
        ).json()
        assert {first["events"][0]["camera"], second["events"][0]["camera"]} == {"yard", "dock"}
        assert second["next_before_id"] is None
        (line,) = told(daemon, limit=1, as_json=False)
        assert line.split()[0] == str(first["events"][0]["id"])
        assert "fire" in line
        assert "firing" in line
        assert "at 0-100 % across, 0-100 % down" in line
        assert yard["box"] == {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}
        assert '"box": [0.0, 0.0, 1.0, 1.0]' in daemon.log
        assert told(daemon, camera="hall", as_json=False) == ["No event is known."]
        assert told(daemon, camera="hall", as_json=True) == []


def test_where_nobody_answers_the_cure_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(EventsError, match=r"no daemon answers there .*emberwatch run"):
        events(DaemonAddress(url), limit=1, camera=None, as_json=True, out=io.StringIO())


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"no database" * 1000)
    for name in ("events.db", "none.db"):
        with pytest.raises(StoreError, match=rf"{name}: cannot be read"):
            read_events(tmp_path / name, limit=1)


def test_each_delivery_is_a_line() -> None:
    told = {"sink": "mail", "kind": "firing", "created_at": 100.0, "next_try_at": 100.0,
            "attempts": 1, "done_at": 100.4, "result": "delivered", "error": None}  # fmt: skip
    waits = {**told, "attempts": 3, "done_at": None, "result": None, "error": "busy"}
    event = {
        "deliveries": [
            told,
            {**waits, "next_try_at": 130.0},
            {**waits, "kind": "escalation", "attempts": 0, "error": None},
            {**told, "result": "rejected", "error": "no such address"},
        ]
    }
    assert list(delivery_lines(event, 110.0)) == [
        "mail             firing     delivered after 0.4 s",
        "mail             firing     waits for 20 s, 3 tries: busy",
        "mail             escalation is due",
        "mail             firing     rejected after 0.4 s: no such address",
    ]
    assert list(delivery_lines({}, 110.0)) == []


FIRED = {
    "id": 12, "camera": "yard", "alert": "fire", "label": "fire", "state": "resolved",
    "began_at": 100.0, "ended_at": 130.0, "peak_score": 0.914, "box": None,
    "acknowledged_by": None, "verdict": None, "verdict_by": None,
    "steps": [{"event": "pending", "region": "full", "silenced": False},
              {"event": "firing", "region": "full", "silenced": False},
              {"event": "resolved", "region": "full", "silenced": False}],
}  # fmt: skip


def shown(monkeypatch: pytest.MonkeyPatch, **what: object) -> str:
    """The line of an event."""
    body = {"events": [{**FIRED, **what}], "next_before_id": None}
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    client = httpx.Client(base_url="http://127.0.0.1:9108", transport=answers)
    monkeypatch.setattr(DaemonAddress, "open", lambda _self: client)
    out = io.StringIO()
    events(DaemonAddress("127.0.0.1:9108"), limit=1, camera=None, as_json=False, out=out)
    return out.getvalue().rstrip("\n")


def test_a_line_begins_with_the_id_and_ends_with_what_people_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = shown(monkeypatch)
    assert line.split()[0] == "12"
    assert line.endswith("  highest 0.91")
    line = shown(monkeypatch, acknowledged_by="anna", verdict="false", verdict_by="bob")
    assert line.endswith("  highest 0.91  seen by anna  false alarm, says bob")
    silenced = [{"event": "firing", "region": "full", "silenced": True}]
    line = shown(monkeypatch, steps=silenced, verdict="confirmed", verdict_by="bob")
    assert line.endswith("  highest 0.91  silenced  confirmed, says bob")


def test_an_outage_tells_its_reason_and_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"event": "firing", "region": "not_found", "silenced": False},
             {"event": "resolved", "region": "ok", "silenced": False}]  # fmt: skip
    line = shown(monkeypatch, alert="outage", label="outage", peak_score=1.0, steps=steps,
                 acknowledged_by="anna")  # fmt: skip
    assert line.endswith("30 s  not watched: not found  seen by anna")
    assert "highest" not in line
