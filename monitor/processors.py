"""Whether the processors of this machine are busy, as Linux counts."""

import os
from dataclasses import dataclass
from pathlib import Path

BUSY_IDLE_SHARE = 0.15
"""Processors that idle for less than this share of the time have no room left: some of it is always
lost between two tasks."""
THROTTLED_SHARE = 0.1
"""A control group (``CPUQuota=``, a container's limit) that was held back for more than this share
of the time, all its tasks together, has none either."""

_IDLE_FIELDS = (3, 4)
"""Of a line ``cpuN user nice system idle iowait …`` in /proc/stat."""
_FIELDS = 8
"""Those after them are parts of the first ones."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What Linux had counted at one moment."""

    idle_ticks: int
    all_ticks: int
    throttled_seconds: float


def read_counts(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> Counts:
    """The counts now; zeros where they cannot be read.

    Args:
        proc: where Linux shows its processes.
        cgroups: where it shows control groups.
    """
    idle = total = 0
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    for line in _lines(proc / "stat"):
        name, *fields = line.split()
        if name in ours and len(fields) >= _FIELDS:
            ticks = [int(field) for field in fields[:_FIELDS]]
            idle += sum(ticks[field] for field in _IDLE_FIELDS)
            total += sum(ticks)
    return Counts(idle, total, _throttled(proc, cgroups))


def are_busy(before: Counts, after: Counts, seconds: float) -> bool:
    """Whether there was no room for more between two moments.

    Args:
        before: counts at the first.
        after: counts at the second.
        seconds: between them.
    """
    if seconds <= 0:
        return False
    if after.throttled_seconds - before.throttled_seconds > THROTTLED_SHARE * seconds:
        return True
    ticks = after.all_ticks - before.all_ticks
    return ticks > 0 and after.idle_ticks - before.idle_ticks < BUSY_IDLE_SHARE * ticks


def _throttled(proc: Path, cgroups: Path) -> float:
    """Seconds for which the own control group was held back; 0 where none limits it."""
    for line in _lines(proc / "self" / "cgroup"):
        number, _, rest = line.partition(":")
        if number != "0":  # of version 1
            continue
        group = rest.partition(":")[2].lstrip("/")
        for entry in _lines(cgroups / group / "cpu.stat"):
            key, _, value = entry.partition(" ")
            if key == "throttled_usec":
                return int(value) / 1e6
    return 0.0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # not Linux as we know it: then nothing is known, and nothing is said
