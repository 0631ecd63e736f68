"""What an open page says when its daemon, its connection or its login is gone."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from monitor.decision.state import AlertState
from monitor.web.settings import WebSettings
from tests.support.browser import chromium, context, grave_faults, log_in
from tests.support.web_site import OPERATOR, Site, incident, record, tokens, web_site
from tests.support.web_states import WALL, FixedState, camera, snapshot

pytestmark = pytest.mark.debian

LIVE = "**/api/v1/live"
PAGE = re.compile(r"/$")
LOST = re.compile(r"^No connection to Emberwatch since \d\d:\d\d:\d\d: nothing here is current$")
TITLE = re.compile(r"^No connection to Emberwatch since ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with web_site(tmp_path / "site", state=quiet()) as site:
        yield site


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    with context(browser, site.url) as window:
        yield window


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


def quiet() -> FixedState:
    return FixedState(snapshot(camera("yard"), camera("hall")))


def fire(site: Site) -> None:
    site.state.shown = snapshot(camera("yard"), camera("hall", fire=AlertState.FIRING))


def expect_quiet(page: Page) -> None:
    expect(page.locator("#headline")).to_have_text("All is quiet: 2 of 2 cameras watched")
    expect(page.locator('[data-camera="yard"] .scores')).to_be_visible()


def expect_lost(page: Page) -> None:
    expect(page.locator("#headline")).to_have_text(LOST, timeout=20_000)
    expect(page.locator("#headline")).to_have_class("bad")
    expect(page).to_have_title(TITLE)
    for shown in (".card .scores", ".card .age", ".card .mark.good", "a:text('stop')"):
        expect(page.locator(shown).locator("visible=true")).to_have_count(0)


def test_open_wall_goes_to_the_login_when_its_login_is_over(page: Page, site: Site) -> None:
    site.server.apply(WebSettings(tokens=tokens(), open_reading=False, session_seconds=8.0))
    log_in(page, OPERATOR)
    expect_quiet(page)
    page.wait_for_url("**/login?next=%2F", timeout=20_000)
    fire(site)
    log_in(page, OPERATOR)
    expect(page.locator("#headline")).to_have_text("Fire at hall")


def test_open_wall_goes_to_the_login_when_its_token_is_taken_out(page: Page, site: Site) -> None:
    site.server.apply(WebSettings(tokens=tokens(), open_reading=False))
    log_in(page, OPERATOR)
    expect_quiet(page)
    site.server.apply(WebSettings(tokens=tokens()[:1], open_reading=False))
    page.wait_for_url("**/login?next=%2F", timeout=8_000)


def test_wall_says_that_its_daemon_hangs_and_comes_back(
    page: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.clock.install()
    page.goto("/")
    expect_quiet(page)
    goes_on, looks = threading.Event(), site.state.snapshot
    monkeypatch.setattr(site.state, "snapshot", lambda: (goes_on.wait(60), looks())[1])
    try:
        page.clock.run_for(27_000)
        expect_lost(page)
        fire(site)
    finally:
        goes_on.set()
    expect(page.locator("#headline")).to_have_text("Fire at hall")
    expect(page).to_have_title(re.compile("Fire at hall"))


def test_wall_that_is_quiet_for_long_is_not_taken_for_lost(page: Page) -> None:
    page.clock.install()
    page.goto("/")
    expect_quiet(page)
    for _ in range(8):
        with page.expect_response(PAGE):
            page.clock.run_for(16_000)
    expect_quiet(page)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_wall_without_a_daemon_calls_nothing_current_until_it_is_back(
    browser: Browser, tmp_path: Path, dark: bool
) -> None:
    with web_site(tmp_path / "first", state=quiet()) as site:
        port = httpx.URL(site.url).port
        with context(browser, site.url, dark=dark) as window:
            page = window.new_page()
            page.goto("/")
            expect_quiet(page)
            fire(site)
            expect(page.locator(".card.firing")).to_have_count(1)
            site.server.stop()
            expect_lost(page)
            borders = "cards => cards.map(card => getComputedStyle(card).borderColor)"
            assert len(set(page.locator(".card").evaluate_all(borders))) == 1
            assert grave_faults(page) == []
            again = web_site(tmp_path / "second", state=quiet(), listen=f"127.0.0.1:{port}")
            with again:
                expect_quiet(page)
                expect(page).to_have_title("All is quiet: 2 of 2 cameras watched · Emberwatch")
                assert page.locator("body.lost").count() == 0


def test_page_of_events_says_so_too(page: Page, site: Site) -> None:
    record(site.keeper, incident("hall", WALL, ended=False))
    page.goto("/events")
    expect(page.locator("tbody tr")).to_have_count(1)
    site.server.stop()
    expect(page.get_by_role("alert")).to_have_text(LOST)
    expect(page.locator("tbody tr")).to_have_count(1)


def test_live_updates_come_back_after_a_bad_gateway(page: Page, site: Site) -> None:
    asked: list[int] = []

    def proxy(route: Route) -> None:
        asked.append(1)
        if len(asked) <= 2:
            route.fulfill(status=502, body="bad gateway")
        else:
            route.continue_()

    page.route(LIVE, proxy)
    with page.expect_response(lambda answer: answer.url.endswith("/live") and answer.ok):
        page.goto("/")
    fire(site)
    expect(page.locator("#headline")).to_have_text("Fire at hall")


def test_page_that_a_proxy_answers_instead_is_not_shown(page: Page, site: Site) -> None:
    page.goto("/")
    expect_quiet(page)
    page.route(PAGE, lambda route: route.fulfill(status=502, body="<p>bad gateway</p>"))
    fire(site)
    expect(page.locator("#headline")).to_contain_text("Emberwatch answers with error 502 since")
    page.unroute(PAGE)
    page.route(PAGE, lambda route: route.fulfill(content_type="text/html", body="<p>soon</p>"))
    expect(page.locator("#headline")).to_contain_text("nothing here is current")
    page.unroute(PAGE)
    expect(page.locator("#headline")).to_have_text("Fire at hall")
