"""What a delivery tells, and whether it still has something to tell: pure."""

from pathlib import Path

from monitor.alerts.notice import Notice
from monitor.alerts.outbox_order import Head
from monitor.alerts.store_outbox import Brief


def notice_of(head: Head, brief: Brief, picture: Path | None, external_url: str) -> Notice:
    """What a sink is given to send.

    Args:
        head: the delivery.
        brief: what it tells of.
        picture: shows the event; None where nothing does.
        external_url: where people reach the pages; empty where nobody said.
    """
    event = brief.event
    step = event.steps[brief.step] if brief.step is not None else None
    if step is not None:
        at = step.at
    else:
        at = event.ended_at if event.ended_at is not None else event.began_at
    return Notice(
        key=head.key,
        kind=head.kind,
        event=event,
        step=step,
        at=at,
        picture=picture,
        external_url=external_url,
        outdated=brief.outdated,
    )


def pointless(head: Head, brief: Brief) -> str:
    """Why a delivery that is due has nothing to tell any more; empty where it has."""
    event = brief.event
    if head.kind == "escalation":
        if event.acknowledged_at is not None:
            return "it was acknowledged"
        if not event.open:
            return "it was over before"
    if head.kind == "pending" and (event.fired_at is not None or not event.open):
        return "it was more, or over, before"
    if head.kind == "resolved" and not brief.told:
        return "its begin was not told"
    return ""
