"""Events and notices for tests of sinks, without a store."""

from dataclasses import replace
from pathlib import Path

from monitor.alerts.events import Event, Step
from monitor.alerts.notice import Notice
from monitor.alerts.routing import Kind
from monitor.decision.state import Explanation

AT = 1_700_000_000.0
WHY = Explanation(0.65, 0.9, 0.88, 0.1, "full", 3, 2.0)


def step(alert: str, event: str, at: float) -> Step:
    return Step(alert, alert, event, at, 0.88, WHY)


def smoke(camera: str = "dock", *, site: str = "") -> Event:
    """A smoke that fires."""
    return Event(
        id=7, camera=camera, incident="hazard", alert="smoke", label="smoke", state="firing",
        began_at=AT, fired_at=AT + 2, ended_at=None, peak_score=0.91,
        steps=(step("smoke", "pending", AT), step("smoke", "firing", AT + 2)), site=site,
    )  # fmt: skip


def fire() -> Event:
    """The same event, which became a fire."""
    event = smoke()
    return replace(
        event, alert="fire", label="fire", steps=(*event.steps, step("fire", "firing", AT + 9))
    )


def over(event: Event) -> Event:
    """The same event, which has ended."""
    last = step(event.alert, "resolved", AT + 60)
    return replace(event, state="resolved", ended_at=AT + 60, steps=(*event.steps, last))


def notice(event: Event, kind: Kind = "firing", *, picture: Path | None = None) -> Notice:
    """News of the last step of an event."""
    last = event.steps[-1]
    return Notice(f"key-{kind}", kind, event, last, last.at, picture)
