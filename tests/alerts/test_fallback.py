"""What happens while memory stands for the file is in the file afterwards, as if it had been."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts import silence_tables
from monitor.alerts.keeper import RETRY_SECONDS, Keeper
from monitor.alerts.routing import Route
from monitor.alerts.store import EventStore
from monitor.alerts.store_outbox import Settled
from monitor.clock import ManualClock
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from monitor.errors import StoreError
from monitor.web.desk import Desk
from tests.support.decisions import WALL, decider, feed, frame

ROUTES = (Route("mail"), Route("hook", pending=True))
CHANGES = {
    (change.event, change.alert): change
    for change in feed(
        decider(hold=2, keep=3, certain=2.0),
        [frame(t, fire=0.9 * (t < 5), smoke=0.9 * (t < 5)) for t in range(12)],
    )
}

Step = tuple[Callable[[EventStore, float], object], int]


def changed(event: str, alert: str) -> Callable[[EventStore, float], object]:
    def work(store: EventStore, at: float) -> None:
        store.record(replace(CHANGES[event, alert], captured_at=at, incident="hazard"))

    return work


def camera_gone(store: EventStore, at: float) -> None:
    store.end_abandoned((), at=at)


def acknowledged(store: EventStore, at: float) -> None:
    for event in store.events():
        store.acknowledge(event.id, f"anna{at}", at)


def judged(store: EventStore, at: float) -> None:
    for event in store.events():
        store.judge(event.id, "false", "anna", at)


def pictured(store: EventStore, at: float) -> None:
    for event in store.events(limit=1):
        name = f"{at}.jpg"
        store.add_evidence(event.id, "clip", name, size_bytes=1, captured_at=at, created_at=at)


def sent(store: EventStore, at: float) -> None:
    store.settle([Settled(h.key, "delivered", "", at, True) for h in store.heads("mail")])


def refused(store: EventStore, at: float) -> None:
    for head in store.heads("hook"):
        store.postpone(replace(head, attempts=head.attempts + 1, next_try_at=at), "no answer")


def silenced(store: EventStore, at: float) -> None:
    store.change_with(
        lambda connection: silence_tables.add(
            connection, camera="dock", label=None, created_at=at, ends_at=at + 50,
            created_by="anna", comment="",
        )
    )  # fmt: skip


def heard_again(store: EventStore, at: float) -> None:
    def work(connection: sqlite3.Connection) -> None:
        for number in range(1, 4):
            silence_tables.expire(connection, number, at)

    store.change_with(work)


WORKS = [
    *[changed(*key) for key in sorted(CHANGES)],
    camera_gone, acknowledged, judged, pictured, sent, refused, silenced, heard_again,
]  # fmt: skip


def content(store: EventStore) -> list[object]:
    """What a store holds. Deliveries of one event may stand in another order; of two verdicts
    that are the same the later counts, which is not the newer where the clock was set back."""
    events = [replace(event, deliveries=(), verdict_at=None) for event in store.events(limit=1000)]
    told = [sorted(map(repr, event.deliveries)) for event in store.events(limit=1000)]
    files = [store.evidence_of(event.id) for event in events]
    return [events, told, files, store.silences(), [store.heads(r.sink) for r in ROUTES]]


def burning(begin: float = 0.0) -> tuple[list[Transition], list[Transition], DeciderSnapshot]:
    """What a fire brings, what its end brings, and the decision after it."""
    deciding = decider(hold=2, keep=3)
    start = feed(deciding, [frame(begin + t, fire=0.9) for t in range(6)])
    end = feed(deciding, [frame(begin + t) for t in range(6, 20)])
    return start, end, deciding.snapshot()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=WALL + 100, monotonic=10.0)


@pytest.fixture
def keeper(tmp_path: Path, clock: ManualClock) -> Iterator[Keeper]:
    opened = Keeper(tmp_path / "events.db", clock=clock, count=lambda *_: None)
    opened.route(ROUTES[:1])
    yield opened
    opened.close()


@contextmanager
def disk_full(keeper: Keeper, path: Path, clock: ManualClock) -> Iterator[None]:
    """Nothing can be written to the file; afterwards it is taken up again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with suppress(StoreError):
            keeper.change_with(lambda connection: connection.execute("SELECT 1"))
        keeper.tend()
        assert keeper.in_memory
        yield
        other.execute("ROLLBACK")
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault) == (False, "")


def told(keeper: Keeper, sink: str) -> list[str]:
    """What waits for a sink, which takes it."""
    kinds: list[str] = []
    while heads := keeper.heads(sink):
        for head in heads:
            kinds.append(head.kind)
            keeper.end_delivery(Settled(head.key, "delivered", "", 0.0, True))
    return kinds


def test_two_events_stay_two_and_the_end_of_the_second_is_told(
    tmp_path: Path, keeper: Keeper, clock: ManualClock
) -> None:
    first, _, state = burning()
    second, end, later = burning(100.0)
    keeper.record(first, state)
    assert told(keeper, "mail") == ["firing"]
    with disk_full(keeper, tmp_path / "events.db", clock):
        keeper.settle((), ())  # a reload takes the camera out
        keeper.record(second, later)  # and another gave it back
        assert told(keeper, "mail") == ["resolved", "firing"]
    assert told(keeper, "mail") == []
    new, old = keeper.events(9, camera=None, before_id=None, open_only=False)
    assert (old.state, len(old.steps)) == ("resolved", len(first))
    assert (new.state, new.began_at) == ("firing", second[0].captured_at)
    keeper.record(end, later)
    assert told(keeper, "mail") == ["resolved"]


def test_sink_that_came_meanwhile_is_told_of_no_event_that_was_over(
    tmp_path: Path, keeper: Keeper, clock: ManualClock
) -> None:
    begin, end, state = burning()
    keeper.save_states([state])  # the file is not one to be made anew
    with disk_full(keeper, tmp_path / "events.db", clock):
        keeper.record([*begin, *end], state)
        keeper.route(ROUTES)
    assert keeper.heads("hook") == []
    assert told(keeper, "mail") == ["firing", "resolved"]


def test_delivery_still_tells_of_its_step(
    tmp_path: Path, keeper: Keeper, clock: ManualClock
) -> None:
    begin, _, state = burning()
    keeper.save_states([state])  # the file is not one to be made anew
    with disk_full(keeper, tmp_path / "events.db", clock):
        keeper.record(begin, state)
    (head,) = keeper.heads("mail")
    brief = keeper.brief(head.key, "mail")
    assert brief is not None
    assert brief.step is not None
    assert brief.event.steps[brief.step].event == "firing"


def test_silences_that_were_set_and_ended_meanwhile_stay_so(
    tmp_path: Path, keeper: Keeper, clock: ManualClock
) -> None:
    desk = Desk(clock=clock, thumbnail=lambda _: None)
    desk.kept_by(keeper, tmp_path)
    old = desk.silence("dock", None, seconds=86400, by="anna", comment="welding")
    stays = desk.silence("dock", "smoke", seconds=86400, by="anna", comment="fog")
    with disk_full(keeper, tmp_path / "events.db", clock):
        clock.step_wall(-50)  # the clock was ahead
        desk.silence("gate", "fire", seconds=86400, by="anna", comment="grill")
        assert desk.end_silence(old.id, "anna") is not None
    assert {(s.camera, s.label, s.comment) for s in desk.silences()} == {
        ("dock", "smoke", "fog"),
        ("gate", "fire", "grill"),
    }
    assert stays in desk.silences()


def test_open_event_that_memory_could_not_know_goes_on(tmp_path: Path) -> None:
    begin, end, _ = burning(100.0)
    file = EventStore.open(tmp_path / "events.db")
    memory = EventStore.in_memory()
    for store, transitions in ((file, burning()[0]), (memory, begin)):
        store.routes = ROUTES[:1]
        store.record(*transitions)
    file.absorb(memory)
    file.record(*end)
    (event,) = file.events()
    assert (event.state, event.began_at, event.fired_at) == ("resolved", WALL, WALL + 2)
    assert [delivery.kind for delivery in event.deliveries] == ["firing", "firing", "resolved"]
    file.close()
    memory.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(WORKS), st.sampled_from([1, 2, 30, -40])), max_size=25),
    st.integers(0, 25),
    st.integers(0, 25),
)
def test_what_happens_in_memory_is_in_the_file_as_if_it_had_happened_there(
    steps: list[Step], begin: int, length: int
) -> None:
    now = elapsed = WALL
    with TemporaryDirectory() as folder:
        reference = EventStore.open(Path(folder) / "reference.db", now=lambda: now)
        file = store = EventStore.open(Path(folder) / "events.db", now=lambda: now)
        for number, (work, seconds) in enumerate(steps):
            if number == begin:
                store = file.copied_to_memory()
            if number == begin + length and store is not file:
                file.absorb(store)
                store.close()
                store = file
            elapsed += seconds
            now = elapsed + number / 1000  # no two events begin at the same time
            for one in (reference, store):
                one.routes = ROUTES
                work(one, now)
        if store is not file:
            file.absorb(store)
            store.close()
        assert content(file) == content(reference)
        file.close()
        reference.close()
