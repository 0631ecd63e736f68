"""The status page as HTML, read by the standard library's parser."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.events import Event
from monitor.decision.state import AlertState
from monitor.ingest.frame import Health
from monitor.web.access import ANYBODY
from monitor.web.health import readiness
from monitor.web.page import card, headline, spark, wall
from monitor.web.templating import Frame, Templates, asset, duration
from monitor.web.view import CameraView, Fault
from tests.support.web_states import camera, snapshot

VOID = {"meta", "link", "img", "input"}


class Page(HTMLParser):
    """Text, tags and attributes of a page; fails where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def cards(self) -> list[dict[str, str | None]]:
        return [attrs for _, attrs in self.tags if "data-camera" in attrs]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def render(*cameras: CameraView, faults: tuple[Fault, ...] = (), refresh: bool = True) -> Page:
    shown = snapshot(*cameras, faults=faults)
    return Page(wall(Templates(), Frame("/", ANYBODY, True), shown, refresh=refresh))


def test_quiet_site_says_so_first() -> None:
    page = render(camera("yard"), camera("dock"))
    assert "All is quiet: 2 of 2 cameras watched" in page.text
    assert "misc 0.95" in page.text


def test_firing_alert_is_the_headline_and_its_camera_the_first_row() -> None:
    page = render(
        camera("yard"), camera("dock", up=False, reason="auth"),
        camera("hall", fire=AlertState.FIRING),
    )  # fmt: skip
    assert page.text.startswith("Fire at hall; 2 of 3 cameras watched")
    assert [card["data-camera"] for card in page.cards] == ["hall", "dock", "yard"]
    assert "fire: firing for 1 min" in page.text


@pytest.mark.parametrize(
    ("cameras", "wanted"),
    [
        (("yard:fire",), "Fire at yard"),
        (("yard:fire", "gate:down"), "Fire at yard; 1 of 2 cameras watched"),
        (("yard:smoke", "hall:fire", "dock:fire"), "Fire at hall, dock; smoke at yard"),
        (("yard:down",), "Not ready: 0 of 1 cameras watched"),
        (("yard:fire,down",), "Fire at yard; not ready: 0 of 1 cameras watched"),
        (("yard:", "gate:down"), "1 of 2 cameras watched"),
        (tuple(f"c{number}:fire" for number in range(5)), "Fire at c0, c1, c2 and 2 more"),
    ],
)
def test_headline_says_what_fires_and_how_many_are_watched(
    cameras: tuple[str, ...], wanted: str
) -> None:
    seen = []
    for text in cameras:
        name, _, how = text.partition(":")
        shown = camera(name, reason="dns", up="down" not in how)
        state = AlertState.FIRING if "fire" in how or "smoke" in how else AlertState.INACTIVE
        label = "smoke" if "smoke" in how else "fire"
        alert = replace(shown.alerts[0], alert=label, label=label, state=state)
        seen.append(replace(shown, alerts=(alert,)))
    now = snapshot(*seen)
    assert headline(now, readiness(now)) == wanted


def test_cameras_that_are_not_watched_are_to_be_looked_at_while_another_fires() -> None:
    page = render(
        camera("hall", fire=AlertState.FIRING), camera("gate", up=False, reason="dns"),
        camera("dock", health=Health.COVERED), camera("new", age=None),
    )  # fmt: skip
    assert "To look at not watched: gate (down), dock (covered) " in page.text


@given(
    fire=st.sampled_from(AlertState), up=st.booleans(), silenced=st.booleans(),
    age=st.sampled_from([None, 1.0, 60.0]), health=st.sampled_from(Health),
)  # fmt: skip
def test_nothing_is_called_quiet_where_nobody_looks(
    fire: AlertState, up: bool, silenced: bool, age: float | None, health: Health
) -> None:
    yard = camera("yard", fire=fire, up=up, reason="" if up else "dns", age=age, health=health)
    yard = replace(yard, alerts=(replace(yard.alerts[0], silenced=silenced),))
    shown = card(snapshot(yard), yard, {})
    for mark in shown.alerts:
        assert ("quiet" in mark.text) == (mark.css == "good")
        assert mark.css != "good" or shown.sight == "watched"
    quiet = "quiet" in headline(snapshot(yard), readiness(snapshot(yard)))
    assert not quiet or (shown.sight == "watched" and fire is not AlertState.FIRING)


def test_down_camera_says_why_and_shows_no_score() -> None:
    page = render(
        camera("yard", age=60.0, up=False, reason="auth", detail="yard: wants a password")
    )
    assert "down 1 min ago yard: wants a password" in page.text
    assert "no current score" in page.text
    assert "misc" not in page.text


def test_impaired_camera_names_its_health() -> None:
    assert "impaired 1.0 s ago covered" in render(camera("yard", health=Health.COVERED)).text


def test_refused_reload_is_shown_beside_cameras_that_are_still_watched() -> None:
    fault = Fault("config", "line 3 names no rule", critical=False)
    page = render(camera("yard"), faults=(fault,))
    assert "config: line 3 names no rule" in page.text
    assert "All is quiet" in page.text


def test_text_from_cameras_cannot_become_markup() -> None:
    detail = '<script>alert(1)</script>"onload="x'
    page = render(camera("yard", up=False, reason="error", detail=detail))
    assert detail in page.text
    assert [attrs for tag, attrs in page.tags if tag == "script"] == [
        {"src": "/page.js", "defer": None}
    ]
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = render(camera("yard"))
    links = [value for _, attrs in page.tags for key, value in attrs.items()
             if key in ("href", "src")]  # fmt: skip
    assert links
    assert all(link is not None and link.startswith(("/", "#main")) for link in links)
    assert not [attrs for _, attrs in page.tags if "style" in attrs]
    css = asset("style.css")
    assert "url(" not in css
    assert "@import" not in css


def test_wall_can_be_read_aloud_and_used_by_keyboard() -> None:
    page = render(camera("yard"))
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "en"
    assert tags["main"]["id"] == "main"
    assert {"class": "skip", "href": "#main"} in [attrs for _, attrs in page.tags]
    assert [attrs for _, attrs in page.tags if attrs.get("aria-current") == "page"]


def test_renewing_can_be_stopped() -> None:
    def renews(page: Page) -> bool:
        return any(attrs.get("http-equiv") == "refresh" for _, attrs in page.tags)

    assert renews(render(camera("yard")))
    assert not renews(render(camera("yard"), refresh=False))
    live = [dict(render(camera("yard"), refresh=on).tags)["body"] for on in (True, False)]
    assert live == [{"data-live": "wall"}, {}]


def test_line_of_the_last_scores_ends_at_the_right_edge() -> None:
    seen = replace(camera("yard"), trace=((-300.0, 0.9), (40.0, 0.0), (99.0, 0.5), (100.0, 1.0)))
    points = [tuple(map(float, pair.split(","))) for pair in spark(snapshot(), seen).split()]
    assert points == [(120.0, 36.0), (238.0, 18.0), (240.0, 0.0)]
    assert spark(snapshot(), camera("yard")) == ""


def test_open_event_of_a_camera_says_whether_somebody_has_seen_it() -> None:
    def event(number: int, by: str | None) -> Event:
        return Event(number, "hall", "hazard", "fire", "fire", "firing", 1.0, 1.0, None, 0.9, (),
                     acknowledged_by=by)  # fmt: skip

    hall = camera("hall", fire=AlertState.FIRING)
    frame = Frame("/", ANYBODY, True)
    unseen = wall(Templates(), frame, snapshot(hall), events=[event(7, None), event(3, "anna")])
    assert "Event 7" in Page(unseen).text
    assert "nobody has seen it" in Page(unseen).text
    seen = wall(Templates(), frame, snapshot(hall), events=[event(7, "anna")])
    assert "seen by anna" in Page(seen).text


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(-1, "0.0 s"), (4.23, "4.2 s"), (200, "3 min"), (5 * 3600 + 120, "5 h 2 min"),
     (12 * 86400 + 3 * 3600, "12 d 3 h")],
)  # fmt: skip
def test_durations_are_told_as_people_tell_them(seconds: float, wanted: str) -> None:
    assert duration(seconds) == wanted
