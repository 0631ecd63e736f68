"""The daemon with a clock that a test can set and readers that a test can hang.

``python -m tests.support.rigged_daemon FOLDER run CONFIG``: in FOLDER, the file ``clock`` holds the
seconds by which the system's clock is off, in the daemon and its workers alike, and ``hang`` the
names of the cameras whose reader hangs in native code at the next picture. All else is real.
"""

import sys
from functools import partial
from pathlib import Path

import monitor.daemon
from monitor.cli import main
from monitor.clock import SystemClock
from monitor.ingest.supervisor import Supervisor


class SetClock(SystemClock):
    """The machine's clock, as wrong as a file says."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"

    def wall(self) -> float:
        return super().wall() + float(self._file.read_text(encoding="ascii") or 0)


def rig(folder: Path) -> None:
    """Exchange the clock and the program of the workers."""
    worker = (sys.executable, "-P", "-m", "tests.support.rigged_worker", str(folder))
    vars(monitor.daemon)["SystemClock"] = partial(SetClock, folder)
    vars(monitor.daemon)["Supervisor"] = partial(Supervisor, worker_command=worker)


if __name__ == "__main__":
    rig(Path(sys.argv.pop(1)))
    main()
