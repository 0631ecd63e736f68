"""What goes when there is too much evidence."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.evidence_retention import (
    ENDED,
    OPEN,
    SEEN,
    UNKNOWN,
    Kept,
    rank_of,
    too_much,
)


def kept(file: str, at: float, rank: int = ENDED, size: int = 10) -> Kept:
    return Kept(1, file, size, at, rank)


def names(gone: list[Kept]) -> list[str]:
    return [one.file for one in gone]


def test_the_oldest_goes_first_and_no_more_than_must() -> None:
    files = [kept("c", 3.0), kept("a", 1.0), kept("b", 2.0)]
    assert names(too_much(files, oldest=0.0, max_bytes=25)) == ["a"]
    assert too_much(files, oldest=0.0, max_bytes=30) == []
    assert names(too_much(files, oldest=0.0, max_bytes=30, missing_bytes=11)) == ["a", "b"]


def test_what_was_seen_goes_before_what_was_not_and_open_events_go_last() -> None:
    files = [
        kept("open", 1.0, OPEN),
        kept("ended", 2.0, ENDED),
        kept("seen", 3.0, SEEN),
        kept("unknown", 4.0, UNKNOWN),
    ]
    gone = too_much(files, oldest=0.0, max_bytes=0)
    assert names(gone) == ["unknown", "seen", "ended", "open"]


def test_what_is_too_old_goes_unless_its_event_goes_on() -> None:
    files = [kept("old", 1.0), kept("open", 1.0, OPEN), kept("new", 9.0, SEEN)]
    assert names(too_much(files, oldest=5.0, max_bytes=100)) == ["old"]


def test_pictures_to_learn_from_are_as_dear_as_if_nobody_had_seen_them() -> None:
    judged = {"is_open": False, "acknowledged": True, "verdict": "false"}
    assert rank_of("original", harvested=False, **judged) == ENDED  # type: ignore[arg-type]  # by name
    assert rank_of("original", harvested=True, **judged) == SEEN  # type: ignore[arg-type]  # by name
    assert rank_of("snapshot", harvested=False, **judged) == SEEN  # type: ignore[arg-type]  # by name
    assert rank_of("clip", is_open=True, acknowledged=True, verdict="false", harvested=True) == OPEN


files = st.lists(
    st.builds(
        Kept,
        number=st.none(),
        file=st.text("abcdef", min_size=1, max_size=8),
        size_bytes=st.integers(0, 100),
        captured_at=st.floats(0.0, 100.0),
        rank=st.integers(UNKNOWN, OPEN),
    ),
    max_size=30,
    unique_by=lambda one: one.file,
)


@given(files, st.floats(0.0, 100.0), st.integers(0, 2000), st.integers(0, 2000))
def test_bounds_hold_and_nothing_goes_twice_or_before_its_turn(
    there: list[Kept], oldest: float, max_bytes: int, missing: int
) -> None:
    gone = too_much(there, oldest=oldest, max_bytes=max_bytes, missing_bytes=missing)
    left = [one for one in there if one not in gone]
    assert len(set(names(gone))) == len(gone)
    freed = sum(one.size_bytes for one in gone)
    assert not left or (sum(one.size_bytes for one in left) <= max_bytes and freed >= missing)
    assert all(one.captured_at >= oldest or one.rank == OPEN for one in left)
    chosen = [one for one in gone if one.captured_at >= oldest or one.rank == OPEN]
    for one in chosen:
        key = (one.rank, one.captured_at)
        assert all(key <= (other.rank, other.captured_at) for other in left)
