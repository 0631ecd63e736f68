"""Threads of sinks on a real store: order, failures, escalation, reloads; and nothing is lost."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from structlog.testing import capture_logs

from monitor.alerts.routing import Route
from monitor.clock import SystemClock
from monitor.errors import Permanent, Retryable
from tests.support.accelerated import FastClock
from tests.support.daemon import wait_for
from tests.support.outbox import Ear, Stand
from tests.support.sinks import Hook, hook

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path / "events.db", SystemClock())
    yield made
    made.close()


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path / "events.db", FastClock(60.0))
    yield made
    made.close()


def heard(ear: Ear, count: int) -> bool:
    return len(ear.heard) >= count


def test_news_of_an_event_comes_in_order_to_each(stand: Stand) -> None:
    first, second = Ear(), Ear()
    stand.listen(first=first, second=second)
    stand.burn(fire=True, end=True)
    for ear in (first, second):
        wait_for(partial(heard, ear, 3), "everything is told")
        assert ear.kinds == ["firing", "upgraded", "resolved"]
    assert first.heard[0].alert == "smoke"
    assert first.heard[1].title == "Now fire at dock"
    (keys,) = {tuple(n.key for n in ear.heard) for ear in (first,)}
    assert len(set(keys)) == 3
    assert [state.results["delivered"] for state in stand.outbox.states()] == [3, 3]


def test_sink_that_hangs_holds_up_nobody(stand: Stand) -> None:
    hangs, well = Ear(let_go=threading.Event()), Ear()
    stand.listen(hangs=hangs, well=well)
    began = time.monotonic()
    stand.burn(fire=True, end=True)
    assert time.monotonic() - began < 2.0, "nor the watch"
    wait_for(lambda: len(well.heard) == 3, "the other is told")
    assert hangs.heard == []
    (state, _) = stand.outbox.states()
    assert state.waiting == 3
    assert hangs.let_go is not None
    hangs.let_go.set()
    wait_for(lambda: len(hangs.heard) == 3, "it is told in the end")


def test_passing_fault_is_tried_again_and_shown(fast: Stand) -> None:
    ear = Ear(faults=[Retryable("busy, user:planted@host"), Retryable("busy")])
    fast.listen(ear=ear)
    fast.burn()
    wait_for(lambda: ear.heard, "it is told")
    wait_for(lambda: fast.results() == [("ear", "firing", "delivered")], "it is written")
    (delivery,) = fast.event().deliveries
    assert delivery.attempts == 3
    (state,) = fast.outbox.states()
    assert (state.results["failed"], state.fault) == (2, "")


def test_lasting_fault_ends_it_and_its_end_is_not_told(fast: Stand) -> None:
    ear = Ear(faults=[Permanent("no such address")])
    fast.listen(ear=ear)
    fast.burn(end=True)
    expected = [("ear", "firing", "rejected"), ("ear", "resolved", "cancelled")]
    wait_for(lambda: fast.results() == expected, "both are ended")
    assert fast.event().deliveries[0].error == "no such address"
    assert ear.heard == []


def test_vain_tries_end_with_the_time_for_them(fast: Stand) -> None:
    ear = Ear(faults=[Retryable("down")] * 50)
    fast.listen(ear=ear, retry_for=20.0)
    fast.burn()
    wait_for(lambda: fast.results() == [("ear", "firing", "expired")], "it is given up")
    (delivery,) = fast.event().deliveries
    assert 2 <= delivery.attempts <= 8
    assert delivery.done_at is not None
    assert delivery.done_at - delivery.created_at > 20.0


def test_damaged_row_silences_its_own_event_alone_and_is_told(stand: Stand, tmp_path: Path) -> None:
    ear = Ear()
    stand.keeper.route([Route("ear")])
    stand.burn("damaged")
    stand.burn("well")
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
        connection.execute("""UPDATE transitions SET why = '{"thre' WHERE id = 1""")
    with capture_logs() as lines:
        stand.listen(ear=ear)
        wait_for(lambda: ear.heard, "the other is told")
        wait_for(lambda: stand.outbox.states()[0].results.get("delivered"), "it is noted")
    assert [notice.event.camera for notice in ear.heard] == ["well"]
    (state,) = stand.outbox.states()
    assert state.fault.startswith("news of event 1 cannot be made: ")
    assert state.waiting == 1
    assert [x["log_level"] for x in lines if x["event"] == "news_unreadable"] == ["warning"]


ESCALATING = (Route("mail", escalate_to="oncall", escalate_after_seconds=30.0), Route("oncall"))


def test_second_sink_is_told_where_nobody_acknowledges(fast: Stand) -> None:
    mail, oncall = Ear(), Ear()
    fast.listen(*ESCALATING, mail=mail, oncall=oncall)
    fast.burn()
    wait_for(lambda: oncall.heard, "it is escalated")
    assert (mail.kinds, oncall.kinds) == (["firing"], ["escalation"])
    assert fast.clock.wall() - fast.event().deliveries[0].created_at >= 30.0
    fast.keeper.settle((), ())
    wait_for(lambda: oncall.kinds == ["escalation", "resolved"], "its end is told there too")


@pytest.mark.parametrize("reason", ["acknowledged", "over"])
def test_nothing_is_escalated_that_needs_nobody(fast: Stand, reason: str) -> None:
    mail, oncall = Ear(), Ear()
    fast.listen(*ESCALATING, mail=mail, oncall=oncall)
    fast.burn()
    wait_for(lambda: mail.heard, "it is told")
    if reason == "acknowledged":
        fast.keeper.acknowledge(fast.event().id, "anna", fast.clock.wall())
    else:
        fast.keeper.settle((), ())
    wait_for(lambda: ("oncall", "escalation", "cancelled") in fast.results(), "it is ended")
    assert oncall.heard == []


def test_new_fire_is_told_before_what_an_outage_has_left(stand: Stand) -> None:
    ear = Ear()
    stand.keeper.route([Route("ear")])
    for number in range(9):
        stand.burn(f"old-{number}", end=True)
    stand.burn("new")
    stand.listen(ear=ear)
    wait_for(partial(heard, ear, 19), "everything is told")
    assert ear.heard[0].event.camera == "new"


def test_fault_of_news_that_nobody_needs_any_more_is_forgotten(stand: Stand) -> None:
    mail, oncall = Ear(), Ear(faults=[Retryable("down")] * 99)
    reminds = Route("mail", escalate_to="oncall", escalate_after_seconds=0.01)
    stand.listen(reminds, Route("oncall"), mail=mail, oncall=oncall)
    stand.burn()
    wait_for(lambda: stand.outbox.states()[1].fault == "down", "a try fails")
    stand.keeper.acknowledge(stand.event().id, "anna", stand.clock.wall())
    wait_for(lambda: ("oncall", "escalation", "cancelled") in stand.results(), "it is ended")
    wait_for(lambda: not stand.outbox.states()[1].fault, "its fault says nothing any more")
    state = stand.outbox.states()[1]
    assert (state.last_success_at, oncall.heard) == (0.0, [])


def test_fault_of_what_was_refused_for_good_stays(stand: Stand) -> None:
    ear = Ear(faults=[Permanent("no such address")])
    stand.listen(ear=ear)
    stand.burn(end=True)
    wait_for(lambda: ("ear", "resolved", "cancelled") in stand.results(), "both are ended")
    looks = ear.looks
    wait_for(lambda: ear.looks >= looks + 2, "there is nothing to do")
    assert stand.outbox.states()[0].fault == "no such address"


def test_outbox_that_cannot_be_read_is_told_and_counted(stand: Stand, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
        connection.execute("ALTER TABLE deliveries RENAME TO lost")
    with capture_logs() as lines:
        stand.listen(ear=Ear())
        wait_for(lambda: stand.counted["read", True] >= 2, "each look is counted")
    told = [line for line in lines if line["event"] == "outbox_unreadable"]
    assert [line["log_level"] for line in told] == ["warning"]
    assert "deliveries" in told[0]["error"]


def test_picture_is_of_the_event_as_the_store_numbers_it_now(tmp_path: Path) -> None:
    """In memory the event is the first; in the file that comes back it is the second."""
    folder, aside = tmp_path / "state", tmp_path / "aside"
    with closing(Stand(folder / "events.db", SystemClock())) as before:
        before.burn("other", end=True)
    folder.rename(aside)
    folder.write_text("in the way", encoding="utf-8")
    ear = Ear(wants_picture=True, faults=[Retryable("down")] * 100_000)
    with closing(Stand(folder / "events.db", FastClock(60.0))) as stand:
        stand.picture = tmp_path / "seen.jpg"
        stand.listen(ear=ear)
        stand.burn()
        wait_for(lambda: len(stand.asked) >= 2, "it is tried in vain")
        folder.unlink()
        aside.rename(folder)

        def back() -> bool:
            stand.keeper.tend()
            return not stand.keeper.in_memory

        wait_for(back, "the file is back")
        before_it = len(stand.asked)
        wait_for(lambda: len(stand.asked) >= before_it + 2, "it is tried from there")
        ear.faults.clear()
        wait_for(lambda: ear.heard, "it is told")
        assert (stand.asked[0], stand.asked[-1], ear.heard[-1].event.id) == (1, 2, 2)


def test_picture_goes_with_the_news(stand: Stand, tmp_path: Path) -> None:
    stand.picture = tmp_path / "seen.jpg"
    ear, other = Ear(wants_picture=True), Ear()
    stand.listen(ear=ear, other=other)
    stand.burn()
    wait_for(lambda: ear.heard and other.heard, "it is told")
    assert ear.heard[0].picture == stand.picture
    assert other.heard[0].picture is None


def test_reload_exchanges_sinks_and_loses_nothing(stand: Stand) -> None:
    before, stays, after = Ear(let_go=threading.Event()), Ear(), Ear()
    stand.listen(mail=before, hook=stays)
    stand.burn(fire=True)
    wait_for(lambda: len(stays.heard) == 2, "the other is told")
    stand.listen(mail=after, hook=stays)
    assert not stays.closed
    assert before.let_go is not None
    before.let_go.set()
    wait_for(lambda: len(before.heard) + len(after.heard) == 2, "everything is told")
    assert [*before.kinds, *after.kinds] == ["firing", "upgraded"]
    wait_for(lambda: before.closed, "the old one is closed")


def test_sink_that_comes_back_gets_what_waited(stand: Stand) -> None:
    stand.listen(mail=Ear(faults=[Retryable("down")] * 9))
    stand.burn()
    wait_for(lambda: stand.event().deliveries[0].attempts, "it was tried")
    stand.listen()
    ear = Ear()
    stand.listen(mail=ear)
    wait_for(lambda: ear.heard, "it is told")


def test_ten_minutes_without_a_sink_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Sped up: the sink is gone for three seconds, in which thirty events come and go."""
    clock = FastClock(200.0)
    ear, well = Ear(faults=[Retryable("down")] * 100_000), Ear()
    with closing(Stand(tmp_path / "events.db", clock)) as stand:
        stand.listen(ear=ear, well=well)
        began = clock.wall()

        def passed(seconds: float) -> bool:
            return clock.wall() - began > seconds

        for number in range(30):
            stand.burn(f"camera-{number}", fire=True, end=True)
            wait_for(partial(passed, 20.0 * (number + 1)), "some time passes")
        assert clock.wall() - began >= 600.0
        wait_for(partial(heard, well, 90), "the other has everything")
        ear.faults.clear()
        wait_for(partial(heard, ear, 90), "everything is told")
    assert Counter(Counter(n.key for n in ear.heard).values()) == {1: 90}
    for number in range(30):
        kinds = [n.kind for n in ear.heard if n.event.camera == f"camera-{number}"]
        assert kinds == ["firing", "upgraded", "resolved"]


@contextmanager
def raising(store: Path, web: Hook, first: int, after: int) -> Iterator[IO[str]]:
    """A process that raises events of these numbers, and is killed in the end; what it prints."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.raising", str(store), web.url,
            str(first), str(after),
        ],
        stdout=subprocess.PIPE, text=True, cwd=PROJECT,
    )  # fmt: skip
    assert process.stdout is not None
    with process, process.stdout as printed:
        try:
            yield printed
        finally:
            process.kill()


def test_kills_between_raising_and_sending_lose_nothing(tmp_path: Path) -> None:
    """Processes are killed while they raise and send; the last one sends what is left."""
    store = tmp_path / "events.db"
    with hook() as web:
        # Far apart: more may be raised than was read, and what is the same has the same keys.
        for first, wanted in ((0, 3), (1000, 8)):
            with raising(store, web, first, first + 200) as printed:
                for _ in range(wanted):
                    assert printed.readline()
        with sqlite3.connect(store) as connection:
            cameras = [camera for (camera,) in connection.execute("SELECT camera FROM events")]
        connection.close()
        raised = len(cameras)
        before = len(told(web))
        assert before < 3 * raised, "something was left unsent"
        with raising(store, web, 0, 0):
            wait_for(lambda: len(told(web)) >= 3 * raised, "everything is told")
        counted = told(web)
    for camera in cameras:
        kinds = [kind for seen, kind, _ in counted if seen == camera]
        assert kinds == ["firing", "upgraded", "resolved"]
    assert len(counted) == 3 * raised
    twice = sum(count - 1 for count in counted.values())
    assert twice <= 2, "at most what was being sent at each kill"


def told(web: Hook) -> Counter[tuple[str, str, str]]:
    """Camera, kind and key of what a webhook got, with how often."""
    found: Counter[tuple[str, str, str]] = Counter()
    for _, headers, body in list(web.received):
        facts = json.loads(body)["emberwatch"]
        assert headers["webhook-id"] == facts["key"]
        found[facts["camera"], facts["kind"], facts["key"]] += 1
    return found
