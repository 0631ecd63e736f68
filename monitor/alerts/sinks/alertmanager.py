"""Alertmanager's API v2: what fires is posted again and again, until it ends.

Alertmanager takes an alert for over when it has not heard of it for a while. Each post says when:
after four times the pause between two posts, as Prometheus does it. Alerts are known by their
labels, so these stay the same from the first post to the last; what became graver ends under its
old labels in the post that begins it under new ones.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice
from monitor.alerts.sinks.http import HttpTarget
from monitor.clock import Clock
from monitor.decision.outage import OUTAGE

LASTS = 4
"""An alert ends by itself after so many pauses without a post; Prometheus's own figure."""

_SOON_SECONDS = 10.0
_JSON = {"Content-Type": "application/json"}


class AlertmanagerSink:
    """One Alertmanager."""

    wants_picture = False

    def __init__(
        self,
        target: HttpTarget,
        *,
        repeat_seconds: float,
        external_labels: Mapping[str, str],
        external_url: str,
        clock: Clock,
    ) -> None:
        """
        Args:
            target: its ``/api/v2/alerts``.
            repeat_seconds: pause between two posts of what fires.
            external_labels: given to every alert.
            external_url: where people reach the pages; empty where nobody said.
            clock: for the ends of alerts and the time to post again.
        """
        self._target = target
        self._repeat = repeat_seconds
        self._labels = dict(external_labels)
        self._url = external_url
        self._clock = clock
        self._next_repeat = clock.monotonic()

    def send(self, notice: Notice) -> None:
        """Post an alert; :class:`monitor.alerts.sinks.sink.Sink` has the errors."""
        if notice.kind == "pending" or notice.outdated:
            return  # it knows firing alerts alone, and a later event by the same labels
        # What is told late is told as it was: it begins here even where it has ended meanwhile.
        ends_at = self._later() if notice.kind != "resolved" else notice.event.ended_at or notice.at
        self._post(self._alerts(notice.event, ends_at, texts(notice), drill=notice.drill))

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:
        """Post again what fires, if it is time."""
        now = self._clock.monotonic()
        if now < self._next_repeat:
            return False
        alerts = [
            alert
            for event in firing()
            for alert in self._alerts(event, self._later(), texts(_again(event, self._url)))
        ]
        # One that does not answer is asked again soon, and not without a pause.
        self._next_repeat = now + min(self._repeat, _SOON_SECONDS)
        if alerts:
            self._post(alerts)
        self._next_repeat = now + self._repeat
        return bool(alerts)

    def close(self) -> None:
        """Close the connections."""
        self._target.close()

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        self._target.post(json.dumps(alerts).encode(), _JSON)

    def _later(self) -> float:
        return self._clock.wall() + LASTS * self._repeat

    def _alerts(
        self, event: Event, ends_at: float, annotations: Mapping[str, str], *, drill: bool = False
    ) -> list[dict[str, Any]]:
        """The alert that an event fires under, and the end of those that it fired under before."""
        found = [self._alert(event, event.alert, ends_at, annotations, drill)]
        for alert in {step.alert for step in event.steps if step.event == "firing"}:
            if alert != event.alert:
                over = min(ends_at, _fired_at(event, event.alert))
                found.append(self._alert(event, alert, over, annotations, drill))
        return found

    def _alert(
        self,
        event: Event,
        alert: str,
        ends_at: float,
        annotations: Mapping[str, str],
        drill: bool,
    ) -> dict[str, Any]:
        return {
            "labels": {**self._labels, **labels_of(event, alert, drill=drill)},
            "annotations": dict(annotations),
            "startsAt": stamp(_fired_at(event, alert)),
            "endsAt": stamp(ends_at),
            **({"generatorURL": _link(event, self._url, drill)} if self._url else {}),
        }


def labels_of(event: Event, alert: str, *, drill: bool) -> dict[str, str]:
    """The labels that an alert of an event is known by."""
    label = next((s.label for s in reversed(event.steps) if s.alert == alert), event.label)
    found = {
        "alertname": "EmberwatchDrill" if drill else f"Emberwatch{_word(label)}",
        "alert": alert,
        "camera": event.camera,
        "label": label,
        "severity": "none" if drill else "critical",
        "via": "emberwatch",
    }
    return found | ({"site": event.site} if event.site else {})


def texts(notice: Notice) -> dict[str, str]:
    """What people read."""
    return {"summary": notice.title, "description": notice.body}


def stamp(at: float) -> str:
    """A Unix time as RFC 3339 writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(label: str) -> str:
    """As the rules for Prometheus name theirs."""
    if label == OUTAGE:
        return "Outage"
    lowered = label.lower()
    return "Fire" if "fire" in lowered else "Smoke" if "smoke" in lowered else "Hazard"


def _fired_at(event: Event, alert: str) -> float:
    times = [step.at for step in event.steps if step.event == "firing" and step.alert == alert]
    return times[-1] if times else event.fired_at or event.began_at


def _again(event: Event, url: str) -> Notice:
    """An event that still fires, as news."""
    steps = [s for s in event.steps if s.event == "firing" and s.alert == event.alert]
    step = steps[-1] if steps else None
    return Notice(
        key="",
        kind="firing",
        event=event,
        step=step,
        at=step.at if step else event.began_at,
        external_url=url,
    )


def _link(event: Event, url: str, drill: bool) -> str:
    return url if drill else f"{url.rstrip('/')}/events/{event.id}"
