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

FRESH_SECONDS = 60.0
"""News that is younger is told in the order in which it came; what is older has waited for a sink
that was down, and of that the newest tells most."""

TURN_OF_THE_LONGEST = 4
"""Every so manieth try is for what has waited longest, however much that is new comes in."""

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
    over: bool = False
    """Whether its event has ended."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a sink has answered lately."""

    failures: int = 0
    """Tries in a row that failed for now."""
    pause_until: float = 0.0
    """What has failed before is not tried again earlier."""
    hold_until: float = 0.0
    """Nothing is tried earlier: the sink has asked for it."""
    tries: int = 0
    """All so far."""


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
    """The delivery to try now; None: none is due.

    After an outage much is due at once. What burns now is told before what is over, and what is new
    before what is old; now and then it is the turn of what has waited longest.
    """
    ready = [head for head in heads if due_at(head, pace, now) <= now]
    if not ready:
        return None
    longest = pace.tries % TURN_OF_THE_LONGEST == TURN_OF_THE_LONGEST - 1
    return min(ready, key=lambda head: _turn(head, now) if longest else _urgency(head, now))


def _urgency(head: Head, now: float) -> tuple[int, float, float, str]:
    """What is tried first has the lowest."""
    if head.over:
        return 2, *_turn(head, now)
    if now - head.created_at <= FRESH_SECONDS:
        return 0, head.created_at, 0.0, head.key
    return 1, -head.created_at, 0.0, head.key


def _turn(head: Head, now: float) -> tuple[float, float, str]:
    """What has waited longest since it was made, or tried, has the lowest: nothing that fails again
    and again comes before the rest each time."""
    return min(head.next_try_at, now), head.created_at, head.key


def nothing_to_try(heads: Iterable[Head], now: float) -> bool:
    """Whether at most escalations wait, and those for their time."""
    return all(h.kind == "escalation" and not h.attempts and h.next_try_at > now for h in heads)


def wait_seconds(heads: Iterable[Head], pace: Pace, now: float) -> float | None:
    """Until the next is due; None where nothing waits."""
    times = [due_at(head, pace, now) for head in heads]
    return max(0.0, min(times) - now) if times else None


def after_success(pace: Pace) -> Pace:
    """The sink has taken something, or refused it for good: it works."""
    return replace(pace, failures=0, pause_until=0.0, tries=pace.tries + 1)


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
    return changed, Pace(failures, now + common, hold, pace.tries + 1)


def back_off_seconds(failures: int, longest_seconds: float, jitter: float) -> float:
    """The pause after so many failures in a row: from half to the whole of 1, 2, 4, … seconds, and
    never above ``longest_seconds``; the first lasts from 1 to 2 seconds."""
    whole = min(FIRST_PAUSE_SECONDS * 2.0 ** min(max(failures, 1), _DOUBLINGS), longest_seconds)
    return whole * (0.5 + 0.5 * jitter)


def given_up(head: Head, now: float, retry_for_seconds: float) -> bool:
    """Whether a delivery that has just failed is not tried again."""
    return head.attempts > 0 and now - head.created_at > retry_for_seconds
