"""A page of metrics as the daemon writes it, read back."""

import math

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitor.clock import ManualClock
from monitor.decision.state import AlertState
from monitor.ingest.frame import Health
from monitor.ingest.status import CameraStatus
from monitor.metrics import Metrics
from monitor.metrics_cameras import Watched
from monitor.readings import ReadingError, SinkReading, fetch, parse

URL = "http://127.0.0.1:9108"


def camera(name: str, *, up: bool, reason: str = "", last: float | None = None) -> CameraStatus:
    return CameraStatus(
        camera=name,
        up=up,
        reason=reason,
        detail="",
        health=Health.OK,
        info=None,
        frames=7,
        dropped={},
        reconnects={},
        last_frame_at=last,
        last_frame_monotonic=last,
    )


def page(*, well: bool = True) -> str:
    """Two cameras at second 30: one scored half a second ago and firing, one refused."""
    clock = ManualClock(wall=1000.0, monotonic=30.0)
    registry = CollectorRegistry()
    statuses = {
        "dock": camera("dock", up=True, last=29.5),
        "hall": camera("hall", up=False, reason="refused"),
    }
    metrics = Metrics(
        registry,
        cameras=[
            Watched(name, alerts=("fire", "smoke"), stale_after_seconds=15.0) for name in statuses
        ],
        labels=("fire", "smoke", "misc"),
        statuses=lambda: statuses,
        clock=clock,
        version="1.2.3",
    )
    metrics.pipeline.set_model(
        sha256="ab" * 32,
        engine="openvino",
        device="CPU (int8)",
        labels=("fire", "smoke", "misc"),
        geometry="squash 299x299",
    )
    metrics.set_scores("dock", {"fire": 0.9, "smoke": 0.06, "misc": 0.04}, 29.5)
    metrics.set_alert_state("dock", "fire", AlertState.FIRING)
    metrics.daemon.set_store(on_disk=well, waiting=0, lost=0)
    metrics.daemon.count_reload(failed=not well)
    metrics.evidence.set_up(well)
    return generate_latest(registry).decode()


def test_what_the_daemon_writes_is_read_back() -> None:
    reading = parse(page(), URL)
    assert (reading.version, reading.engine, reading.device) == ("1.2.3", "openvino", "CPU (int8)")
    assert reading.labels == ("fire", "smoke", "misc")
    dock, hall = reading.cameras
    assert (dock.name, dock.up, dock.health, dock.frames) == ("dock", True, "ok", 7)
    assert dock.age_seconds == pytest.approx(0.5)
    assert dock.watched
    assert dock.scores == {"fire": 0.9, "smoke": 0.06, "misc": 0.04}
    assert dock.alerts == {"fire": AlertState.FIRING, "smoke": AlertState.INACTIVE}
    assert (hall.up, hall.reason, hall.scores) == (False, "refused", {})
    assert math.isnan(hall.age_seconds)
    assert not hall.watched


def test_an_alert_that_is_known_and_never_fired_again_does_not_count_as_fired() -> None:
    assert parse(page(), URL).fired("fire") == ()


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "<html>hello</html>\n", "up 1\n", "emberwatch_build_info{\n"]
)
def test_a_page_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ReadingError, match="no metrics of Emberwatch"):
        parse(text, URL)


def test_an_answer_that_is_no_page_is_named() -> None:
    with (
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(404))) as client,
        pytest.raises(ReadingError, match="HTTP 404"),
    ):
        fetch(client, URL)


def test_what_is_wrong_beside_the_cameras_is_read_back() -> None:
    well = parse(page(), URL)
    assert (well.sinks, well.store_up, well.evidence_up, well.reload_successful) == (
        (), True, True, True,
    )  # fmt: skip
    told = """
# TYPE emberwatch_sink_up gauge
emberwatch_sink_up{sink="mail"} 0
emberwatch_sink_up{sink="mqtt"} 1
# TYPE emberwatch_delivery_queue gauge
emberwatch_delivery_queue{sink="mail"} 2
emberwatch_delivery_queue{sink="mqtt"} 0
# TYPE emberwatch_delivery_oldest_age_seconds gauge
emberwatch_delivery_oldest_age_seconds{sink="mail"} 45.5
emberwatch_delivery_oldest_age_seconds{sink="mqtt"} 0
# TYPE emberwatch_alert_silenced gauge
emberwatch_alert_silenced{camera="dock",alert="fire"} 1
emberwatch_alert_silenced{camera="dock",alert="smoke"} 0
"""
    ill = parse(page(well=False) + told.lstrip(), URL)
    assert ill.sinks == (SinkReading("mail", False, 2, 45.5), SinkReading("mqtt"))
    assert (ill.store_up, ill.evidence_up, ill.reload_successful) == (False, False, False)
    assert [camera.silenced for camera in ill.cameras] == [{"fire"}, frozenset()]
