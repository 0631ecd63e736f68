"""Who is told of a change of state, and what."""

from dataclasses import replace

from monitor.alerts.routing import Change, Route, plan

FIRING = Change(
    event_id=7, transition_id=9, camera="dock", incident="hazard", began_at=10.0, alert="smoke",
    label="smoke", event="firing", at=12.0, silenced=False, alert_before=None, first=False,
    ended=False,
)  # fmt: skip
ENDED = replace(FIRING, event="resolved", ended=True)
UPGRADED = replace(FIRING, alert="fire", label="fire", at=15.0, alert_before="smoke")
MAIL = Route("mail")
ONCALL = Route("oncall")


def told(change: Change, before: dict[str, bool], *routes: Route) -> list[tuple[str, str, float]]:
    return [(p.sink, p.kind, p.due_at) for p in plan(change, before, routes, 100.0)]


def test_every_sink_hears_of_what_fires_and_of_its_end() -> None:
    assert told(FIRING, {}, MAIL, ONCALL) == [("mail", "firing", 100), ("oncall", "firing", 100)]
    assert told(ENDED, {"mail": True}, MAIL, ONCALL) == [("mail", "resolved", 100)]


def test_fire_that_was_smoke_is_told_as_graver() -> None:
    assert told(UPGRADED, {"mail": True}, MAIL) == [("mail", "upgraded", 100)]
    assert told(UPGRADED, {}, MAIL) == [("mail", "firing", 100)]


def test_silenced_alert_wakes_nobody() -> None:
    assert told(replace(FIRING, silenced=True), {}, MAIL) == []
    assert told(replace(UPGRADED, silenced=True), {"mail": True}, MAIL) == []


def test_what_ends_while_silenced_is_told_to_those_who_heard_of_it() -> None:
    assert told(replace(ENDED, silenced=True), {"mail": True}, MAIL) == [("mail", "resolved", 100)]


def test_filters_hold_for_what_fires() -> None:
    for changed in (
        replace(MAIL, cameras=frozenset({"yard"})),
        replace(MAIL, labels=frozenset({"fire"})),
        replace(MAIL, rules=frozenset({"fire"})),
    ):
        assert told(FIRING, {}, changed) == []
    wanted = Route("mail", frozenset({"dock"}), frozenset({"smoke"}), frozenset({"smoke"}))
    assert told(FIRING, {}, wanted) == [("mail", "firing", 100)]


def test_pending_is_told_where_it_is_wanted_once() -> None:
    pending = replace(FIRING, event="pending", first=True)
    assert told(pending, {}, MAIL, Route("log", pending=True)) == [("log", "pending", 100)]
    assert told(replace(pending, first=False), {}, Route("log", pending=True)) == []


def test_end_is_told_only_where_it_is_wanted() -> None:
    assert told(ENDED, {"mail": True}, replace(MAIL, resolved=False)) == []


def test_second_sink_hears_later_and_alone_what_nobody_acknowledged() -> None:
    first = Route("mail", escalate_to="oncall", escalate_after_seconds=300)
    assert told(FIRING, {}, first, ONCALL) == [
        ("mail", "firing", 100),
        ("oncall", "escalation", 400),
    ]
    chain = replace(ONCALL, escalate_to="boss", escalate_after_seconds=60)
    assert told(FIRING, {}, first, chain, Route("boss"))[2] == ("boss", "escalation", 460)


def test_second_sink_hears_of_graver_things_once_it_was_told() -> None:
    first = Route("mail", escalate_to="oncall", escalate_after_seconds=300)
    after = {"mail": True, "oncall": False}
    assert ("oncall", "upgraded", 100) not in told(UPGRADED, after, first, ONCALL)
    assert ("oncall", "upgraded", 100) in told(UPGRADED, {**after, "oncall": True}, first, ONCALL)


def test_second_sink_hears_of_nothing_that_is_no_graver() -> None:
    first = Route("mail", escalate_to="oncall", escalate_after_seconds=300)
    again = told(FIRING, {"mail": True, "oncall": True}, first, ONCALL)
    assert ("oncall", "firing", 100) not in again
    assert ("mail", "firing", 100) in again


def test_sink_may_remind_of_itself() -> None:
    again = Route("mail", escalate_to="mail", escalate_after_seconds=60)
    assert told(FIRING, {}, again) == [("mail", "firing", 100), ("mail", "escalation", 160)]


def test_keys_follow_from_what_happened_and_not_from_row_numbers() -> None:
    def keys(change: Change) -> list[str]:
        return [p.key for p in plan(change, {"mail": True}, [MAIL], 100.0)]

    assert keys(FIRING) == keys(replace(FIRING, event_id=1, transition_id=2))
    every = [*keys(FIRING), *keys(UPGRADED), *keys(ENDED), *keys(replace(FIRING, camera="yard"))]
    assert len(set(every)) == 4
