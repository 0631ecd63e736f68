"""``emberwatch events``: what the alerts of a running daemon did, read from its API."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

import httpx

from monitor.daemon_client import DaemonAddress, refused, unreachable
from monitor.decision.outage import OUTAGE
from monitor.errors import EmberwatchError

_PAGE = 500
"""As many as the API gives at once."""

_VERDICTS = {"confirmed": "confirmed", "false": "false alarm"}


class EventsError(EmberwatchError):
    """No daemon gives its events there."""


def events(
    address: DaemonAddress,
    *,
    limit: int,
    camera: str | None,
    as_json: bool,
    deliveries: bool = False,
    out: TextIO,
) -> int:
    """Write the newest events, the newest first.

    Args:
        address: where the daemon listens.
        limit: at most so many.
        camera: of this camera alone.
        as_json: one JSON object a line, as the API gives it; else a line of text for people.
        deliveries: below each line, what each sink was told.
        out: where they go.

    Returns:
        0.

    Raises:
        EventsError: no Emberwatch answers there, it wants a token, or it cannot read them.
        UsageError: the file of certificates, or the token, is no such thing.
    """
    found = False
    with address.open() as client:
        for event in _pages(client, address.base, limit, camera):
            found = True
            out.write(f"{json.dumps(event) if as_json else _line(event)}\n")
            if deliveries and not as_json:
                out.writelines(f"    {line}\n" for line in delivery_lines(event, time.time()))
    if not found and not as_json:
        out.write("No event is known.\n")
    return 0


def _pages(
    client: httpx.Client, base: str, limit: int, camera: str | None
) -> Iterator[dict[str, Any]]:
    asked: dict[str, str | int] = {} if camera is None else {"camera": camera}
    while limit > 0:
        page = _page(client, base, asked | {"limit": min(limit, _PAGE)})
        yield from page["events"]
        limit -= len(page["events"])
        before = page["next_before_id"]
        if before is None:
            return
        asked["before_id"] = before


def _page(client: httpx.Client, base: str, asked: dict[str, str | int]) -> dict[str, Any]:
    try:
        answer = client.get("/api/v1/events", params=asked)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise EventsError(unreachable(base, error)) from error
    told = refused(base, answer.status_code)
    if told is not None:
        raise EventsError(told)
    try:
        body = answer.json()
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise EventsError(f"{base}: the daemon cannot read its events: {body['detail']}")
        if answer.status_code == httpx.codes.OK and {"events", "next_before_id"} <= body.keys():
            return dict(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _foreign(base, answer) from error
    raise _foreign(base, answer)


def _foreign(base: str, answer: httpx.Response) -> EventsError:
    return EventsError(
        f"{base}/api/v1/events: answers with HTTP {answer.status_code} and no events of "
        "Emberwatch; name the address that its `listen` says"
    )


def _line(event: dict[str, Any]) -> str:
    """An event for people, in local time: its id, when, where, what, how it stands, how long, how
    high (of an outage: why), and what people said of it."""
    began = datetime.fromtimestamp(event["began_at"]).astimezone()
    ended = time.time() if event["ended_at"] is None else event["ended_at"]
    lasted = f"{max(0.0, ended - event['began_at']):.0f} s"
    seen_as = f"highest {event['peak_score']:.2f}{_where(event)}"
    return "  ".join(
        (
            f"{event['id']:>5}",
            f"{began:%Y-%m-%d %H:%M:%S}",
            f"{event['camera']:<20} {event['alert']:<12} {event['state']:<9} {lasted:>8}",
            _reason(event) if event["alert"] == event["label"] == OUTAGE else seen_as,
            *_said(event),
        )
    )


def _reason(outage: dict[str, Any]) -> str:
    """Why a camera was not watched, in the words of the metrics; it has no score."""
    reasons = [step["region"] for step in outage["steps"] if step["event"] == "firing"]
    return f"not watched: {reasons[-1].replace('_', ' ')}" if reasons else "not watched"


def _said(event: dict[str, Any]) -> Iterator[str]:
    """Whether it was silenced when it fired last, and what people said of it."""
    fired = [step for step in event["steps"] if step["event"] == "firing"]
    if fired and fired[-1].get("silenced"):  # a daemon of before silences tells of none
        yield "silenced"
    if event.get("acknowledged_by"):
        yield f"seen by {event['acknowledged_by']}"
    if event.get("verdict"):
        yield f"{_VERDICTS.get(event['verdict'], event['verdict'])}, says {event['verdict_by']}"


def delivery_lines(event: dict[str, Any], now: float) -> Iterator[str]:
    """What each sink was told of an event, for people.

    Args:
        event: as the API gives it.
        now: Unix time.
    """
    for one in event.get("deliveries", ()):  # a daemon of before sinks has none
        if one["done_at"] is not None:
            seconds = max(0.0, one["done_at"] - one["created_at"])
            how = f"{one['result']} after {seconds:.1f} s"
        elif one["next_try_at"] > now:
            how = f"waits for {one['next_try_at'] - now:.0f} s"
        else:
            how = "is due"
        tries = f", {one['attempts']} tries" if one["attempts"] > 1 else ""
        why = f": {one['error']}" if one["error"] and one["result"] != "delivered" else ""
        yield f"{one['sink']:<16} {one['kind']:<10} {how}{tries}{why}"


def _where(event: dict[str, Any]) -> str:
    """Where in the picture, in percent from the left and from the top."""
    box = event.get("box")  # a daemon of before boxes has none
    if box is None:
        return ""
    left, top, right, bottom = (
        f"{100 * box[side]:.0f}" for side in ("left", "top", "right", "bottom")
    )
    return f"  at {left}-{right} % across, {top}-{bottom} % down"
