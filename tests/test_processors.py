"""Whether processors are busy, from what Linux counts."""

import os
from pathlib import Path

from monitor.processors import Counts, are_busy, read_counts


def machine(folder: Path, busy: int, idle: int, throttled: int | None = None) -> Counts:
    """The counts of a machine with these ticks on each processor; microseconds of throttling."""
    proc, cgroups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True, exist_ok=True)
    lines = ["cpu 1 2 3 4 5 6 7 8 0 0"]
    # One that this process may not use, too.
    numbers = (*os.sched_getaffinity(0), 4095)
    lines += [f"cpu{number} {busy} 0 0 {idle} 0 0 0 0 0 0" for number in numbers]
    (proc / "stat").write_text("\n".join([*lines, "intr 1 2 3"]))
    if throttled is not None:
        (proc / "self" / "cgroup").write_text("3:cpu:/x\n0::/system.slice/emberwatch.service\n")
        group = cgroups / "system.slice" / "emberwatch.service"
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.stat").write_text(f"usage_usec 5\nthrottled_usec {throttled}\n")
    return read_counts(proc, cgroups)


def test_processors_that_hardly_idle_are_busy(tmp_path: Path) -> None:
    before = machine(tmp_path, busy=1000, idle=1000)
    assert are_busy(before, machine(tmp_path, busy=1095, idle=1005), 1.0)
    assert not are_busy(before, machine(tmp_path, busy=1070, idle=1030), 1.0)


def test_a_control_group_that_is_held_back_is_busy(tmp_path: Path) -> None:
    before = machine(tmp_path, busy=1000, idle=1000, throttled=0)
    after = machine(tmp_path, busy=1010, idle=1090, throttled=300_000)
    assert are_busy(before, after, 1.0)
    assert not are_busy(before, after, 10.0)


def test_where_nothing_can_be_read_nothing_is_said(tmp_path: Path) -> None:
    nothing = read_counts(tmp_path, tmp_path)
    assert nothing == Counts(0, 0, 0.0)
    assert not are_busy(nothing, nothing, 1.0)


def test_this_machine_counts() -> None:
    assert read_counts().all_ticks > 0
