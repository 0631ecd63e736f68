"""Events, evidence and silences over the API: a real server before a real store."""

import os
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from monitor.alerts.events import EvidenceKind
from monitor.alerts.keeper import Keeper
from monitor.decision.outage import OUTAGE
from monitor.decision.state import AlertState
from monitor.errors import StoreError
from monitor.web.settings import WebSettings
from tests.support.web_site import (
    OPERATOR,
    Site,
    authorized,
    incident,
    jpeg,
    no_desk,
    record,
    tokens,
    transition,
    web_site,
)
from tests.support.web_states import WALL, FixedState, camera, snapshot

OPERATE = authorized(OPERATOR)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = FixedState(snapshot(camera("yard"), camera("hall")))
    settings = WebSettings(tokens=tokens(), longest_silence_seconds=3600.0)
    with web_site(tmp_path_factory.mktemp("site"), state=state, settings=settings) as site:
        for number in range(5):
            record(site.keeper, incident("yard", WALL + 1000 * number))
        record(site.keeper, incident("hall", WALL + 9000, ended=False, label="smoke"))
        yield site


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        yield client


def found(client: httpx.Client, **asked: object) -> list[int]:
    """The ids of the events that fit."""
    answer = client.get("/api/v1/events", params={k: str(v) for k, v in asked.items()})
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["events"]]


def test_events_are_given_page_by_page(client: httpx.Client) -> None:
    seen: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = client.get("/api/v1/events", params={"limit": 4, **before}).json()
        assert len(page["events"]) <= 4
        seen += [entry["id"] for entry in page["events"]]
        if page["next_before_id"] is None:
            break
        before = {"before_id": page["next_before_id"]}
    assert seen == [6, 5, 4, 3, 2, 1]


def test_events_are_found_by_what_they_are(client: httpx.Client) -> None:
    assert found(client, camera="hall") == [6]
    assert found(client, camera="nowhere") == []
    assert found(client, label="smoke") == [6]
    assert found(client, state="resolved", limit=2) == [5, 4]
    assert found(client, open_only=True) == [6]
    assert found(client, since=WALL + 3030, until=WALL + 9000) == [5, 4]
    client.post("/api/v1/events/2/acknowledge", headers=OPERATE)
    assert found(client, acknowledged=True) == [2]
    assert found(client, acknowledged=False, camera="yard") == [5, 4, 3, 1]
    client.post("/api/v1/events/3/false-alarm", headers=OPERATE)
    assert found(client, verdict="false") == [3]
    assert 3 not in found(client, verdict="none")


@pytest.mark.parametrize("asked", ["limit=0", "limit=501", "limit=x", "before_id=0",
                                   f"before_id={2**63}", f"camera={'x' * 64}", "state=odd",
                                   "since=nan", "until=-1", "verdict=true"])  # fmt: skip
def test_events_are_asked_for_within_bounds(client: httpx.Client, asked: str) -> None:
    assert client.get(f"/api/v1/events?{asked}").status_code == 422


def test_event_tells_its_steps_and_who_said_what(client: httpx.Client) -> None:
    first = client.post("/api/v1/events/1/acknowledge", headers=OPERATE).json()
    again = client.post("/api/v1/events/1/acknowledge", headers=OPERATE).json()
    assert first["acknowledged_by"] == "night-shift"
    assert first["acknowledged_at"] == again["acknowledged_at"]
    client.post("/api/v1/events/1/confirm", headers=OPERATE)
    event = client.get("/api/v1/events/1").json()
    assert (event["verdict"], event["verdict_by"]) == ("confirmed", "night-shift")
    assert [step["event"] for step in event["steps"]] == ["pending", "firing", "resolved"]
    assert event["steps"][1]["box"] == {"left": 0.2, "top": 0.3, "right": 0.5, "bottom": 0.7}
    assert client.delete("/api/v1/events/1/verdict", headers=OPERATE).json()["verdict"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "events/99"), ("POST", "events/99/acknowledge"), ("POST", "events/99/confirm"),
     ("DELETE", "events/99/verdict"), ("GET", "evidence/99"), ("DELETE", "silences/99"),
     ("GET", "cameras/nowhere"), ("GET", "cameras/nowhere/thumbnail.jpg")],
)  # fmt: skip
def test_what_is_not_there_is_404_in_words(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, f"/api/v1/{path}", headers=OPERATE)
    assert answer.status_code == 404
    assert answer.json()["detail"]


def add_file(site: Site, name: str, kind: EvidenceKind = "snapshot", size: int = 10) -> int:
    """A row of evidence; its id."""
    added = site.keeper.add_evidence(
        1,
        kind,
        name,
        size_bytes=size,
        captured_at=WALL,
        created_at=WALL,
    )
    assert added is not None
    return added.id


def test_evidence_is_served_by_its_id(client: httpx.Client, site: Site) -> None:
    picture = jpeg(320, 180)
    (site.evidence / "1.jpg").write_bytes(picture)
    number = add_file(site, "1.jpg", size=len(picture))
    (shown,) = [f for f in client.get("/api/v1/events/1").json()["evidence"] if f["id"] == number]
    assert (shown["kind"], shown["size_bytes"]) == ("snapshot", len(picture))
    answer = client.get(shown["url"])
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", picture)


def test_film_is_served_in_parts(client: httpx.Client, site: Site) -> None:
    (site.evidence / "1.mp4").write_bytes(bytes(range(200)))
    number = add_file(site, "1.mp4", "clip")
    answer = client.get(f"/api/v1/evidence/{number}", headers={"range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, bytes(range(10, 20)))
    assert answer.headers["content-type"] == "video/mp4"


def test_nothing_but_plain_files_of_the_folder_is_served(client: httpx.Client, site: Site) -> None:
    """Whatever stands in the table, for whatever reason."""
    outside = site.evidence.parent / "outside.jpg"
    outside.write_bytes(b"secret")
    (site.evidence / "link.jpg").symlink_to(outside)
    (site.evidence / "folder.jpg").mkdir()
    os.mkfifo(site.evidence / "pipe.jpg")
    (site.evidence / "notes.txt").write_text("secret")
    for name in ("../outside.jpg", str(outside), "link.jpg", "folder.jpg", "pipe.jpg", "notes.txt",
                 "gone.jpg", ""):  # fmt: skip
        answer = client.get(f"/api/v1/evidence/{add_file(site, name)}")
        assert (answer.status_code, b"secret" in answer.content) == (404, False), name


def test_silence_is_set_listed_and_ended(client: httpx.Client) -> None:
    wanted = {"camera": "yard", "seconds": 600, "comment": "  roof\twork "}
    set_one = client.post("/api/v1/silences", json=wanted, headers=OPERATE)
    assert set_one.status_code == 201
    silence = set_one.json()
    assert (silence["created_by"], silence["comment"]) == ("night-shift", "roof work")
    assert silence["ends_at"] - silence["created_at"] == pytest.approx(600)
    assert client.get("/api/v1/silences").json() == {"silences": [silence]}
    path = f"/api/v1/silences/{silence['id']}"
    assert client.delete(path, headers=OPERATE).status_code == 200
    assert client.delete(path, headers=OPERATE).status_code == 404
    assert client.get("/api/v1/silences").json() == {"silences": []}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"camera": "nowhere"}, "no camera 'nowhere'"), ({"label": "dust"}, "known are fire"),
     ({"seconds": 3601}, "at most 3600"), ({"seconds": 0}, "greater than 0"),
     ({"comment": " "}, "say why"), ({"comment": ""}, "at least 1"), ({"odd": 1}, "odd"),
     ({"comment": "a\u202eb"}, "plain words")],
)  # fmt: skip
def test_silence_that_cannot_be_is_refused_in_words(
    client: httpx.Client, wrong: dict[str, object], told: str
) -> None:
    wanted = {"camera": "yard", "seconds": 60, "comment": "why"} | wrong
    answer = client.post("/api/v1/silences", json=wanted, headers=OPERATE)
    assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.text


def test_cameras_come_with_picture_and_trace(client: httpx.Client, site: Site) -> None:
    one = client.get("/api/v1/cameras/yard").json()
    assert one in client.get("/api/v1/cameras").json()["cameras"]
    assert one["trace"] == []
    picture = client.get(one["thumbnail"])
    assert picture.headers["content-type"] == "image/jpeg"
    tag = {"if-none-match": picture.headers["etag"]}
    assert client.get(one["thumbnail"], headers=tag).status_code == 304


def test_store_that_cannot_be_read_is_503_with_the_reason(
    client: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_keeper: Keeper, _work: object) -> None:
        raise StoreError("events.db: cannot be read (disk I/O error)")

    monkeypatch.setattr(Keeper, "read_with", fail)
    for path in ("/api/v1/events", "/api/v1/silences"):
        answer = client.get(path)
        assert (answer.status_code, "disk I/O" in answer.json()["detail"]) == (503, True)
    assert "disk I/O" in client.get("/").text  # and the cameras all the same
    page = client.get("/events", headers={"accept": "text/html"})
    assert (page.status_code, "disk I/O" in page.text) == (503, True)


def test_desk_without_a_store_yet_has_nothing() -> None:
    desk = no_desk()
    assert desk.silences() == []
    assert desk.picture(1) is None
    with pytest.raises(StoreError, match="still starting"):
        desk.acknowledge(1, "anna")


def test_an_outage_is_acknowledged_and_not_judged(client: httpx.Client, site: Site) -> None:
    inactive, firing = AlertState.INACTIVE, AlertState.FIRING
    step = transition("hall", firing, WALL + 20_000, previous=inactive, score=1.0, label=OUTAGE)
    record(site.keeper, [replace(step, incident=OUTAGE)])
    (number,) = found(client, label=OUTAGE)
    for what in ("confirm", "false-alarm"):
        answer = client.post(f"/api/v1/events/{number}/{what}", headers=OPERATE)
        assert answer.status_code == 409
        assert "acknowledge it instead" in answer.json()["detail"]
        described = client.get("/openapi.json").json()["paths"]
        assert "409" in described[f"/api/v1/events/{{id}}/{what}"]["post"]["responses"]
    assert client.get(f"/api/v1/events/{number}").json()["verdict"] is None
    path = f"/api/v1/events/{number}"
    assert client.post(f"{path}/acknowledge", headers=OPERATE).status_code == 200
    assert client.delete(f"{path}/verdict", headers=OPERATE).status_code == 200
    page = client.get(f"/events/{number}", headers={"accept": "text/html"}).text
    assert "highest score" not in page
