"""Time stamps that a file can hold, from those of a stream, which lie. Pure.

In a file each packet is decoded after the one before (``dts`` grows) and shown no earlier than it
is decoded (``pts`` is not below ``dts``). Streams come without ``dts``, with both standing still,
jumping by hours or running backwards. A group (a key frame up to the next) whose stamps make sense
keeps their distances; another gets the times of receipt. Between two groups the time that passed by
the stamps counts where it makes sense, else that by the clock.
"""

from collections.abc import Sequence
from itertools import pairwise

from monitor.ingest.packet_ring import TICKS_PER_SECOND, KeptPacket

LONGEST_STEP_SECONDS = 10.0
"""No camera makes fewer pictures: a longer step of the stamps is a jump of its clock."""

_LONGEST_STEP = round(LONGEST_STEP_SECONDS * TICKS_PER_SECOND)
_MOST_APART_SECONDS = 5.0
"""How far a live group's length by its stamps and by the clock may differ, beside one being up to
twice the other: networks hold packets up and let them through at once."""


class ClipTimes:
    """The stamps of one file, from 0 on.

    Args:
        live: packets come as they are made; those of a recording are read ahead, so that their
            times of receipt say little.
    """

    def __init__(self, *, live: bool = True) -> None:
        self._live = live
        self._last_raw: int | None = None
        """``dts`` of the last packet as its stream has it; None where it came from the clock."""
        self._last = 0
        self._last_at = 0.0
        self._begun = False

    @property
    def seconds(self) -> float:
        """Where the last packet stands."""
        return self._last / TICKS_PER_SECOND

    def group(self, packets: Sequence[KeptPacket]) -> list[tuple[int, int]]:
        """``pts`` and ``dts`` for the packets of the next group, in ticks.

        Args:
            packets: a key frame and what follows it up to the next, at least one, in order.
        """
        stamps = _decoding_order(packets, live=self._live)
        own = stamps is not None
        if stamps is None:
            stamps = _by_receipt(packets)
        first = stamps[0][1]
        if not self._begun:
            start = 0
        else:
            step = None if self._last_raw is None or not own else first - self._last_raw
            if step is None or not 0 < step <= _LONGEST_STEP:
                step = round((packets[0].at - self._last_at) * TICKS_PER_SECOND)
            start = self._last + max(step, 1)
        moved = [(pts - first + start, dts - first + start) for pts, dts in stamps]
        self._begun = True
        self._last = moved[-1][1]
        self._last_raw = stamps[-1][1] if own else None
        self._last_at = packets[-1].at
        return moved


def _decoding_order(packets: Sequence[KeptPacket], *, live: bool) -> list[tuple[int, int]] | None:
    """The stamps of a group where they make sense, else None."""
    shown = [packet.dts if packet.pts is None else packet.pts for packet in packets]
    whole = [stamp for stamp in shown if stamp is not None]
    if len(whole) < len(shown):
        return None
    decoded = [packet.dts for packet in packets if packet.dts is not None]
    if len(decoded) < len(whole) or not _possible(whole, decoded):
        whole, decoded = _sorted_stamps(whole)
    if not all(0 < after - before <= _LONGEST_STEP for before, after in pairwise(decoded)):
        return None
    if not all(0 <= pts - dts <= _LONGEST_STEP for pts, dts in zip(whole, decoded, strict=True)):
        return None
    by_stamps = (decoded[-1] - decoded[0]) / TICKS_PER_SECOND
    by_clock = packets[-1].at - packets[0].at
    shorter, longer = sorted((by_stamps, by_clock))
    if live and longer > 2 * shorter + _MOST_APART_SECONDS:
        return None
    return list(zip(whole, decoded, strict=True))


def _possible(shown: Sequence[int], decoded: Sequence[int]) -> bool:
    return all(before < after for before, after in pairwise(decoded)) and all(
        dts <= pts for pts, dts in zip(shown, decoded, strict=True)
    )


def _sorted_stamps(shown: Sequence[int]) -> tuple[list[int], list[int]]:
    """``pts`` and ``dts`` from ``pts`` alone: sorted they are the times of decoding, put off by as
    much as it takes for no picture to be shown before it is decoded."""
    order = sorted(range(len(shown)), key=lambda index: (shown[index], index))
    pts = list(shown)
    times: list[int] = []
    for index in order:
        pts[index] = max(shown[index], times[-1] + 1) if times else shown[index]
        times.append(pts[index])
    delay = max(time - stamp for time, stamp in zip(times, pts, strict=True))
    return pts, [time - delay for time in times]


def _by_receipt(packets: Sequence[KeptPacket]) -> list[tuple[int, int]]:
    """Evenly over the time in which they came: a network lets them through in bursts."""
    length = max(packets[-1].at - packets[0].at, 0.0) * TICKS_PER_SECOND
    steps = len(packets) - 1
    step = max(length / max(steps, 1), 1.0)
    return [(stamp, stamp) for stamp in (round(index * step) for index in range(len(packets)))]
