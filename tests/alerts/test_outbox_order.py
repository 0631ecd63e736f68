"""When deliveries are tried: order, back-off, giving up, whatever the sink answers."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.outbox_order import (
    LONGEST_HOLD_SECONDS,
    TURN_OF_THE_LONGEST,
    Head,
    Pace,
    after_failure,
    after_success,
    back_off_seconds,
    choose,
    due_at,
    given_up,
    nothing_to_try,
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


def outage(events: int) -> list[Head]:
    """One event every ten minutes, all of them over, tried in vain."""
    return [
        head(str(n), n, created_at=600.0 * n, attempts=9, next_try_at=600.0 * events - n, over=True)
        for n in range(events)
    ]


def test_new_fire_comes_before_what_an_outage_has_left() -> None:
    waiting, now = outage(72), 72 * 600.0
    fire = head("fire", 99, created_at=now, next_try_at=now)
    for tries in range(TURN_OF_THE_LONGEST):
        first = choose([*waiting, fire], Pace(tries=tries), now)
        assert first is not None
        if first != fire:  # the turn of what has waited longest: the fire is next
            rest = [one for one in waiting if one != first]
            assert choose([*rest, fire], after_success(Pace(tries=tries)), now) == fire


def test_what_burns_comes_before_what_is_over_and_the_newest_of_it_first() -> None:
    over = head("over", 1, created_at=990.0, over=True)
    long_ago, later = head("long ago", 2, created_at=100.0), head("later", 3, created_at=500.0)
    fresh, fresher = head("fresh", 4, created_at=950.0), head("fresher", 5, created_at=980.0)
    waiting, order = [over, long_ago, fresher, later, fresh], []
    while waiting:
        first = choose(waiting, Pace(), 1000.0)
        assert first is not None
        order.append(first.key)
        waiting.remove(first)
    assert order == ["fresh", "fresher", "later", "long ago", "over"]


@given(
    old=st.lists(
        st.tuples(st.floats(0, 9_000), st.booleans(), st.integers(0, 30)), min_size=1, max_size=8
    ),
    answers=st.lists(st.booleans(), min_size=50, max_size=50),
)
def test_nothing_starves_however_much_is_new(
    old: list[tuple[float, bool, int]], answers: list[bool]
) -> None:
    """A new alert comes in with each try; some old ones never get through."""
    waiting = [
        head(str(n), n, created_at=at, next_try_at=at, over=over, attempts=tries)
        for n, (at, over, tries) in enumerate(old)
    ]
    now, pace, seen = 10_000.0, Pace(), set()
    for number in range(TURN_OF_THE_LONGEST * len(old)):
        now += 2.0
        new = head(f"new {number}", 100 + number, created_at=now, next_try_at=now)
        waiting.append(new)
        tried = choose(waiting, pace, now)
        assert tried is not None
        seen.add(tried.key)
        if tried.event_id < 100 and answers[number % len(answers)]:
            waiting[waiting.index(tried)] = failed(tried, pace, now)[0]
        else:
            waiting.remove(tried)
        pace = after_success(pace)
    assert {str(n) for n in range(len(old))} <= seen


def test_what_always_fails_does_not_keep_the_rest_from_being_tried() -> None:
    """It burns and is the newest; each try of it makes all others wait."""
    bad, good = head("bad", 1, created_at=200.0), head("good", 2, over=True, attempts=1)
    now, pace = 1_000.0, Pace()
    for _ in range(TURN_OF_THE_LONGEST):
        now += wait_seconds([bad, good], pace, now) or 0.0
        tried = choose([bad, good], pace, now)
        if tried == good:
            return
        bad, pace = failed(bad, pace, now)
    raise AssertionError("the other was never tried")


def test_escalations_that_wait_for_their_time_are_nothing_to_try() -> None:
    waiting = head(kind="escalation", next_try_at=400.0)
    assert nothing_to_try([], 100.0)
    assert nothing_to_try([waiting], 100.0)
    assert not nothing_to_try([waiting], 400.0)
    assert not nothing_to_try([replace(waiting, attempts=1)], 100.0)
    assert not nothing_to_try([waiting, head("b", 2, next_try_at=400.0)], 100.0)
