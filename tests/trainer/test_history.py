from pathlib import Path

import pytest

from monitor.errors import TrainingError
from trainer.history import HISTORY_NAME, History
from trainer.plan import Status


def status(step: int, loss: float = 1.0) -> Status:
    return Status(step, step / 100, loss, 0.5, 10.0)


def steps(folder: Path) -> list[int]:
    return [known.step for known in History(folder).statuses]


def test_a_run_that_goes_on_knows_its_whole_course(tmp_path: Path) -> None:
    first = History(tmp_path / "run")
    first.add(status(10))
    first.add(status(20))
    second = History(tmp_path / "run")
    second.add(status(30))
    assert [known.step for known in second.statuses] == [10, 20, 30]
    assert steps(tmp_path / "run") == [10, 20, 30]


def test_steps_that_come_again_after_a_kill_stand_once_and_new(tmp_path: Path) -> None:
    first = History(tmp_path)
    for step in (10, 20, 30):
        first.add(status(step))
    second = History(tmp_path)
    second.add(status(15, 0.25))
    assert [(known.step, known.loss) for known in second.statuses] == [(10, 1.0), (15, 0.25)]
    second.add(status(25))
    assert steps(tmp_path) == [10, 15, 25]


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    History(tmp_path).add(status(10))
    path = tmp_path / HISTORY_NAME
    path.write_text(path.read_text() + '{"step": 20, "done"')
    assert steps(tmp_path) == [10]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(TrainingError, match="the course of training cannot be written"):
        History(tmp_path / "run").add(status(10))
