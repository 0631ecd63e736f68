"""The benchmark as a program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.daemon import wait_for


def test_a_benchmark_that_is_stopped_leaves_no_daemon_behind(tmp_path: Path) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "monitor", "bench", "--quick"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.fspath(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    children = Path(f"/proc/{bench.pid}/task/{bench.pid}/children")

    def daemon() -> int | None:
        for child in children.read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"run" in command:
                return int(child)
        return None

    found = wait_for(daemon, "the benchmark starts a daemon", 60)
    bench.send_signal(signal.SIGTERM)
    assert bench.wait(30) == 128 + signal.SIGTERM
    assert not Path(f"/proc/{found}").exists()
