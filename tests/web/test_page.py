"""The status page as HTML, read by the standard library's parser."""

from html.parser import HTMLParser

import pytest

from monitor.decision.state import AlertState
from monitor.ingest.frame import Health
from monitor.web.page import StatusPage, duration
from monitor.web.view import CameraView, Fault
from tests.support.web_states import camera, snapshot

VOID = {"meta", "link"}


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
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def render(*cameras: CameraView, faults: tuple[Fault, ...] = (), refresh: bool = True) -> Page:
    return Page(StatusPage().render(snapshot(*cameras, faults=faults), refresh=refresh))


def test_quiet_site_says_so_first() -> None:
    page = render(camera("yard"), camera("dock"))
    assert "All is quiet: 2 of 2 cameras watched" in page.text
    assert "misc 0.950" in page.text


def test_firing_alert_is_the_headline_and_its_camera_the_first_row() -> None:
    page = render(
        camera("yard"), camera("dock", up=False, reason="auth"),
        camera("hall", fire=AlertState.FIRING),
    )  # fmt: skip
    assert page.text.startswith("Alert on hall")
    assert page.text.index("hall rtsp") < page.text.index("dock rtsp")
    assert "fire: firing for 1 min" in page.text


def test_down_camera_says_why_and_shows_no_score() -> None:
    page = render(
        camera("yard", age=60.0, up=False, reason="auth", detail="yard: wants a password")
    )
    assert "down yard: wants a password" in page.text
    assert "no current score" in page.text
    assert "misc" not in page.text


def test_impaired_camera_names_its_health() -> None:
    assert "impaired covered" in render(camera("yard", health=Health.COVERED)).text


def test_refused_reload_is_shown_beside_cameras_that_are_still_watched() -> None:
    fault = Fault("config", "line 3 names no rule", critical=False)
    page = render(camera("yard"), faults=(fault,))
    assert "config: line 3 names no rule" in page.text
    assert "All is quiet" in page.text


def test_text_from_cameras_cannot_become_markup() -> None:
    detail = '<script>alert(1)</script>"onload="x'
    page = render(camera("yard", up=False, reason="error", detail=detail))
    assert detail in page.text
    assert "script" not in [tag for tag, _ in page.tags]


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = render(camera("yard"))
    links = [value for _, attrs in page.tags for key, value in attrs.items()
             if key in ("href", "src")]  # fmt: skip
    assert links
    assert all(link is not None and link.startswith(("/", "data:,")) for link in links)
    assert not [attrs for _, attrs in page.tags if "style" in attrs]
    css = StatusPage().style
    assert "url(" not in css
    assert "@import" not in css


def test_table_can_be_read_aloud_and_used_by_keyboard() -> None:
    page = render(camera("yard"))
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "en"
    scopes = [attrs.get("scope") for tag, attrs in page.tags if tag == "th"]
    assert scopes.count("col") == 5
    assert scopes.count("row") == 1
    assert [attrs for _, attrs in page.tags if attrs.get("tabindex") == "0"]


def test_renewing_can_be_stopped() -> None:
    def renews(page: Page) -> bool:
        return any(attrs.get("http-equiv") == "refresh" for _, attrs in page.tags)

    assert renews(render(camera("yard")))
    assert not renews(render(camera("yard"), refresh=False))


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(-1, "0.0 s"), (4.23, "4.2 s"), (200, "3 min"), (5 * 3600 + 120, "5 h 2 min"),
     (12 * 86400 + 3 * 3600, "12 d 3 h")],
)  # fmt: skip
def test_durations_are_told_as_people_tell_them(seconds: float, wanted: str) -> None:
    assert duration(seconds) == wanted
