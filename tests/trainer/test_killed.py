"""A training that is killed again and again ends as one that was left alone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import write_folders
from trainer.console import Bar, Console
from trainer.options import TrainOptions

PHASES = ("bottlenecks", "views", "head", "fine-tuning", "scoring")
"""Where the process ends, as when the kernel needs memory: no block is left, nothing is closed."""


class Deadly(Console):
    """Kills its process where a phase has done something that is worth to be kept."""

    def __init__(self, phase: str) -> None:
        super().__init__(quiet=True)
        self._phase = phase

    @contextmanager
    def bar(self, what: str, total: float) -> Iterator[Bar]:
        """A bar; that of the phase kills at its first move."""
        with super().bar(what, total) as bar:
            yield _Last(bar) if what == self._phase else bar

    @contextmanager
    def wait(self, what: str) -> Iterator[None]:
        """Do the work of the phase, and kill before it is of any use."""
        with super().wait(what):
            yield
        if self._phase and what.startswith(self._phase):
            _die()


class _Last(Bar):
    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def advance(self, count: int) -> None:
        if count:
            _die()

    def set(self, done: float, text: str = "") -> None:
        del done, text
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, backbone: str, runs: dict[str, list[str]]) -> None:
    """Train several times: in one process after the other, of which all but the last are killed,
    each in its phase.

    They are forked, so that TensorFlow is imported once.
    """
    from trainer.train import train

    for name, phases in runs.items():
        options = TrainOptions(
            folder / "images", folder / name, backbone=backbone,
            cache_dir=folder / f"{name}.cache", seed=2, validation_percentage=30,
            testing_percentage=30, steps=20, evaluate_every=10, cached_views=1, fine_tune_steps=3,
            fine_tune_batch_size=2, fine_tune_from="mixed5", checkpoint_minutes=1e-6,
            openvino=False,
        )  # fmt: skip
        for phase in (*phases, ""):
            child = os.fork()
            if child == 0:
                train(options, Deadly(phase))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{name}:{phase}:{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()


@pytest.mark.timeout(600)
def test_a_training_that_is_killed_in_every_phase_ends_as_one_that_was_not(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", 10)
    backbone = write_tiny_backbone(tmp_path / "tiny")
    done = subprocess.run(
        [sys.executable, "-m", "tests.trainer.test_killed", tmp_path, backbone,
         json.dumps({"calm": [], "killed": PHASES})],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    killed_in = [f"killed:{phase}:-9" for phase in PHASES]
    assert done.stdout.split() == ["calm::0", *killed_in, "killed::0"]
    calm, killed = (
        json.loads((tmp_path / name / "bundle.json").read_text()) for name in ("calm", "killed")
    )
    for key in ("labels", "metrics", "temperature", "thresholds", "data_fingerprint"):
        assert killed[key] == calm[key], key


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
