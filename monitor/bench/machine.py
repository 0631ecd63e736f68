"""What the kernel says of this machine and of processes: processors, time used, memory held."""

import os
import platform
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor() -> str:
    """The processor's name, as it calls itself."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def tree(pid: int) -> list[int]:
    """The process and all its descendants; those that end meanwhile may be missing."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(descendant for child in text.split() for descendant in tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its living descendants have used, user and system."""
    return sum(map(_own_cpu_seconds, tree(pid)))


def memory_bytes(pid: int) -> int:
    """Proportional set size of a process and its descendants: what n processes share counts a n-th
    for each."""
    return sum(map(_own_memory_bytes, tree(pid)))


def _own_cpu_seconds(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # The name in brackets may hold anything; behind it, user and system time are numbers 12 and 13.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _own_memory_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
