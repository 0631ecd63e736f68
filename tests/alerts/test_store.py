"""The event store, on real files, real signals and a real full disk."""

import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts import migrations
from monitor.alerts.store import EventStore
from monitor.decision.state import AlertState, Transition
from monitor.errors import StoreError
from monitor.inference.scored import Box
from tests.support.decisions import decider, feed, frame

PROJECT = Path(__file__).resolve().parents[2]


def smoke_that_becomes_fire() -> list[Transition]:
    frames = [frame(t, smoke=0.9) for t in range(5)]
    frames += [frame(t, fire=0.8, smoke=0.1) for t in range(5, 10)]
    frames += [frame(t) for t in range(10, 20)]
    return feed(decider(hold=2, keep=3), frames)


def test_smoke_that_becomes_fire_is_one_event_called_fire(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    transitions = smoke_that_becomes_fire()
    store.record(*transitions)
    (event,) = store.events()
    assert (event.camera, event.label, event.alert) == ("dock", "fire", "fire")
    assert event.state == "resolved"
    assert [step.event for step in event.steps] == [t.event for t in transitions]
    assert [step.why for step in event.steps] == [t.why for t in transitions]
    assert event.began_at == transitions[0].captured_at
    assert event.fired_at == transitions[1].captured_at
    assert event.ended_at == transitions[-1].captured_at
    assert event.peak_score == max(t.score for t in transitions)
    store.close()


def test_boxes_of_steps_are_kept_and_the_newest_is_the_events(tmp_path: Path) -> None:
    pending, firing, resolved = feed(
        decider(), [frame(t, fire=0.9 if t < 4 else 0.0) for t in range(12)]
    )
    first, second = Box(0.1, 0.2, 0.3, 0.4), Box(0.125, 0.25, 0.5, 1.0)
    store = EventStore.open(tmp_path / "events.db")
    store.record(replace(pending, box=first), replace(firing, box=second), resolved)
    (event,) = store.events()
    assert [step.box for step in event.steps] == [first, second, None]
    assert event.box == second
    store.close()


def test_store_from_before_boxes_is_read_and_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as before:
        before.setattr(migrations, "STEPS", migrations.STEPS[:1])
        migrations.migrate(connection)
    then = asdict(smoke_that_becomes_fire()[0].why)
    del then["evidence"]  # younger than boxes
    why = json.dumps(then)
    connection.execute(
        "INSERT INTO events (camera, incident, alert, label, state, began_at, peak_score) "
        "VALUES ('dock', 'hazard', 'smoke', 'smoke', 'pending', 1.0, 0.9)"
    )
    connection.execute(
        "INSERT INTO transitions (event_id, alert, label, event, at, score, why) "
        "VALUES (1, 'smoke', 'smoke', 'pending', 1.0, 0.9, ?)",
        (why,),
    )
    connection.close()
    store = EventStore.open(path)
    (event,) = store.events()
    assert (event.box, event.steps[0].box) == (None, None)
    store.record(replace(smoke_that_becomes_fire()[1], box=Box(0.0, 0.0, 0.5, 0.5)))
    (event,) = store.events()
    assert (event.id, event.box) == (1, Box(0.0, 0.0, 0.5, 0.5))
    store.close()


def test_event_is_open_until_its_last_alert_ends(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    transitions = smoke_that_becomes_fire()
    for count, transition in enumerate(transitions, start=1):
        store.record(transition)
        (event,) = store.events()
        assert event.open == (count < len(transitions))
    store.close()


def test_pending_that_ends_is_an_event_that_never_fired(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    store.record(*feed(decider(), [frame(0, smoke=0.9), frame(1)]))
    (event,) = store.events()
    assert (event.state, event.fired_at) == ("inactive", None)
    store.close()


def test_leading_label_that_changes_while_pending_stays_one_event(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    store.record(*feed(decider(hold=9), [frame(0, 0.5, 0.4), frame(1, 0.4, 0.5)]))
    (event,) = store.events()
    assert (event.label, event.state) == ("smoke", "pending")
    store.close()


def test_events_and_states_survive_closing(tmp_path: Path) -> None:
    camera = decider(half_life=1.0)
    transitions = feed(camera, [frame(t, fire=0.9) for t in range(4)])
    store = EventStore.open(tmp_path / "events.db")
    store.record(*transitions, state=camera.snapshot())
    before = store.events()
    store.close()
    store = EventStore.open(tmp_path / "events.db")
    assert store.events() == before
    assert store.load_states() == {"dock": camera.snapshot()}
    assert store.set_aside is None
    store.close()


def test_newer_state_replaces_the_one_before(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    camera = decider()
    for t in range(3):
        feed(camera, [frame(t, fire=0.4)])
        store.save_states([camera.snapshot()])
    assert store.load_states() == {"dock": camera.snapshot()}
    store.close()


def test_state_of_another_format_is_left_out(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    store.save_states([decider().snapshot()])
    store.close()
    with sqlite3.connect(tmp_path / "events.db") as raw:
        raw.execute("UPDATE decisions SET snapshot = '{\"format\": 99}'")
    raw.close()
    store = EventStore.open(tmp_path / "events.db")
    assert store.load_states() == {}
    store.close()


def test_events_are_read_newest_first_and_in_pages(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    frames = [frame(t, smoke=0.9 * (t % 2)) for t in range(20)]
    store.record(*feed(decider(), frames))
    every = store.events()
    assert [e.began_at for e in every] == sorted((e.began_at for e in every), reverse=True)
    first = store.events(4)
    assert first + store.events(100, before_id=first[-1].id) == every
    assert [e.open for e in store.events(open_only=True)] == [True]
    assert store.events(camera="gate") == []
    store.close()


def test_open_event_of_a_removed_rule_is_ended(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    store.record(*feed(decider(), [frame(t, fire=0.9) for t in range(4)]))
    assert store.end_abandoned({("dock", "fire")}, at=5.0) == 0
    assert store.end_abandoned(set(), at=5.0) == 1
    (event,) = store.events()
    assert (event.state, event.ended_at) == ("resolved", 5.0)
    store.close()


def test_old_events_are_pruned_and_open_ones_kept(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    store.record(*feed(decider(), [frame(0, fire=0.9), frame(1), frame(2, fire=0.9)]))
    assert store.prune(before=1e12) == 1
    assert [event.open for event in store.events()] == [True]
    store.close()


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 4000), filler=st.binary(min_size=1, max_size=4000))
def test_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path_factory: pytest.TempPathFactory, cut: int, filler: bytes
) -> None:
    path = tmp_path_factory.mktemp("state") / "events.db"
    store = EventStore.open(path)
    store.record(*smoke_that_becomes_fire())
    store.close()
    damaged = bytearray(path.read_bytes())
    damaged[cut : cut + len(filler)] = filler
    path.write_bytes(damaged)
    try:
        store = EventStore.open(path, now=lambda: 0.0)
    except StoreError:
        return  # the header says that it is another program's: not ours to move
    if store.set_aside is not None:
        assert store.set_aside.name == "events.db.corrupt-19700101T000000Z"
        assert store.set_aside.read_bytes() == bytes(damaged)
        assert store.events() == []
    store.record(*smoke_that_becomes_fire())
    store.close()


def test_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"not a database" * 1000)
    store = EventStore.open(path)
    assert store.set_aside is not None
    assert store.set_aside.exists()
    store.close()


def test_database_of_another_program_is_refused(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "events.db")
    raw.execute("CREATE TABLE music (title)")
    raw.close()
    with pytest.raises(StoreError, match="another program"):
        EventStore.open(tmp_path / "events.db")


def test_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    EventStore.open(tmp_path / "events.db").close()
    raw = sqlite3.connect(tmp_path / "events.db")
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(StoreError, match="schema 99"):
        EventStore.open(tmp_path / "events.db")


def test_path_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.db").mkdir()
    with pytest.raises(StoreError, match=r"events\.db: cannot be opened"):
        EventStore.open(tmp_path / "events.db")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file is no folder"):
        EventStore.open(tmp_path / "file" / "events.db")


WRITER = """
    import sys
    from pathlib import Path
    from monitor.alerts.store import EventStore
    from tests.support.decisions import decider, feed, frame

    store = EventStore.open(Path(sys.argv[1]))
    camera = decider(hold=0, keep=0)
    at = 0
    while True:
        at += 1
        for transition in camera.update(frame(at, fire=at % 2)):
            store.record(transition, state=camera.snapshot())
            print(transition.event, transition.captured_at, flush=True)
"""


def test_store_of_a_killed_process_holds_all_that_was_recorded(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / str(number) / "events.db"
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(20 + 7 * number)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.read().splitlines()
        writer.wait()
        writer.stdout.close()
        store = EventStore.open(path)
        assert store.set_aside is None
        kept = [
            f"{step.event} {step.at}"
            for event in reversed(store.events(10_000))
            for step in event.steps
        ]
        told = [line.strip() for line in told]
        assert kept[: len(told)] == told
        # The state is that after the last transition: nothing is raised a second time.
        (rule, _) = store.load_states()["dock"].rules
        assert (rule.state == "inactive") == (not store.events(open_only=True))
        store.close()


FULL_DISK = """
    import resource, sys
    from pathlib import Path
    from monitor.alerts.store import EventStore
    from monitor.errors import StoreError
    from tests.support.decisions import decider, feed, frame

    path = Path(sys.argv[1])
    store = EventStore.open(path)
    frames = [frame(t, fire=t % 2) for t in range(400)]
    transitions = feed(decider(hold=0, keep=0), frames)
    store.record(transitions[0])
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 20_000, resource.RLIM_INFINITY))
    errors = []
    for transition in transitions[1:]:
        try:
            store.record(transition)
        except StoreError as error:
            errors.append(str(error))
    print(len(errors), store.failing, store.waiting > 0, store.lost)
    print(errors[0])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.flush()
    kept = sum(len(event.steps) for event in store.events(10_000))
    print(store.failing, store.waiting, kept == len(transitions))
    store.close()
"""


def test_full_disk_is_told_once_and_nothing_is_lost_when_it_is_back(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "events.db")],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.stderr == ""
    told, sentence, after = done.stdout.splitlines()
    assert told == "1 True True 0"
    assert "cannot be written" in sentence
    assert after == "False 0 True"


def test_what_cannot_be_written_is_bounded_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.alerts.store.MAX_WAITING", 10)
    monkeypatch.setattr("monitor.alerts.database.BUSY_SECONDS", 0.0)
    store = EventStore.open(tmp_path / "events.db")
    blocker = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    transitions = feed(decider(), [frame(t, fire=0.9 * (t % 2)) for t in range(30)])
    with pytest.raises(StoreError, match="locked"):
        store.record(transitions[0])
    for transition in transitions[1:]:
        store.record(transition)
    assert (store.waiting, store.lost) == (10, len(transitions) - 10)
    blocker.execute("ROLLBACK")
    blocker.close()
    store.close()


def test_closing_with_unwritten_transitions_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.alerts.database.BUSY_SECONDS", 0.0)
    store = EventStore.open(tmp_path / "events.db")
    blocker = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.record(*smoke_that_becomes_fire())
    with pytest.raises(StoreError, match="closed with 6 transitions"):
        store.close()
    blocker.close()


def test_restart_between_frames_raises_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    frames = [frame(t, smoke=0.9) for t in range(5)] + [frame(t) for t in range(5, 14)]
    for scored in frames:
        store = EventStore.open(path)
        camera = decider(hold=2, keep=3)
        for snapshot in store.load_states().values():
            camera.restore(snapshot)
        store.record(*camera.update(scored), state=camera.snapshot())
        store.close()
    store = EventStore.open(path)
    (event,) = store.events()
    assert [step.event for step in event.steps] == ["pending", "firing", "resolved"]
    store.close()


def test_state_is_what_the_last_transition_left(tmp_path: Path) -> None:
    store = EventStore.open(tmp_path / "events.db")
    camera = decider(hold=0)
    store.record(*camera.update(frame(0, fire=0.9)), state=camera.snapshot())
    again = decider(hold=0)
    again.restore(store.load_states()["dock"])
    assert again.states()["fire"] is AlertState.FIRING
    store.close()


def test_a_state_that_could_not_be_written_waits_with_its_transitions(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    deciding = decider(keep=0.0)
    store = EventStore.open(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    store.record(
        *feed(deciding, [frame(float(at), fire=0.9) for at in range(4)]), state=deciding.snapshot()
    )
    blocker.execute("BEGIN IMMEDIATE")
    resolved = feed(deciding, [frame(4.0), frame(5.0)])
    assert [transition.event for transition in resolved] == ["resolved"]
    with pytest.raises(StoreError, match="cannot be written"):
        store.record(*resolved, state=deciding.snapshot())
    blocker.execute("ROLLBACK")
    blocker.close()
    store.flush()
    assert store.load_states() == {"dock": deciding.snapshot()}
    assert store.events()[0].state == "resolved"
    store.close()
