"""Which changes of state people must hear of, who is told, and under which key: pure.

An event is told as one thing, whatever its alerts do: it fires, it becomes graver, it ends. What is
told follows from the change alone and from who was told before, so the same change gives the same
keys whenever it is written, to disk or to memory.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["pending", "firing", "upgraded", "escalation", "resolved"]
"""What a sink is told: ``upgraded`` is an event that fires under another alert than before, as
smoke that became fire; ``escalation`` is one that nobody acknowledged in time."""


@dataclass(frozen=True, slots=True)
class Route:
    """What one sink is to be told."""

    sink: str
    """Its name."""
    cameras: frozenset[str] | None = None
    """Of these alone; None: of all."""
    labels: frozenset[str] | None = None
    rules: frozenset[str] | None = None
    pending: bool = False
    """Whether it hears of what is only pending."""
    resolved: bool = True
    """Whether it hears of the end of what it was told."""
    escalate_to: str | None = None
    """The sink that is told where nobody acknowledges."""
    escalate_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """One transition, with what it did to its event."""

    event_id: int
    transition_id: int | None
    """None where the event ended without one, because its camera or rule is gone."""
    camera: str
    incident: str
    began_at: float
    """When the event began, Unix time."""
    alert: str
    label: str
    event: str
    """``pending``, ``firing``, ``resolved`` or ``inactive``."""
    at: float
    """Unix time of the change."""
    silenced: bool
    alert_before: str | None
    """The alert that the event fired under before; None where it had not fired."""
    first: bool
    """Whether the event began with it."""
    ended: bool
    """Whether the event ended with it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One delivery to come."""

    sink: str
    kind: Kind
    key: str
    """The same for the same news to the same sink, always."""
    due_at: float
    """Unix time; later than now for what waits for somebody to acknowledge."""


def plan(
    change: Change, told: Mapping[str, bool], routes: Sequence[Route], now: float
) -> list[Planned]:
    """Who is to be told of a change, and what.

    Args:
        change: the transition.
        told: sinks that have deliveries of this event, and whether any was tried.
        routes: all sinks.
        now: Unix time.
    """
    if change.ended:
        return [
            Planned(route.sink, "resolved", _key(change, "resolved", route.sink), now)
            for route in routes
            if route.sink in told and route.resolved
        ]
    if change.silenced:
        return []
    if change.event == "pending":
        return [
            Planned(route.sink, "pending", _key(change, "pending", route.sink), now)
            for route in _first_told(routes)
            if route.pending and change.first and _wants(route, change)
        ]
    if change.event != "firing":
        return []
    return list(_fires(change, told, routes, now))


def _fires(
    change: Change, told: Mapping[str, bool], routes: Sequence[Route], now: float
) -> Iterator[Planned]:
    first = {route.sink for route in _first_told(routes)}
    by_name = {route.sink: route for route in routes}
    for route in routes:
        graver = change.alert_before not in (None, change.alert) and route.sink in told
        # Whoever hears of what nobody acknowledged hears of it becoming graver, once it was told.
        hears = route.sink in first or (graver and told[route.sink])
        if not hears or not _wants(route, change):
            continue
        kind: Kind = "upgraded" if graver else "firing"
        yield Planned(route.sink, kind, _key(change, "fires", route.sink), now)
        if route.sink in first:
            yield from _escalations(change, route, by_name, now)


def _escalations(
    change: Change, route: Route, by_name: Mapping[str, Route], now: float
) -> Iterator[Planned]:
    """Along the chain of sinks, each after the one before; a sink that was passed ends it."""
    due, passed = now, set()
    while route.escalate_to is not None and route.sink not in passed:
        passed.add(route.sink)
        due += route.escalate_after_seconds
        following = by_name.get(route.escalate_to)
        if following is None:
            return
        yield Planned(
            following.sink, "escalation", _key(change, f"{route.sink}>", following.sink), due
        )
        route = following


def _first_told(routes: Sequence[Route]) -> list[Route]:
    """Those that no other sink escalates to."""
    second = {route.escalate_to for route in routes if route.escalate_to != route.sink}
    return [route for route in routes if route.sink not in second]


def _wants(route: Route, change: Change) -> bool:
    return (
        (route.cameras is None or change.camera in route.cameras)
        and (route.labels is None or change.label in route.labels)
        and (route.rules is None or change.alert in route.rules)
    )


def _key(change: Change, what: str, sink: str) -> str:
    """Made of what happened and not of row numbers, which differ between a store in memory and the
    file that it becomes. An event is escalated along each way once, and ends once."""
    # SQLite hands out times of whole seconds as whole numbers here, and as floats there.
    parts: list[object] = [change.camera, change.incident, float(change.began_at), what, sink]
    if what in ("fires", "pending"):
        parts += [change.alert, float(change.at)]
    text = json.dumps(parts, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
