"""An outage is told of after its time and once, and is over when the camera is really back."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.decision.outage import LONGEST_BACK_SECONDS, OutageChange, OutageJudge

AFTER = 300.0


def told(seen: list[bool], *, out: bool = False) -> list[tuple[int, OutageChange]]:
    """What a camera that is looked at each second brings."""
    judge = OutageJudge(0.0, out=out)
    changes = [(at, judge.update(now, float(at), AFTER)) for at, now in enumerate(seen)]
    return [(at, change) for at, change in changes if change is not None]


def test_a_camera_that_never_came_is_told_of_after_the_time() -> None:
    assert told([False] * 400) == [(300, OutageChange(True, 300.0))]


def test_a_short_break_is_not_told_of() -> None:
    assert told([True] * 100 + [False] * 200 + [True] * 100) == []


def test_it_is_over_when_the_camera_was_watched_for_a_while() -> None:
    assert told([False] * 310 + [True] * 100) == [
        (300, OutageChange(True, 300.0)),
        (370, OutageChange(False, LONGEST_BACK_SECONDS)),
    ]


def test_a_camera_that_comes_and_goes_is_out_all_the_while() -> None:
    # Not seen for a whole minute since the start, which counts for it.
    assert told(([True] * 15 + [False] * 45) * 12) == [(315, OutageChange(True, 315.0))]


def test_an_outage_of_before_the_start_is_not_told_of_again_and_ends() -> None:
    (only,) = told([False] * 1000 + [True] * 61, out=True)
    assert only == (1060, OutageChange(False, LONGEST_BACK_SECONDS))


def test_where_outages_are_told_of_soon_they_are_over_as_soon() -> None:
    judge = OutageJudge(0.0)
    assert judge.update(False, 2.0, 2.0) == OutageChange(True, 2.0)
    assert judge.update(True, 3.0, 2.0) is None
    assert judge.update(True, 5.0, 2.0) == OutageChange(False, 2.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200)), max_size=40), st.booleans())
def test_begin_and_end_take_turns_and_none_is_missed(
    spans: list[tuple[bool, int]], out: bool
) -> None:
    seen = [now for now, seconds in spans for _ in range(seconds)]
    changes = told(seen, out=out)
    for place, (_, change) in enumerate(changes):
        assert change.out is (out if place % 2 else not out)
    state = changes[-1][1].out if changes else out
    if seen[-int(AFTER) - 1 :].count(False) == int(AFTER) + 1:
        assert state, "not watched for all that time"
    if len(seen) > LONGEST_BACK_SECONDS and all(seen[-int(LONGEST_BACK_SECONDS) - 1 :]):
        assert not state, "watched for all that time"
