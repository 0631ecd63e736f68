"""Cameras that are not watched become events that sinks hear of, like alerts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.alerts.routing import Route
from monitor.config import Config
from monitor.inference.bundle import Bundle
from tests.support.bundles import MISC_COLOUR, tiny_bundle
from tests.test_watch import FailingEngine
from tests.test_watch_conditions import Conditioned

AFTER = 10.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def stand(tmp_path: Path, bundle: Bundle) -> Iterator[Conditioned]:
    engine = FailingEngine(bundle)
    made = Conditioned(tmp_path, bundle, engine)
    made.keeper.route([Route("mail")])
    yield made
    made.keeper.close()
    engine.close()


def watched(stand: Conditioned, *, tell: bool = True) -> None:
    stand.configure("yard", outages={"after": AFTER, "tell": tell})


def calm(stand: Conditioned, seconds: int) -> None:
    """The camera is seen for so long."""
    for _ in range(seconds):
        stand.see(MISC_COLOUR)


def outages(stand: Conditioned) -> list[tuple[str, str, int]]:
    found = stand.keeper.events(10, camera=None, before_id=None, open_only=False)
    return [(event.label, event.state, len(event.steps)) for event in found]


def heard(stand: Conditioned) -> list[str]:
    found = stand.keeper.events(10, camera=None, before_id=None, open_only=False)
    return [one.kind for event in reversed(found) for one in event.deliveries]


def test_a_camera_that_is_not_watched_is_told_of_and_its_end_as_well(stand: Conditioned) -> None:
    watched(stand)
    calm(stand, 3)
    assert outages(stand) == []
    with capture_logs() as lines:
        stand.wait(6)
        stand.wait(AFTER)
    assert outages(stand) == [("outage", "firing", 1)]
    assert [line["camera"] for line in lines if line["event"] == "camera_outage"] == ["yard"]
    assert heard(stand) == ["firing"]
    calm(stand, int(AFTER) + 2)
    assert outages(stand) == [("outage", "resolved", 2)]


def test_an_outage_outlives_the_daemon_and_is_not_told_of_twice(stand: Conditioned) -> None:
    watched(stand)
    stand.wait(AFTER)
    stand.wait(1)
    assert outages(stand) == [("outage", "firing", 1)]
    stand.begin()
    watched(stand)
    stand.wait(60)
    stand.wait(1)
    assert outages(stand) == [("outage", "firing", 1)]
    assert heard(stand) == ["firing"]
    calm(stand, int(AFTER) + 2)
    assert outages(stand) == [("outage", "resolved", 2)]


def test_a_silence_of_the_camera_keeps_its_outage_from_waking_anybody(stand: Conditioned) -> None:
    watched(stand)
    stand.silence("yard", 3600)
    stand.wait()
    stand.wait(AFTER)
    stand.wait(1)
    assert outages(stand) == [("outage", "firing", 1)]
    assert heard(stand) == []


def test_switched_off_nothing_is_told_and_what_was_is_over(stand: Conditioned) -> None:
    watched(stand)
    stand.wait(AFTER)
    stand.wait(1)
    watched(stand, tell=False)
    stand.wait(60)
    stand.wait(1)
    assert outages(stand) == [("outage", "resolved", 1)]


def test_no_rule_is_called_so() -> None:
    with pytest.raises(ValueError, match="call the rule something else"):
        Config.model_validate(
            {
                "cameras": [{"name": "a", "url": "file:/a.mp4"}],
                "rules": [{"name": "outage", "label": "fire", "threshold": 0.5}],
            }
        )
