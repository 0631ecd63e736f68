"""What is logged of cameras: the first time at once, then ever less often, never the wrong end."""

from collections.abc import Iterator

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from monitor.camera_news import HEALTHY_SECONDS, REMIND_SECONDS, CameraNews
from monitor.clock import ManualClock
from monitor.ingest.status import CameraEvent
from monitor.metrics import Metrics


class Desk:
    """News on a clock that is moved by hand, and the lines that they gave."""

    def __init__(self, lines: list[structlog.typing.EventDict]) -> None:
        self.lines = lines
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        metrics = Metrics(
            self.registry,
            cameras=(),
            labels=("fire",),
            statuses=dict,
            clock=self.clock,
            version="test",
        )
        self.news = CameraNews(metrics, self.clock)

    def tell(self, kind: str, reason: str = "") -> None:
        camera = "" if kind.startswith("worker") else "dock"
        self.news.tell(CameraEvent(camera, kind, reason, "", self.clock.wall()))

    def told(self) -> list[str]:
        return [line["event"] for line in self.lines]

    def restarts(self, reason: str) -> float | None:
        name = "emberwatch_worker_restarts_total"
        return self.registry.get_sample_value(name, {"reason": reason})


@pytest.fixture
def desk() -> Iterator[Desk]:
    with capture_logs() as lines:
        yield Desk(lines)


def test_flapping_is_told_ever_less_often(desk: Desk) -> None:
    for _ in range(30):
        desk.tell("down", "refused")
        desk.clock.advance(1.0)
    assert 1 < desk.told().count("camera_down") < 6


def test_a_camera_that_stays_down_is_told_of_though_its_line_was_kept_back(desk: Desk) -> None:
    for _ in range(3):
        desk.tell("down", "refused")
        desk.clock.advance(1.0)
        desk.tell("up")
    desk.tell("down", "refused")
    assert desk.told()[-1] == "camera_up"
    desk.news.remind()
    assert desk.told()[-1] == "camera_up", "not before the time"
    desk.clock.advance(REMIND_SECONDS)
    desk.news.remind()
    assert desk.told()[-1] == "camera_down"
    desk.news.remind()
    assert desk.told().count("camera_down") == 2, "once"


def test_a_camera_that_is_up_again_is_not_told_of_as_down(desk: Desk) -> None:
    desk.tell("down", "refused")
    desk.tell("down", "refused")
    desk.tell("up")
    desk.clock.advance(REMIND_SECONDS)
    desk.news.remind()
    assert desk.told() == ["camera_down", "camera_up"]


def test_a_new_outage_after_a_healthy_minute_is_told_at_once(desk: Desk) -> None:
    for _ in range(8):
        desk.tell("down", "refused")
        desk.tell("up")
    desk.clock.advance(HEALTHY_SECONDS)
    desk.tell("down", "refused")
    assert desk.told()[-1] == "camera_down"


@pytest.mark.parametrize("reason", ["hang", "worker_lost", "error"])
def test_every_lost_worker_is_counted(desk: Desk, reason: str) -> None:
    desk.tell("worker_lost", reason)
    assert desk.restarts(reason) == 1
    assert desk.lines[0]["log_level"] == "warning"
