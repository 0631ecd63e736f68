"""Which evidence goes when there is too much of it. Pure.

Never more goes than is needed, and what is least dear goes first, the oldest of it before the rest:
files that no event knows, and those of events that somebody has acknowledged or judged; then those
of events that ended; those of events that go on stay to the last. Pictures that were judged and not
harvested yet count as if nobody had seen them: they are what a model can learn from.

Where the disk is short it may be another program that fills it, and then all evidence would not be
enough: what is young or of events that go on stays, and makes way for newer evidence alone, until
the event store itself is short of room.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.alerts.events import EvidenceKind, Verdict

UNKNOWN, SEEN, ENDED, OPEN = range(4)
"""How dear a file is."""


YOUNG_SECONDS = 86400.0
"""What was captured since is not given to others that want the disk."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What evidence may take."""

    max_age_seconds: float = 30 * 86400.0
    max_bytes: int = 10_000_000_000
    min_free_bytes: int = 500_000_000
    """So much of the disk is left to events and to others."""
    reserve_bytes: int = 50_000_000
    """So much of that is left to events whatever it costs: the store takes a few megabytes."""

    @property
    def least_free_bytes(self) -> int:
        """With less free, all evidence makes way."""
        return min(self.reserve_bytes, self.min_free_bytes)


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of the evidence folder."""

    number: int | None
    """Of its row in the store; None where it has none."""
    file: str
    size_bytes: int
    captured_at: float
    """Unix time, seconds."""
    rank: int


def rank_of(
    kind: EvidenceKind,
    *,
    is_open: bool,
    acknowledged: bool,
    verdict: Verdict | None,
    harvested: bool,
) -> int:
    """How dear a file of an event is."""
    if is_open:
        return OPEN
    if verdict is not None and not harvested and kind in ("original", "clip"):
        return ENDED
    return SEEN if acknowledged or verdict is not None else ENDED


def too_much(
    kept: Iterable[Kept], *, oldest: float = 0.0, max_bytes: int | None = None
) -> list[Kept]:
    """What is to be deleted for its age and for what all take, in order.

    Args:
        kept: all files.
        oldest: Unix time; what was captured before goes, but for events that go on.
        max_bytes: what all may take together; None: any.
    """
    order = _cheapest_first(kept)
    gone = [one for one in order if one.captured_at < oldest and one.rank < OPEN]
    if max_bytes is None:
        return gone
    aged = {one.file for one in gone}
    others = [one for one in order if one.file not in aged]
    return gone + _first(others, _size(others) - max_bytes)


def makes_way(
    kept: Iterable[Kept], *, free_bytes: int, size_bytes: int, bounds: Bounds, now: float
) -> list[Kept]:
    """What is to be deleted where the disk is short, in order.

    Args:
        kept: all files.
        free_bytes: what is free.
        size_bytes: of a file that is to be written; 0: none is.
        bounds: what must stay free.
        now: Unix time.
    """
    order = _cheapest_first(kept)
    missing = bounds.min_free_bytes + size_bytes - free_bytes
    settled = [one for one in order if one.rank < OPEN and one.captured_at < now - YOUNG_SECONDS]
    gone = _first(settled, missing)
    # Newer evidence takes the place of older, also where others leave too little.
    least = bounds.least_free_bytes - free_bytes
    must = max(min(size_bytes, missing), least + size_bytes)
    if must > _size(order):
        must = least  # there is no place for it, whatever goes
    spared = {one.file for one in settled}
    others = [one for one in order if one.file not in spared]
    return gone + _first(others, must - _size(gone))


def _cheapest_first(kept: Iterable[Kept]) -> list[Kept]:
    return sorted(kept, key=lambda one: (one.rank, one.captured_at, one.file))


def _first(order: Sequence[Kept], wanted_bytes: int) -> list[Kept]:
    """As many from the front as take so much."""
    freed = 0
    for count, one in enumerate(order):
        if freed >= wanted_bytes:
            return list(order[:count])
        freed += one.size_bytes
    return list(order)


def _size(kept: Iterable[Kept]) -> int:
    return sum(one.size_bytes for one in kept)
