"""The topics and messages of the MQTT sink, and how Home Assistant finds them: pure.

Home Assistant's device discovery: one retained message for each camera describes the device and
its entities (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload).
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice
from monitor.decision.outage import OUTAGE

ON, OFF = b"ON", b"OFF"
ONLINE, OFFLINE = b"online", b"offline"


@dataclass(frozen=True, slots=True)
class CameraAlerts:
    """A camera that is watched, and what it may raise."""

    camera: str
    site: str
    """Empty where it has none."""
    alerts: tuple[tuple[str, str], ...]
    """Name and label of each rule."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish."""

    topic: str
    payload: bytes
    retain: bool = True


class Topics:
    """The topics below one base."""

    def __init__(self, base: str, discovery_prefix: str, version: str) -> None:
        """
        Args:
            base: what all topics begin with.
            discovery_prefix: Home Assistant's; empty: no discovery.
            version: of this program.
        """
        self._base = base
        self._prefix = discovery_prefix
        self._version = version
        self.availability = f"{base}/availability"
        self.drill = f"{base}/drill"
        self.all_states = f"{base}/+/+/state"
        """A filter for the states of all alerts, of cameras that are gone as well."""

    def state(self, camera: str, alert: str) -> str:
        return f"{self._base}/{camera}/{alert}/state"

    def event(self, camera: str) -> str:
        return f"{self._base}/{camera}/event"

    def snapshot(self, camera: str) -> str:
        return f"{self._base}/{camera}/snapshot"

    def discovery(self, camera: str) -> str:
        """Empty where there is no discovery."""
        return f"{self._prefix}/device/{self._device(camera)}/config" if self._prefix else ""

    def alert_of(self, topic: str) -> tuple[str, str] | None:
        """Camera and alert of a topic of :meth:`state`; None for another."""
        parts = topic.removeprefix(f"{self._base}/").split("/")
        if not topic.startswith(f"{self._base}/") or len(parts) != 3 or parts[2] != "state":
            return None
        return parts[0], parts[1]

    def introductions(self, cameras: Sequence[CameraAlerts]) -> list[Message]:
        """What Home Assistant needs to find the cameras."""
        if not self._prefix:
            return []
        return [
            Message(self.discovery(one.camera), json.dumps(self._introduced(one)).encode())
            for one in cameras
        ]

    def farewells(self, camera: str) -> list[Message]:
        """Takes away what is retained of a camera that is gone, but for its states."""
        topics = [self.event(camera), self.snapshot(camera), self.discovery(camera)]
        return [Message(topic, b"") for topic in topics if topic]

    def states(self, cameras: Sequence[CameraAlerts], firing: Sequence[Event]) -> list[Message]:
        """How all alerts stand."""
        on = {(event.camera, event.alert) for event in firing}
        return [
            Message(self.state(one.camera, alert), ON if (one.camera, alert) in on else OFF)
            for one in cameras
            for alert, _ in one.alerts
        ]

    def news(self, notice: Notice, alerts: Sequence[str], picture: bytes | None) -> list[Message]:
        """What tells of a change: the facts first, and the states that automations wait for last.

        Args:
            notice: the change.
            alerts: names of all rules of its camera.
            picture: a JPEG; None where there is none.
        """
        camera = notice.event.camera
        facts = json.dumps(facts_of(notice)).encode()
        if notice.drill:
            return [Message(self.drill, facts, retain=False)]
        found = [Message(self.event(camera), facts)]
        if picture is not None:
            found.append(Message(self.snapshot(camera), picture))
        if notice.kind == "pending":
            return found
        over = notice.event.ended_at is not None
        named = dict.fromkeys(
            [*alerts, *(s.alert for s in notice.event.steps if s.event == "firing")]
        )
        own = {step.alert for step in notice.event.steps}
        return found + [
            Message(self.state(camera, alert), OFF if over or alert != notice.event.alert else ON)
            for alert in named
            if alert in own
        ]

    def _introduced(self, one: CameraAlerts) -> dict[str, Any]:
        device = self._device(one.camera)
        entities: dict[str, Any] = {
            f"alert_{_plain(alert)}": {
                "platform": "binary_sensor",
                "unique_id": f"{device}_{_plain(alert)}",
                "name": alert,
                "device_class": _device_class(label),
                "state_topic": self.state(one.camera, alert),
                "json_attributes_topic": self.event(one.camera),
            }
            for alert, label in one.alerts
        }
        entities["snapshot"] = {
            "platform": "image",
            "unique_id": f"{device}_snapshot",
            "name": "Snapshot",
            "image_topic": self.snapshot(one.camera),
            "content_type": "image/jpeg",
        }
        described = {
            "identifiers": [device],
            "name": f"Emberwatch {one.camera}",
            "manufacturer": "Emberwatch",
            "model": "Fire and smoke detection",
            "sw_version": self._version,
        }
        if one.site:
            described["suggested_area"] = one.site
        return {
            "device": described,
            "origin": {"name": "Emberwatch", "sw_version": self._version},
            "components": entities,
            "availability_topic": self.availability,
            "payload_available": ONLINE.decode(),
            "payload_not_available": OFFLINE.decode(),
            "qos": 1,
        }

    def _device(self, camera: str) -> str:
        return _plain(f"{self._base}_{camera}")


def facts_of(notice: Notice) -> dict[str, Any]:
    """A change as JSON."""
    event = notice.event
    box = event.box
    return {
        "kind": notice.kind,
        "status": notice.status,
        "title": notice.title,
        "event_id": event.id,
        "camera": event.camera,
        "site": event.site or None,
        "alert": notice.alert,
        "label": notice.label,
        "score": round(notice.step.score if notice.step else event.peak_score, 4),
        "at": notice.at,
        "began_at": event.began_at,
        "ended_at": event.ended_at,
        "box": None if box is None else [box.left, box.top, box.right, box.bottom],
        "link": notice.link or None,
        "key": notice.key,
        "drill": notice.drill,
    }


def _device_class(label: str) -> str:
    """As Home Assistant knows them: https://www.home-assistant.io/integrations/binary_sensor/."""
    if label == OUTAGE:
        return "problem"
    return "smoke" if "smoke" in label.lower() else "safety"


def _plain(text: str) -> str:
    """A name of letters, digits, '_' and '-' alone, as discovery wants it; two names stay two."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    if plain == text:
        return plain
    return f"{plain}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"
