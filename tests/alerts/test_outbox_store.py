"""Changes of state and what they tell stand in the store together, on disk or in memory."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.alerts.keeper import RETRY_SECONDS, Keeper
from monitor.alerts.outbox_order import Head, Pace, choose
from monitor.alerts.routing import Route
from monitor.alerts.store import EventStore
from monitor.alerts.store_outbox import Settled
from monitor.clock import ManualClock
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from tests.support.decisions import WALL, decider, feed, frame

ROUTES = (Route("mail"), Route("hook"))


def burning() -> tuple[list[Transition], list[Transition], DeciderSnapshot]:
    """What a smoke that becomes fire brings, what its end brings, and the decision after it."""
    deciding = decider(hold=2, keep=3)
    frames = [frame(t, smoke=0.9) for t in range(4)]
    begin = feed(deciding, [*frames, *[frame(t, fire=0.9) for t in range(4, 9)]])
    end = feed(deciding, [frame(t) for t in range(9, 20)])
    return begin, end, deciding.snapshot()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=WALL + 100, monotonic=10.0)


@pytest.fixture
def keeper(tmp_path: Path, clock: ManualClock) -> Iterator[Keeper]:
    opened = Keeper(tmp_path / "events.db", clock=clock, count=lambda *_: None)
    opened.route(ROUTES)
    yield opened
    opened.close()


def delivered(keeper: Keeper, sink: str, clock: ManualClock) -> list[str]:
    """Take all that waits for a sink, in its order; what kind it was."""
    kinds: list[str] = []
    while heads := keeper.heads(sink):
        (head,) = heads
        kinds.append(head.kind)
        keeper.end_delivery(Settled(head.key, "delivered", "", clock.wall(), True))
    return kinds


def taken(keeper: Keeper, sink: str, clock: ManualClock) -> list[str]:
    """Take what is due for a sink; what kind it was."""
    kinds: list[str] = []
    while head := choose(keeper.heads(sink), Pace(), clock.wall()):
        kinds.append(head.kind)
        keeper.end_delivery(Settled(head.key, "delivered", "", clock.wall(), True))
    return kinds


def test_event_is_told_in_order_to_each_sink(keeper: Keeper, clock: ManualClock) -> None:
    begin, end, state = burning()
    keeper.record([*begin, *end], state)
    assert keeper.queue(clock.wall()) == {
        "mail": (3, clock.wall()),
        "hook": (3, clock.wall()),
    }
    for sink in ("mail", "hook"):
        assert delivered(keeper, sink, clock) == ["firing", "upgraded", "resolved"]
    (event,) = keeper.events(1, camera=None, before_id=None, open_only=False)
    assert [d.result for d in event.deliveries] == ["delivered"] * 6


def test_delivery_tells_of_its_own_step(keeper: Keeper, clock: ManualClock) -> None:
    begin, _, state = burning()
    keeper.record(begin, state)
    (head,) = keeper.heads("mail")
    brief = keeper.brief(head.key, "mail")
    assert brief is not None
    assert brief.step is not None
    step = brief.event.steps[brief.step]
    assert (step.alert, step.event, brief.told) == ("smoke", "firing", False)
    assert keeper.brief("unknown", "mail") is None


REMINDING = (Route("mail", escalate_to="mail", escalate_after_seconds=3600.0),)
ESCALATING = (
    Route("mail", escalate_to="oncall", escalate_after_seconds=3600.0),
    Route("sms", escalate_to="oncall", escalate_after_seconds=300.0),
    Route("oncall"),
)


def test_reminder_that_waits_holds_back_no_news(keeper: Keeper, clock: ManualClock) -> None:
    keeper.route(REMINDING)
    begin, end, state = burning()
    keeper.record(begin[:2], state)
    assert taken(keeper, "mail", clock) == ["firing"]
    assert [head.kind for head in keeper.heads("mail")] == ["escalation"], "it is waited for"
    keeper.record(begin[2:], state)
    assert taken(keeper, "mail", clock) == ["upgraded"]
    clock.advance(3600.0)
    assert taken(keeper, "mail", clock) == ["escalation"]
    keeper.record(end, state)
    assert taken(keeper, "mail", clock) == ["resolved"]


def test_of_two_escalations_the_earlier_comes_first(keeper: Keeper, clock: ManualClock) -> None:
    keeper.route(ESCALATING)
    begin, _, state = burning()
    keeper.record(begin[:2], state)
    clock.advance(300.0)
    assert taken(keeper, "oncall", clock) == ["escalation"]
    keeper.record(begin[2:], state)
    assert taken(keeper, "oncall", clock) == ["upgraded"]
    clock.advance(3300.0)
    assert taken(keeper, "oncall", clock) == ["escalation"]


@pytest.mark.parametrize("reason", ["acknowledged", "over"])
def test_escalation_that_nobody_needs_is_due_at_once(
    keeper: Keeper, clock: ManualClock, reason: str
) -> None:
    keeper.route(REMINDING)
    begin, _, state = burning()
    keeper.record(begin[:2], state)
    assert taken(keeper, "mail", clock) == ["firing"]
    if reason == "acknowledged":
        keeper.acknowledge(1, "anna", clock.wall())
    else:
        keeper.settle((), ())
    (head,) = keeper.heads("mail")
    assert (head.kind, head.next_try_at, head.over) == (
        "escalation", clock.wall(), reason == "over",
    )  # fmt: skip


def test_second_sink_is_not_told_anew_after_a_new_start(keeper: Keeper, clock: ManualClock) -> None:
    keeper.route(ESCALATING)
    begin, _, state = burning()
    keeper.record(begin, state)  # it became fire before it was escalated
    clock.advance(3600.0)
    assert taken(keeper, "oncall", clock) == ["escalation", "escalation"]
    keeper.acknowledge(1, "anna", clock.wall())
    keeper.announce([("dock", "smoke"), ("dock", "fire")])
    assert keeper.heads("oncall") == []
    assert taken(keeper, "mail", clock) == ["firing", "upgraded"], "each of them once"


def test_second_sink_hears_of_what_became_graver_under_a_silence(
    keeper: Keeper, clock: ManualClock
) -> None:
    keeper.route(ESCALATING)
    begin, _, state = burning()
    clock.step_wall(-7200.0)
    keeper.record(begin[:2], state)
    clock.advance(3600.0)
    assert taken(keeper, "oncall", clock) == ["escalation", "escalation"]
    clock.advance(3600.0)
    keeper.record([replace(t, silenced=True) for t in begin[2:]], state)
    assert keeper.heads("oncall") == []
    keeper.announce([("dock", "smoke"), ("dock", "fire")])
    assert taken(keeper, "oncall", clock) == ["upgraded"]


def test_old_news_is_outdated_once_a_later_fire_was_told(
    keeper: Keeper, clock: ManualClock
) -> None:
    begin, end, state = burning()
    keeper.record([*begin, *end], state)
    later = [replace(t, captured_at=t.captured_at + 60) for t in begin]
    keeper.record(later, state)
    first, second = keeper.heads("mail")
    assert not outdated(keeper, first)
    keeper.end_delivery(Settled(second.key, "delivered", "", clock.wall(), True))
    assert outdated(keeper, first)
    assert not outdated(keeper, second)
    (other, _) = keeper.heads("hook")
    brief = keeper.brief(other.key, "hook")
    assert brief is not None
    assert not brief.outdated, "each sink has its own"


def outdated(keeper: Keeper, head: Head) -> bool:
    brief = keeper.brief(head.key, "mail")
    assert brief is not None
    return brief.outdated


def test_silenced_alert_is_told_once_its_silence_ends(keeper: Keeper) -> None:
    begin, _, state = burning()
    keeper.record([replace(t, silenced=True) for t in begin[:2]], state)
    assert keeper.heads("mail") == []
    for _ in range(2):
        keeper.announce([("dock", "smoke"), ("gate", "smoke")])
    assert [head.kind for head in keeper.heads("mail")] == ["firing"]
    assert keeper.queue(2 * WALL)["mail"][0] == 1


def test_end_without_pictures_is_told(keeper: Keeper) -> None:
    begin, _, state = burning()
    keeper.record(begin[:2], state)
    keeper.settle((), ())
    assert keeper.queue(2 * WALL)["mail"][0] == 2


def test_sinks_are_told_while_the_disk_takes_nothing_and_nobody_twice(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "events.db"
    keeper = Keeper(path, clock=clock, count=lambda *_: None)
    keeper.route(ROUTES)
    begin, end, state = burning()
    keeper.record(begin[:1], state)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")  # as a disk that is full: nothing can be written
    keeper.record(begin[1:], state)
    assert keeper.in_memory
    assert keeper.fault
    assert keeper.waiting == len(begin) - 1
    assert delivered(keeper, "mail", clock) == ["firing", "upgraded"]
    (event,) = keeper.events(9, camera=None, before_id=None, open_only=True)
    keeper.acknowledge(event.id, "anna", clock.wall())
    keeper.add_evidence(
        event.id, "clip", "1.mp4", size_bytes=1, captured_at=1.0, created_at=clock.wall()
    )
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert keeper.in_memory, "it still takes nothing"
    other.execute("ROLLBACK")
    other.close()
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault, keeper.waiting) == (False, "", 0)
    keeper.record(end, state)
    keeper.close()
    again = Keeper(path, clock=clock, count=lambda *_: None)
    (event,) = again.events(9, camera=None, before_id=None, open_only=False)
    assert (event.acknowledged_by, event.state, len(event.steps)) == (
        "anna", "resolved", len(begin) + len(end),
    )  # fmt: skip
    assert [one.file for one in again.evidence_of(event.id)] == ["1.mp4"]
    assert delivered(again, "mail", clock) == ["resolved"]
    assert delivered(again, "hook", clock) == ["firing", "upgraded", "resolved"]
    again.close()


@pytest.mark.parametrize("damaged", [False, True], ids=["taken away", "damaged"])
def test_a_file_that_is_gone_meanwhile_is_made_anew_with_all_that_was_known(
    tmp_path: Path, clock: ManualClock, damaged: bool
) -> None:
    path = tmp_path / "events.db"
    keeper = Keeper(path, clock=clock, count=lambda *_: None)
    keeper.route(ROUTES)
    begin, end, state = burning()
    keeper.record(begin, state)
    clock.advance(600.0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    keeper.record(end, state)
    assert keeper.in_memory
    other.execute("ROLLBACK")
    other.close()
    for file in tmp_path.glob("events.db*"):
        file.unlink()
    if damaged:
        path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault, keeper.waiting) == (False, "", 0)
    keeper.close()
    again = Keeper(path, clock=clock, count=lambda *_: None)
    (event,) = again.events(9, camera=None, before_id=None, open_only=False)
    assert (event.state, len(event.steps)) == ("resolved", len(begin) + len(end))
    assert delivered(again, "mail", clock) == ["firing", "upgraded", "resolved"]
    assert again.load_states() == {state.camera: state}
    again.close()


def test_what_commands_wrote_to_the_file_meanwhile_stays(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "events.db"
    keeper = Keeper(path, clock=clock, count=lambda *_: None)
    begin, end, state = burning()
    keeper.record(begin, state)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    keeper.record(end, state)
    assert keeper.fault, "it goes on in memory"
    keeper.judge(1, "confirmed", "in memory", clock.wall() + 1)
    other.execute("UPDATE events SET acknowledged_at = 5, acknowledged_by = 'by command'")
    other.execute("UPDATE events SET verdict = 'false', verdict_at = 5, verdict_by = 'by command'")
    other.execute("COMMIT")
    other.close()
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault) == (False, "")
    event = keeper.event(1)
    assert event is not None
    assert (event.state, event.acknowledged_by) == ("resolved", "by command")
    assert (event.verdict, event.verdict_by) == ("confirmed", "in memory")
    keeper.close()


def test_end_that_cannot_be_written_is_not_forgotten(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "events.db"
    keeper = Keeper(path, clock=clock, count=lambda *_: None)
    keeper.route(ROUTES)
    keeper.record(*burning()[::2])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    (head,) = keeper.heads("mail")
    keeper.end_delivery(Settled(head.key, "delivered", "", clock.wall(), True))
    assert keeper.unwritten
    assert [h.kind for h in keeper.heads("mail")] != [head.kind], "it is not sent twice"
    other.execute("ROLLBACK")
    other.close()
    keeper.tend()
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    keeper.close()
    store = EventStore.open(path)
    assert [h.kind for h in store.heads("mail")] == ["upgraded"]
    store.close()


def test_end_that_the_disk_did_not_take_holds_back_nothing(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "events.db"
    keeper = Keeper(path, clock=clock, count=lambda *_: None)
    keeper.route(ROUTES)
    begin, end, state = burning()
    keeper.record(begin, state)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # as a disk that is full
    (head,) = keeper.heads("mail")
    keeper.end_delivery(Settled(head.key, "delivered", "", clock.wall(), True))
    keeper.record(end, state)
    assert keeper.in_memory
    assert [h.kind for h in keeper.heads("mail")] == ["upgraded"]
    other.execute("ROLLBACK")
    other.close()
    keeper.close()
    store = EventStore.open(path)
    assert [h.kind for h in store.heads("mail")] == ["upgraded"]
    store.close()


def test_what_waits_for_a_sink_that_is_gone_ends_after_weeks(tmp_path: Path) -> None:
    now = WALL
    store = EventStore.open(tmp_path / "events.db", now=lambda: now)
    store.routes = ROUTES
    store.record(*burning()[0])
    store.routes = ROUTES[:1]
    now += 14 * 86400
    store.prune(0.0)
    assert store.heads("hook")
    now += 2 * 86400
    store.prune(0.0)
    assert store.heads("hook") == []
    assert store.heads("mail"), "a sink that is there tries as long as it is told to"
    (event,) = store.events()
    assert {(d.sink, d.result) for d in event.deliveries} == {("mail", None), ("hook", "expired")}
    store.close()
