"""An MQTT broker: states, events and snapshots as retained messages, found by Home Assistant.

The connection stands all the time. The broker itself says ``offline`` when it breaks (last will),
and after each connecting everything that is retained is sent again: a broker may have lost it.
"""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice
from monitor.alerts.sinks.mqtt_topics import OFFLINE, ONLINE, CameraAlerts, Message, Topics
from monitor.errors import Retryable

KEEP_ALIVE_SECONDS = 20
"""The broker says ``offline`` one and a half of these after the daemon vanished."""

_QOS = 1
_LARGEST_PICTURE_BYTES = 2 * 1024 * 1024
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1, 30


class MqttSink:
    """One broker. The library's thread reads and reconnects."""

    wants_picture = True

    def __init__(
        self,
        host: str,
        port: int,
        *,
        topics: Topics,
        cameras: Sequence[CameraAlerts],
        client_id: str,
        username: str | None,
        password: str | None,
        tls: ssl.SSLContext | None,
        timeout_seconds: float,
        drill: bool = False,
    ) -> None:
        """
        Args:
            host: of the broker.
            port: of the broker.
            topics: what is published where.
            cameras: all that are watched.
            client_id: no other client of the broker may have it.
            username: None: no login.
            password: of that user.
            tls: None: without.
            timeout_seconds: longest wait for the broker to take a message.
            drill: only drills are sent: nothing is retained, and no will is left.
        """
        self._where = f"{host}:{port}"
        self._topics = topics
        self._cameras = tuple(cameras)
        self._alerts = {one.camera: [alert for alert, _ in one.alerts] for one in cameras}
        self._timeout = timeout_seconds
        self._drill = drill
        self._connected = threading.Event()
        self._fault = "there is no connection yet"
        self._connections = 0
        self._told = 0
        """The connection after which everything that is retained was sent."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.connect_timeout = timeout_seconds
        client.reconnect_delay_set(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        if not drill:
            client.will_set(topics.availability, OFFLINE, qos=_QOS, retain=True)
        if username is not None:
            client.username_pw_set(username, password)
        if tls is not None:
            client.tls_set_context(tls)
        client.connect_async(host, port, keepalive=KEEP_ALIVE_SECONDS)
        client.loop_start()
        self._client = client

    def send(self, notice: Notice) -> None:
        """Publish a change; :class:`monitor.alerts.sinks.sink.Sink` has the errors."""
        if notice.outdated:
            # What is retained tells of a later event; an alert that was of this one alone is taken
            # back with the states of all.
            self._told = self._told if notice.kind != "resolved" else 0
            return
        alerts = self._alerts.get(notice.event.camera, [])
        self._publish(self._topics.news(notice, alerts, _picture(notice.picture)))

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:
        """After each connecting, send all that is retained."""
        connections = self._connections
        if self._drill or self._told == connections or not self._connected.is_set():
            return False
        self._publish(
            [
                *self._topics.introductions(self._cameras),
                *self._topics.states(self._cameras, firing()),
                Message(self._topics.availability, ONLINE),
            ]
        )
        self._told = connections
        return True

    def close(self) -> None:
        """Say goodbye: the broker sends no will to those who leave in order."""
        if self._connected.is_set():
            if not self._drill:
                info = self._client.publish(self._topics.availability, OFFLINE, _QOS, retain=True)
                _wait(info, time.monotonic() + 1.0)
            self._client.disconnect()
        self._client.loop_stop()

    def _publish(self, messages: Sequence[Message]) -> None:
        until = time.monotonic() + self._timeout
        if not self._connected.wait(self._timeout):
            raise Retryable(f"{self._where}: {self._fault}")
        sent = [self._client.publish(m.topic, m.payload, _QOS, m.retain) for m in messages]
        for info in sent:
            if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS or not _wait(info, until):
                raise Retryable(f"{self._where}: the broker did not confirm a message in time")

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: Any,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._fault = f"the broker refuses the connection ({reason})"
            return
        if not self._drill:
            client.subscribe(self._topics.all_states, qos=0)
        self._connections += 1
        self._connected.set()

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._fault = "no connection can be made; check host, port and TLS"

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: Any,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._connected.is_set():
            self._fault = f"the connection broke ({reason})"
        self._connected.clear()

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        """What was retained of cameras and rules that are gone is taken away."""
        found = self._topics.alert_of(message.topic)
        if not message.retain or not message.payload or found is None:
            return
        camera, alert = found
        if alert in self._alerts.get(camera, ()):
            return
        client.publish(message.topic, b"", _QOS, retain=True)
        if camera not in self._alerts:
            for farewell in self._topics.farewells(camera):
                client.publish(farewell.topic, b"", _QOS, retain=True)


def _wait(info: mqtt.MQTTMessageInfo, until: float) -> bool:
    """Whether a message was confirmed in time."""
    try:
        info.wait_for_publish(max(0.001, until - time.monotonic()))
        return info.is_published()
    except (RuntimeError, ValueError):
        return False  # it was lost with its connection, or the queue is full


def _picture(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        if path.stat().st_size > _LARGEST_PICTURE_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None  # retention was faster
