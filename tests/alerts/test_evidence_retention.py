"""What goes when there is too much evidence."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.evidence_retention import (
    ENDED,
    OPEN,
    SEEN,
    UNKNOWN,
    YOUNG_SECONDS,
    Bounds,
    Kept,
    makes_way,
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


NOW = YOUNG_SECONDS + 50.0
"""Half of what is drawn is young then."""
SHORT = Bounds(min_free_bytes=1000, reserve_bytes=100)


def for_disk(files: list[Kept], free: int, size: int = 0) -> list[str]:
    return names(makes_way(files, free_bytes=free, size_bytes=size, bounds=SHORT, now=NOW))


def test_what_is_old_makes_way_for_others_that_fill_the_disk_and_what_is_young_does_not() -> None:
    files = [
        kept("old", 2.0, size=40),
        kept("older", 1.0, size=40),
        kept("open", 1.0, OPEN, 40),
        kept("young", 60.0, SEEN, 40),
    ]
    assert for_disk(files, 1000) == []
    assert for_disk(files, 970) == ["older"]
    assert for_disk(files, 100) == ["older", "old"]


def test_store_gets_its_reserve_whatever_it_costs() -> None:
    files = [kept("open", 1.0, OPEN, 40), kept("young", 60.0, SEEN, 40), kept("b", 70.0, size=40)]
    assert for_disk(files, 99) == ["young"]
    assert for_disk(files, 30) == ["young", "b"]
    assert for_disk(files, 0) == ["young", "b", "open"]


def test_newer_evidence_takes_the_place_of_older_where_it_finds_enough() -> None:
    files = [kept("open", 1.0, OPEN, 40), kept("a", 60.0, size=40), kept("b", 70.0, size=40)]
    assert for_disk(files, 500, size=50) == ["a", "b"]
    assert for_disk(files, 500, size=40) == ["a"]
    assert for_disk(files, 500, size=121) == [], "it would find no place"
    assert for_disk(files, 1010, size=50) == ["a"], "no more than is missing"
    assert for_disk(files, 90, size=40) == ["a", "b"], "the reserve comes on top"


@given(files, st.integers(0, 1200), st.integers(0, 300))
def test_no_more_makes_way_on_a_short_disk_than_must(
    there: list[Kept], free: int, size: int
) -> None:
    gone = for_disk(there, free, size)
    assert len(set(gone)) == len(gone)
    by_name = {one.file: one for one in there}
    sizes = [by_name[name].size_bytes for name in gone]
    spared = [
        one.file for one in there if one.rank == OPEN or one.captured_at >= NOW - YOUNG_SECONDS
    ]
    left = by_name.keys() - set(gone)
    after = free + sum(sizes) - size
    # What is old makes way until enough is free, and before all else.
    assert after >= 1000 or left <= set(spared)
    if set(gone) & set(spared):
        assert left <= set(spared)
        last = after - sizes[-1]
        for_size = sum(sizes[:-1]) < size and last < 1000
        assert for_size or last < 100 or after + size - sizes[-1] < 100
    # Nothing grows where less is free than must be, and the store has its reserve.
    assert after + size >= 100 or not left
    if size and after < 1000 and sum(sizes) < size:
        assert sum(one.size_bytes for one in there) < max(size, 100 + size - free)


@given(files, st.floats(0.0, 100.0), st.integers(0, 2000))
def test_bounds_hold_and_nothing_goes_twice_or_before_its_turn(
    there: list[Kept], oldest: float, max_bytes: int
) -> None:
    gone = too_much(there, oldest=oldest, max_bytes=max_bytes)
    left = [one for one in there if one not in gone]
    assert len(set(names(gone))) == len(gone)
    assert not left or sum(one.size_bytes for one in left) <= max_bytes
    assert all(one.captured_at >= oldest or one.rank == OPEN for one in left)
    chosen = [one for one in gone if one.captured_at >= oldest or one.rank == OPEN]
    for one in chosen:
        key = (one.rank, one.captured_at)
        assert all(key <= (other.rank, other.captured_at) for other in left)
