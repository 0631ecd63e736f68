"""A web address that gets alerts as JSON: the shape of Alertmanager's webhooks, version 4.

Messages are signed as Standard Webhooks (www.standardwebhooks.com) does it: ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, HMAC-SHA256 over ``id.timestamp.body``. The id is
the key of the delivery: the same each time that the same news is sent.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice
from monitor.alerts.sinks.alertmanager import labels_of, stamp, texts
from monitor.alerts.sinks.http import HttpTarget
from monitor.clock import Clock

_NO_END = "0001-01-01T00:00:00Z"
"""What Alertmanager writes for an alert that has not ended."""
_PREFIX = "whsec_"


class WebhookSink:
    """One web address."""

    wants_picture = False

    def __init__(self, target: HttpTarget, *, name: str, secret: str | None, clock: Clock) -> None:
        """
        Args:
            target: the address.
            name: of the sink, the ``receiver`` of its messages.
            secret: signs each message; None: they are not signed.
            clock: for the time of the signature.
        """
        self._target = target
        self._name = name
        self._key = None if secret is None else signing_key(secret)
        self._clock = clock

    def send(self, notice: Notice) -> None:
        """Post an alert; :class:`monitor.alerts.sinks.sink.Sink` has the errors."""
        body = json.dumps(payload(notice, self._name)).encode()
        timestamp = str(int(self._clock.wall()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.key,
            "webhook-timestamp": timestamp,
        }
        if self._key is not None:
            headers["webhook-signature"] = signature(self._key, notice.key, timestamp, body)
        self._target.post(body, headers)

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:  # noqa: ARG002 - of the protocol
        """Nothing is due beside deliveries."""
        return False

    def close(self) -> None:
        """Close the connections."""
        self._target.close()


def signing_key(secret: str) -> bytes:
    """The bytes of a secret: those of its text, or of the base64 behind ``whsec_``."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()  # no base64, so it was meant as text
    return secret.encode()


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """What ``webhook-signature`` holds."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def payload(notice: Notice, receiver: str) -> dict[str, Any]:
    """The message, as in Alertmanager's documentation; ``emberwatch`` is beside it."""
    event = notice.event
    labels = labels_of(event, notice.alert, drill=notice.drill)
    annotations = texts(notice)
    resolved = notice.status == "resolved"
    alert = {
        "status": notice.status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": stamp(event.fired_at or event.began_at),
        "endsAt": stamp(event.ended_at or notice.at) if resolved else _NO_END,
        "generatorURL": notice.link,
        "fingerprint": hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16],
    }
    grouped = {key: labels[key] for key in ("alertname", "camera")}
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in grouped.items()) + "}",
        "truncatedAlerts": 0,
        "status": notice.status,
        "receiver": receiver,
        "groupLabels": grouped,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": notice.external_url,
        "alerts": [alert],
        "emberwatch": {
            "key": notice.key,
            "kind": notice.kind,
            "drill": notice.drill,
            "event_id": event.id,
            "incident_id": event.incident_id,
            "camera": event.camera,
            "site": event.site or None,
            "alert": notice.alert,
            "label": notice.label,
            "score": notice.step.score if notice.step else event.peak_score,
            "at": notice.at,
        },
    }
