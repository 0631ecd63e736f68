"""Two daemons cannot share a folder; a folder that cannot be locked does not stop the watch."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.state_lock import state_lock

HOLD = """
import sys
from pathlib import Path
from monitor.state_lock import state_lock
with state_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_process_holds_is_refused_until_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(ConfigError, match="is in use by another daemon"),
            state_lock(tmp_path),
        ):
            pytest.fail("the folder was given twice")
        other.kill()
    with state_lock(tmp_path):
        assert (tmp_path / "lock").exists()


def test_a_folder_that_cannot_be_made_does_not_stop_the_watch(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way", encoding="utf-8")
    with state_lock(tmp_path / "state"):
        pass
