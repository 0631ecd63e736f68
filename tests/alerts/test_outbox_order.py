"""When deliveries are tried: order, back-off, giving up, whatever the sink answers."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.outbox_order import (
    LONGEST_HOLD_SECONDS,
    Head,
    Pace,
    after_failure,
    after_success,
    back_off_seconds,
    choose,
    due_at,
    given_up,
    wait_seconds,
)

LONGEST = 60.0


def head(key: str = "a", event: int = 1, **changes: Any) -> Head:
    return replace(Head(key, event, "firing", 100.0, 0, 100.0), **changes)


def failed(tried: Head, pace: Pace, now: float, asked: float | None = None) -> tuple[Head, Pace]:
    return after_failure(
        tried, pace, now, longest_pause_seconds=LONGEST, retry_after_seconds=asked, jitter=0.5
    )


def test_pauses_grow_from_a_second_to_the_longest() -> None:
    assert [back_off_seconds(n, LONGEST, 1.0) for n in (1, 2, 3, 9)] == [2.0, 4.0, 8.0, 60.0]
    assert [back_off_seconds(n, LONGEST, 0.0) for n in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 30.0]


def test_new_alert_is_tried_while_others_wait_for_a_failing_sink() -> None:
    old, pace = failed(head("old"), Pace(), 100.0)
    for _ in range(6):
        old, pace = failed(old, pace, 100.0)
    new = head("new", 2, created_at=101.0)
    assert choose([old, new], pace, 101.0) == new
    assert choose([old], pace, 101.0) is None


def test_sink_that_asks_for_time_is_left_alone_by_all() -> None:
    old, pace = failed(head("old"), Pace(), 100.0, asked=30.0)
    new = head("new", 2, created_at=101.0)
    assert choose([old, new], pace, 129.0) is None
    assert wait_seconds([old, new], pace, 129.0) == 1.0
    assert choose([old, new], pace, 130.0) is not None


def test_longer_than_an_hour_is_not_asked_for_with_success() -> None:
    tried, pace = failed(head(), Pace(), 100.0, asked=1e9)
    assert due_at(tried, pace, 100.0) == 100.0 + LONGEST_HOLD_SECONDS


def test_escalation_waits_for_its_time() -> None:
    waiting = head(kind="escalation", next_try_at=400.0)
    assert wait_seconds([waiting], Pace(), 100.0) == 300.0
    assert choose([waiting], Pace(), 400.0) == waiting


def test_clock_that_is_set_back_holds_up_nothing() -> None:
    tried, pace = failed(head(created_at=1e9), Pace(), 1e9, asked=60.0)
    assert choose([tried], pace, 5e8) == tried
    assert choose([head(created_at=1e9, next_try_at=1e9)], Pace(), 5e8) is not None


def test_clock_that_jumps_forward_loses_nothing_untried() -> None:
    assert not given_up(head(created_at=0.0), 1.7e9, 3600.0)
    assert given_up(head(created_at=0.0, attempts=1), 1.7e9, 3600.0)


@given(
    answers=st.lists(st.sampled_from(["taken", "later", "hold"]), max_size=60),
    events=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    jitter=st.floats(0, 1),
)
def test_everything_arrives_once_in_order_and_never_too_early(
    answers: list[str], events: list[int], jitter: float
) -> None:
    """A sink that fails as it likes and works in the end."""
    waiting = [
        Head(str(number), event, "firing", 100.0 + number, 0, 100.0 + number)
        for number, event in enumerate(events)
    ]
    now, pace, arrived = 200.0, Pace(), []
    earliest: dict[str, float] = {}
    for answer in [*answers, *["taken"] * len(events)]:
        heads = list({h.event_id: h for h in reversed(waiting)}.values())
        wait = wait_seconds(heads, pace, now)
        if wait is None:
            break
        assert wait <= LONGEST_HOLD_SECONDS
        now += wait
        tried = choose(heads, pace, now)
        assert tried is not None, "what was waited for is due"
        assert now >= earliest.get(tried.key, 0.0)
        if answer == "taken":
            arrived.append(tried)
            waiting.remove(tried)
            pace = after_success(pace)
            continue
        changed, pace = after_failure(
            tried,
            pace,
            now,
            longest_pause_seconds=LONGEST,
            retry_after_seconds=90.0 if answer == "hold" else None,
            jitter=jitter,
        )
        earliest[tried.key] = now + 1.0
        waiting[waiting.index(tried)] = changed
    assert waiting == []
    assert sorted(int(h.key) for h in arrived) == list(range(len(events)))
    for event in set(events):
        keys = [int(h.key) for h in arrived if h.event_id == event]
        assert keys == sorted(keys)
