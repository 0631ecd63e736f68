"""Which evidence goes when there is too much of it. Pure.

Never more goes than is needed, and what is least dear goes first, the oldest of it before the rest:
files that no event knows, and those of events that somebody has acknowledged or judged; then those
of events that ended; those of events that go on stay to the last. Pictures that were judged and not
harvested yet count as if nobody had seen them: they are what a model can learn from.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.alerts.events import EvidenceKind, Verdict

UNKNOWN, SEEN, ENDED, OPEN = range(4)
"""How dear a file is."""


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
    kept: Iterable[Kept], *, oldest: float, max_bytes: int, missing_bytes: int = 0
) -> list[Kept]:
    """What is to be deleted, in order.

    Args:
        kept: all files.
        oldest: Unix time; what was captured before goes, but for events that go on.
        max_bytes: what all may take together.
        missing_bytes: so many must become free, whatever all take.
    """
    order = sorted(kept, key=lambda one: (one.rank, one.captured_at, one.file))
    gone = [one for one in order if one.captured_at < oldest and one.rank < OPEN]
    aged = {one.file for one in gone}
    total = sum(one.size_bytes for one in order)
    freed = sum(one.size_bytes for one in gone)
    for one in order:
        if total - freed <= max_bytes and freed >= missing_bytes:
            break
        if one.file not in aged:
            gone.append(one)
            freed += one.size_bytes
    return gone
