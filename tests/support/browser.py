"""Debian's Chromium, headless, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "chromium"
NARROW = {"width": 390, "height": 844}
"""A phone."""
WIDE = {"width": 1280, "height": 800}

_GRAVE = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; the test is skipped where there is none."""
    path = shutil.which(CHROMIUM)
    if path is None:
        pytest.skip("chromium is not installed; see tests/debian-packages.txt")
    with sync_playwright() as playwright:
        # No sandbox: tests run as root in containers, where Chromium has none to offer.
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
        )
        yield browser
        browser.close()


@contextmanager
def context(
    browser: Browser, url: str, *, narrow: bool = False, dark: bool = False, scripts: bool = True
) -> Iterator[BrowserContext]:
    """A window of its own, without cookies."""
    opened = browser.new_context(
        base_url=url,
        viewport=NARROW if narrow else WIDE,  # type: ignore[arg-type] # a dict of its form
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        bypass_csp=False,
    )
    opened.set_default_timeout(30_000)
    try:
        yield opened
    finally:
        opened.close()


def log_in(page: Page, token: str, path: str = "/") -> None:
    """By the form, as people do."""
    page.goto(f"/login?next={path}")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{path}")


def grave_faults(page: Page) -> list[str]:
    """What axe finds that keeps people from using a page: rule and where."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']} ({fault['impact']}): {node['html'][:200]}"
        for fault in found
        if fault["impact"] in _GRAVE
        for node in fault["nodes"]
    ]
