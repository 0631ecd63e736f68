"""Events are kept whatever the disk does, and what fails is said and counted."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.alerts.keeper import RETRY_SECONDS, Keeper
from monitor.alerts.routing import Route
from monitor.alerts.store import EventStore
from monitor.clock import ManualClock
from monitor.decision.decider import Decider
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import Transition
from tests.support.decisions import decider, feed, frame


class Counts:
    """What the keeper counted: operation and whether it failed."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, bool]] = Counter()

    def __call__(self, operation: str, failed: bool) -> None:
        self.seen[operation, failed] += 1


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_000.0, monotonic=10.0)


@pytest.fixture
def counts() -> Counts:
    return Counts()


def burning() -> tuple[list[Transition], DeciderSnapshot]:
    """The changes of state that a fire brings, and the decision after them."""
    deciding: Decider = decider()
    transitions = feed(deciding, [frame(float(second), fire=0.97) for second in range(6)])
    assert transitions
    return transitions, deciding.snapshot()


@pytest.fixture
def blocked(tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """A store that cannot be opened, since its folder is a file; and what mends that."""
    folder = tmp_path / "state"
    folder.write_text("in the way", encoding="utf-8")

    return folder / "events.db", folder.unlink


def test_what_is_recorded_is_there_after_a_new_start(
    tmp_path: Path, clock: ManualClock, counts: Counts
) -> None:
    path = tmp_path / "events.db"
    transitions, state = burning()
    keeper = Keeper(path, clock=clock, count=counts)
    keeper.record(transitions, state)
    keeper.close()
    again = Keeper(path, clock=clock, count=counts)
    assert again.load_states() == {state.camera: state}
    again.close()
    assert counts.seen == {("write", False): 1, ("read", False): 1}


def test_a_store_that_cannot_be_opened_is_kept_in_memory_and_said(
    blocked: tuple[Path, Callable[[], None]], clock: ManualClock, counts: Counts
) -> None:
    path, _ = blocked
    transitions, state = burning()
    keeper = Keeper(path, clock=clock, count=counts)
    assert keeper.in_memory
    assert str(path.parent) in keeper.fault
    keeper.record(transitions, state)
    assert keeper.waiting == len(transitions)
    assert keeper.load_states() == {state.camera: state}
    assert counts.seen["read", True] == 1
    keeper.close()


def test_what_was_in_memory_reaches_the_disk_once_it_can_be_opened(
    blocked: tuple[Path, Callable[[], None]], clock: ManualClock, counts: Counts
) -> None:
    path, mend = blocked
    transitions, state = burning()
    keeper = Keeper(path, clock=clock, count=counts)
    keeper.record(transitions, state)
    keeper.tend()
    assert keeper.in_memory, "not before the time"
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert keeper.in_memory, "still blocked"
    mend()
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault, keeper.waiting) == (False, "", 0)
    keeper.close()
    store = EventStore.open(path)
    try:
        assert store.load_states() == {state.camera: state}
        assert [event.alert for event in store.events(open_only=True)] == ["fire"]
    finally:
        store.close()


def test_states_are_not_on_disk_before_the_events_that_led_to_them(
    blocked: tuple[Path, Callable[[], None]], clock: ManualClock, counts: Counts
) -> None:
    path, mend = blocked
    transitions, state = burning()
    quiet = decider().snapshot()
    assert quiet.camera == state.camera
    keeper = Keeper(path, clock=clock, count=counts)
    keeper.record(transitions, state)
    mend()
    store = EventStore.open(path)
    store.save_states([quiet])
    store.change_with(
        lambda connection: connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON transitions "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    )
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert keeper.in_memory, "the events are refused"
    assert store.load_states() == {quiet.camera: quiet}
    store.change_with(lambda connection: connection.execute("DROP TRIGGER refuse"))
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault) == (False, "")
    assert store.load_states() == {state.camera: state}
    store.close()
    keeper.close()


def test_what_is_announced_as_the_first_write_that_fails_is_not_lost(
    tmp_path: Path, clock: ManualClock, counts: Counts
) -> None:
    path = tmp_path / "events.db"
    transitions, state = burning()
    keeper = Keeper(path, clock=clock, count=counts)
    keeper.record(transitions, state)
    keeper.route([Route("mail")])
    assert keeper.heads("mail") == []
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    keeper.announce([("dock", "fire")])
    assert keeper.in_memory
    assert [head.kind for head in keeper.heads("mail")] == ["firing"]
    other.execute("ROLLBACK")
    other.close()
    clock.advance(RETRY_SECONDS)
    keeper.tend()
    assert (keeper.in_memory, keeper.fault) == (False, "")
    assert [head.kind for head in keeper.heads("mail")] == ["firing"]
    keeper.close()


def test_a_damaged_store_is_set_aside_and_counted(
    tmp_path: Path, clock: ManualClock, counts: Counts
) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    keeper = Keeper(path, clock=clock, count=counts)
    assert not keeper.in_memory
    assert keeper.load_states() == {}
    assert list(tmp_path.glob("events.db.corrupt-*"))
    assert counts.seen["read", True] == 1
    keeper.close()


def test_the_state_of_a_camera_that_is_gone_is_forgotten_and_its_event_ends(
    tmp_path: Path, clock: ManualClock, counts: Counts
) -> None:
    transitions, state = burning()
    keeper = Keeper(tmp_path / "events.db", clock=clock, count=counts)
    keeper.record(transitions, state)
    assert keeper.open_since() == {("dock", "fire"): transitions[-1].captured_at}
    keeper.settle({"dock"}, {("dock", "fire")})
    assert keeper.load_states() == {"dock": state}
    keeper.settle({"gate"}, set())
    assert (keeper.load_states(), keeper.open_since()) == ({}, {})
    keeper.close()


def test_events_are_deleted_a_year_after_their_end(
    tmp_path: Path, clock: ManualClock, counts: Counts
) -> None:
    path = tmp_path / "events.db"
    transitions, state = burning()
    clock.step_wall(transitions[-1].captured_at)
    keeper = Keeper(path, clock=clock, count=counts)
    keeper.record(transitions, state)
    keeper.settle((), ())
    for days, left in ((364, 1), (2, 0)):
        clock.advance(days * 86400.0)
        keeper.tend()
        store = EventStore.open(path)
        assert len(store.events()) == left
        store.close()
    keeper.close()


def test_nothing_is_deleted_or_given_up_while_the_clock_is_ahead_after_a_boot(
    tmp_path: Path, clock: ManualClock, counts: Counts
) -> None:
    path = tmp_path / "events.db"
    transitions, state = burning()
    clock.step_wall(transitions[-1].captured_at)
    keeper = Keeper(path, clock=clock, count=counts)
    keeper.route([Route("mail")])
    keeper.record(transitions, state)
    keeper.settle((), ())
    keeper.close()
    clock.step_wall(400 * 86400.0)
    again = Keeper(path, clock=clock, count=counts)
    again.route([Route("mail")])
    for _ in range(30):
        clock.advance(RETRY_SECONDS)
        again.tend()
    assert [head.kind for head in again.heads("mail")] == ["firing"]
    again.close()


def test_nothing_is_left_in_shared_memory_however_the_process_ends(
    blocked: tuple[Path, Callable[[], None]], clock: ManualClock, counts: Counts
) -> None:
    path, _ = blocked
    before = set(Path("/dev/shm").glob("emberwatch-*"))
    keeper = Keeper(path, clock=clock, count=counts)
    assert keeper.in_memory
    assert set(Path("/dev/shm").glob("emberwatch-*")) == before
    keeper.close()
    assert set(Path("/dev/shm").glob("emberwatch-*")) == before
