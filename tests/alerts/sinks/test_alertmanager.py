"""A real Alertmanager: what fires is there until it ends, under labels that stay."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from monitor.alerts.events import Event
from monitor.alerts.sinks.alertmanager import AlertmanagerSink
from monitor.alerts.sinks.http import HttpLogin, HttpTarget, TlsFiles
from monitor.clock import ManualClock
from monitor.drill import drill_notices
from monitor.share import shared_path
from tests.support.daemon import wait_for
from tests.support.news import AT, fire, notice, over, smoke
from tests.support.sinks import alertmanager

pytestmark = pytest.mark.debian


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with alertmanager(
        tmp_path_factory.mktemp("alertmanager"),
        shared_path("config", "alertmanager", "alertmanager.yml"),
    ) as found:
        yield found


class Site:
    """A sink, and events whose times are brought to now: Alertmanager has the machine's clock."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.clock = ManualClock(wall=time.time())
        target = HttpTarget(
            f"{client.base_url}/api/v2/alerts",
            login=HttpLogin(),
            tls=TlsFiles(),
            timeout_seconds=5,
        )
        self.sink = AlertmanagerSink(
            target,
            repeat_seconds=60,
            external_labels={"region": "north"},
            external_url="https://x.example",
            clock=self.clock,
        )

    def today(self, event: Event, camera: str) -> Event:
        """The event as if it had begun 90 seconds ago."""
        shift = self.clock.wall() - 90 - AT
        steps = tuple(replace(step, at=step.at + shift) for step in event.steps)
        ended = None if event.ended_at is None else event.ended_at + shift
        return replace(
            event,
            camera=camera,
            began_at=event.began_at + shift,
            fired_at=steps[1].at,
            ended_at=ended,
            steps=steps,
        )

    def shown(self, camera: str) -> dict[str, dict[str, Any]]:
        """What Alertmanager shows as active, by rule."""
        found = self.client.get("/api/v2/alerts").json()
        return {a["labels"]["alert"]: a for a in found if a["labels"]["camera"] == camera}


@pytest.fixture
def site(client: httpx.Client) -> Iterator[Site]:
    made = Site(client)
    yield made
    made.sink.close()


def test_alert_is_there_from_its_begin_to_its_end(site: Site) -> None:
    site.sink.send(notice(site.today(smoke(), "a")))
    first = site.shown("a")["smoke"]
    assert first["labels"] == {
        "alertname": "EmberwatchSmoke", "alert": "smoke", "camera": "a", "label": "smoke",
        "severity": "critical", "via": "emberwatch", "region": "north",
    }  # fmt: skip
    assert first["annotations"]["summary"] == "Smoke at a"
    assert first["generatorURL"] == "https://x.example/events/7"
    assert [receiver["name"] for receiver in first["receivers"]] == ["hazard"]
    site.sink.send(notice(site.today(over(smoke()), "a"), "resolved"))
    assert site.shown("a") == {}


def test_alert_is_posted_again_while_it_fires(site: Site) -> None:
    event = site.today(smoke(), "b")
    site.sink.send(notice(event))
    first = site.shown("b")["smoke"]
    assert site.sink.tend(lambda: [event])
    assert not site.sink.tend(lambda: [event]), "not before the time"
    site.clock.advance(60)
    assert site.sink.tend(lambda: [event])
    again = site.shown("b")["smoke"]
    assert again["fingerprint"] == first["fingerprint"]
    assert again["endsAt"] > first["endsAt"]


def test_smoke_that_becomes_fire_ends_as_smoke(site: Site) -> None:
    site.sink.send(notice(site.today(smoke(), "c")))
    site.sink.send(notice(site.today(fire(), "c"), "upgraded"))
    assert list(site.shown("c")) == ["fire"]
    site.sink.send(notice(site.today(over(fire()), "c"), "resolved"))
    assert site.shown("c") == {}


def test_what_is_told_late_is_told_as_it_was(site: Site) -> None:
    site.sink.send(notice(site.today(over(smoke()), "d")))
    assert list(site.shown("d")) == ["smoke"]


def test_old_news_does_not_end_what_fires_now(site: Site) -> None:
    site.sink.send(notice(site.today(smoke(), "o")))
    site.sink.send(replace(notice(site.today(over(smoke()), "o"), "resolved"), outdated=True))
    assert list(site.shown("o")) == ["smoke"]


def test_drill_goes_its_own_way(site: Site) -> None:
    firing, ended = drill_notices(time.time(), "")
    site.sink.send(firing)
    (shown,) = site.shown("drill").values()
    assert shown["labels"]["alertname"] == "EmberwatchDrill"
    assert shown["labels"]["severity"] == "none"
    assert [receiver["name"] for receiver in shown["receivers"]] == ["operators"]
    site.sink.send(ended)
    assert site.shown("drill") == {}


def test_pending_alert_is_not_told(site: Site) -> None:
    site.sink.send(notice(site.today(smoke(), "e"), "pending"))
    assert site.shown("e") == {}


def test_what_prometheus_tells_of_the_same_alert_is_kept_back(site: Site) -> None:
    by_prometheus = {
        "labels": {
            "alertname": "EmberwatchSmoke", "alert": "smoke", "camera": "f", "job": "emberwatch",
            "instance": "127.0.0.1:9108", "severity": "critical",
        },
    }  # fmt: skip
    site.client.post("/api/v2/alerts", json=[by_prometheus]).raise_for_status()
    site.sink.send(notice(site.today(smoke(), "f")))

    def states() -> dict[str, str]:
        found = site.client.get("/api/v2/alerts").json()
        return {
            "prometheus" if "job" in a["labels"] else "sink": a["status"]["state"]
            for a in found
            if a["labels"]["camera"] == "f"
        }

    wait_for(
        lambda: states() == {"prometheus": "suppressed", "sink": "active"}, "one of two is told"
    )
