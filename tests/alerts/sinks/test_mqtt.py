"""A real MQTT broker: discovery, states, snapshots, availability; and what is left of cameras."""

import gc
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.events import Event
from monitor.alerts.sinks.mqtt import MqttSink
from monitor.alerts.sinks.mqtt_topics import CameraAlerts, Topics
from monitor.drill import drill_notices
from monitor.errors import Retryable
from tests.support.daemon import free_port, wait_for
from tests.support.news import fire, notice, over, smoke
from tests.support.sinks import Broker, broker
from tests.web.test_tls import certificate

pytestmark = pytest.mark.debian

RULES = (("fire", "fire"), ("smoke", "smoke"))
CAMERAS = (CameraAlerts("dock", "hall", RULES), CameraAlerts("yard.1", "", RULES))


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("broker")) as found:
        yield found


@contextmanager
def sink(
    port: int,
    topic: str,
    cameras: Sequence[CameraAlerts] = CAMERAS,
    *,
    drill: bool = False,
    timeout: float = 10.0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[MqttSink]:
    made = MqttSink(
        "127.0.0.1",
        port,
        topics=Topics(topic, f"{topic}-ha", "1.2.3"),
        cameras=cameras,
        client_id=topic,
        username=None,
        password=None,
        tls=tls,
        timeout_seconds=timeout,
        drill=drill,
    )
    try:
        yield made
    finally:
        made.close()


def introduced(made: MqttSink, firing: Callable[[], Sequence[Event]] = tuple) -> None:
    """What is sent after connecting was sent."""
    wait_for(lambda: made.tend(firing), "it connects and sends what is retained")


def test_home_assistant_finds_each_camera(mosquitto: Broker) -> None:
    with sink(mosquitto.port, "find") as made:
        introduced(made)
        assert not made.tend(tuple), "once for each connection"
        retained = mosquitto.retained()
        found = json.loads(retained["find-ha/device/find_dock/config"])
        assert found["device"]["name"] == "Emberwatch dock"
        assert found["device"]["suggested_area"] == "hall"
        assert found["availability_topic"] == "find/availability"
        assert retained["find/availability"] == b"online"
        entities = found["components"]
        assert entities["alert_smoke"]["device_class"] == "smoke"
        assert entities["snapshot"]["image_topic"] == "find/dock/snapshot"
        for entity in entities.values():
            assert {"platform", "unique_id"} <= set(entity)
        assert retained[entities["alert_fire"]["state_topic"]] == b"OFF"
        dotted = [topic for topic in retained if topic.startswith("find-ha/device/find_yard_1_")]
        assert len(dotted) == 1, "discovery wants letters, digits, '_' and '-' alone"
    assert mosquitto.retained()["find/availability"] == b"offline"


def test_states_follow_the_event(mosquitto: Broker, tmp_path: Path) -> None:
    picture = tmp_path / "seen.jpg"
    picture.write_bytes(b"a picture")

    def states() -> tuple[bytes, bytes]:
        retained = mosquitto.retained()
        return retained["state/dock/smoke/state"], retained["state/dock/fire/state"]

    with sink(mosquitto.port, "state") as made:
        introduced(made)
        made.send(notice(smoke(), picture=picture))
        assert states() == (b"ON", b"OFF")
        assert mosquitto.retained()["state/dock/snapshot"] == b"a picture"
        made.send(notice(fire(), "upgraded"))
        assert states() == (b"OFF", b"ON")
        facts = json.loads(mosquitto.retained()["state/dock/event"])
        assert (facts["kind"], facts["label"], facts["score"]) == ("upgraded", "fire", 0.88)
        made.send(notice(over(fire()), "resolved"))
        assert states() == (b"OFF", b"OFF")


def test_old_news_does_not_hide_what_burns_now(mosquitto: Broker) -> None:
    """After an outage the new fire is told first, and the end of the one before it later."""
    old, new = over(fire()), replace(smoke(), id=8)
    with sink(mosquitto.port, "old") as made:
        introduced(made)
        made.send(notice(replace(fire(), id=7)))
        made.send(notice(new))
        made.send(replace(notice(old, "upgraded"), outdated=True))
        assert not made.tend(lambda: [new])
        made.send(replace(notice(old, "resolved"), outdated=True))
        assert made.tend(lambda: [new])
        retained = mosquitto.retained()
    assert retained["old/dock/smoke/state"] == b"ON"
    assert retained["old/dock/fire/state"] == b"OFF", "that was of the old one alone"
    assert json.loads(retained["old/dock/event"])["event_id"] == 8


def test_broker_says_offline_when_the_daemon_is_gone(mosquitto: Broker) -> None:
    with sink(mosquitto.port, "gone") as made:
        introduced(made)
        connection: Any = made._client.socket()
        connection.shutdown(socket.SHUT_RDWR)  # as a process that was killed
        wait_for(lambda: b"offline" in by_topic(mosquitto, "gone"), "the last will is told")
        introduced(made)
        wait_for(lambda: mosquitto.retained().get("gone/availability") == b"online", "it is back")


# The library forgets the socket of a handshake that failed, and leaves it to be collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_broker_over_tls_is_told_and_a_certificate_that_is_not_trusted_is_refused(
    tmp_path: Path,
) -> None:
    port = free_port()
    cert, key = certificate(tmp_path, "broker")
    with broker(tmp_path, tls=(port, cert, key)) as mosquitto:
        trusting = ssl.create_default_context(cafile=str(cert))
        with sink(port, "tls", tls=trusting) as made:
            introduced(made)
            made.send(notice(fire()))
            assert mosquitto.retained()["tls/dock/fire/state"] == b"ON"
        with (
            sink(port, "doubting", tls=ssl.create_default_context(), timeout=1.0) as made,
            pytest.raises(Retryable, match="check host, port and TLS"),
        ):
            made.send(notice(fire()))
        assert not [topic for topic in mosquitto.retained() if topic.startswith("doubting")]
    gc.collect()


def by_topic(mosquitto: Broker, topic: str) -> list[bytes]:
    return [payload for _, name, payload in mosquitto.seen if name == f"{topic}/availability"]


def test_what_is_retained_of_a_camera_that_is_gone_is_taken_away(mosquitto: Broker) -> None:
    with sink(mosquitto.port, "left") as made:
        introduced(made)
        made.send(notice(smoke()))
    with sink(mosquitto.port, "left", CAMERAS[1:]) as made:
        introduced(made)
        wait_for(
            lambda: not [t for t in mosquitto.retained() if "left" in t and "dock" in t],
            "nothing is left of it",
        )
        assert [t for t in mosquitto.retained() if t.startswith("left/yard.1/")]


def test_broker_that_lost_everything_is_told_anew(tmp_path: Path) -> None:
    port = free_port()
    with sink(port, "anew", timeout=2.0) as made:
        with pytest.raises(Retryable, match=f"127.0.0.1:{port}: no connection"):
            made.send(notice(smoke()))
        for _ in range(2):
            with broker(tmp_path, port) as mosquitto:
                introduced(made, lambda: [smoke()])
                assert mosquitto.retained()["anew/dock/smoke/state"] == b"ON"
                assert mosquitto.retained()["anew/dock/fire/state"] == b"OFF"


def test_drill_leaves_nothing(mosquitto: Broker) -> None:
    with sink(mosquitto.port, "drill", drill=True) as made:
        for told in drill_notices(1.7e9, ""):
            made.send(told)
        assert not made.tend(tuple)

    def drills() -> list[bool]:
        seen = [payload for _, topic, payload in mosquitto.seen if topic == "drill/drill"]
        return [json.loads(payload)["drill"] for payload in seen]

    wait_for(lambda: len(drills()) == 2, "both have come")
    assert drills() == [True, True]
    assert not [topic for topic in mosquitto.retained() if topic.startswith("drill")]
