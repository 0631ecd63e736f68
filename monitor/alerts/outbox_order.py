"""When what waits in the outbox is tried: order, back-off and giving up, pure.

Times are Unix times, since they outlive the process. A clock that jumps neither loses a delivery
nor lets it wait for years: one is given up after a try and never without, and what waits longer
than any pause lasts is due.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitor.alerts.routing import Kind

FIRST_PAUSE_SECONDS = 1.0
LONGEST_HOLD_SECONDS = 3600.0
"""A sink that asks for a longer pause (``Retry-After``) is tried after this all the same."""

_DOUBLINGS = 32
"""Beyond any longest pause; more would overflow a float after weeks."""


@dataclass(frozen=True, slots=True)
class Head:
    """The delivery that its event and sink have to send next."""

    key: str
    event_id: int
    kind: Kind
    created_at: float
    attempts: int
    """Tries that failed."""
    next_try_at: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How a sink has answered lately."""

    failures: int = 0
    """Tries in a row that failed for now."""
    pause_until: float = 0.0
    """What has failed before is not tried again earlier."""
    hold_until: float = 0.0
    """Nothing is tried earlier: the sink has asked for it."""


def due_at(head: Head, pace: Pace, now: float) -> float:
    """When a delivery is to be tried.

    One that was never tried is not held up by others that fail: it may be what gets through.
    """
    held = pace.hold_until if pace.hold_until - now <= LONGEST_HOLD_SECONDS else now
    if head.attempts == 0:
        own = head.next_try_at if head.kind == "escalation" else min(head.created_at, now)
        return max(own, held)
    due = max(head.next_try_at, pace.pause_until)
    if due - now > LONGEST_HOLD_SECONDS:  # written before the clock was set back
        due = now
    return max(due, held)


def choose(heads: Iterable[Head], pace: Pace, now: float) -> Head | None:
    """The delivery to try now: of those due, the one that has waited longest; None: none is due."""
    due = [(due_at(head, pace, now), head) for head in heads]
    ready = [(at, head.created_at, head.key, head) for at, head in due if at <= now]
    return min(ready)[3] if ready else None


def wait_seconds(heads: Iterable[Head], pace: Pace, now: float) -> float | None:
    """Until the next is due; None where nothing waits."""
    times = [due_at(head, pace, now) for head in heads]
    return max(0.0, min(times) - now) if times else None


def after_success(pace: Pace) -> Pace:
    """The sink has taken something, or refused it for good: it works."""
    return replace(pace, failures=0, pause_until=0.0)


def after_failure(
    head: Head,
    pace: Pace,
    now: float,
    *,
    longest_pause_seconds: float,
    retry_after_seconds: float | None,
    jitter: float,
) -> tuple[Head, Pace]:
    """What waits, and the sink's pace, after a try that failed for now.

    Args:
        head: what was tried.
        pace: of its sink.
        now: Unix time.
        longest_pause_seconds: pauses grow up to this.
        retry_after_seconds: what the sink asked for; None: nothing.
        jitter: from 0 to 1, evenly spread: keeps many sinks of one server out of step.
    """
    failures = pace.failures + 1
    attempts = head.attempts + 1
    asked = min(max(retry_after_seconds or 0.0, 0.0), LONGEST_HOLD_SECONDS)
    own = max(back_off_seconds(attempts, longest_pause_seconds, jitter), asked)
    common = back_off_seconds(failures, longest_pause_seconds, jitter)
    changed = replace(head, attempts=attempts, next_try_at=now + own)
    hold = now + asked if asked else pace.hold_until
    return changed, Pace(failures, now + common, hold)


def back_off_seconds(failures: int, longest_seconds: float, jitter: float) -> float:
    """The pause after so many failures in a row: from half to the whole of 1, 2, 4, … seconds, and
    never above ``longest_seconds``; the first lasts from 1 to 2 seconds."""
    whole = min(FIRST_PAUSE_SECONDS * 2.0 ** min(max(failures, 1), _DOUBLINGS), longest_seconds)
    return whole * (0.5 + 0.5 * jitter)


def given_up(head: Head, now: float, retry_for_seconds: float) -> bool:
    """Whether a delivery that has just failed is not tried again."""
    return head.attempts > 0 and now - head.created_at > retry_for_seconds
