import math
from pathlib import Path

import pytest
import tensorflow as tf

from monitor.errors import TrainingError
from trainer.summaries import Summaries


def events(folder: Path) -> list[tf.compat.v1.Event]:
    (path,) = folder.iterdir()
    return [
        tf.compat.v1.Event.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]


def test_each_side_gets_its_file_of_events(tmp_path: Path) -> None:
    summaries = Summaries(tmp_path / "logs")
    summaries.add("train", 100, head__loss=0.5, head__accuracy=0.75)
    summaries.add("validation", 100, head__loss=0.25)
    summaries.add("train", 200, head__loss=0.125)
    summaries.close()
    first, second, third = events(tmp_path / "logs" / "train")
    assert first.file_version == "brain.Event:2"
    values = {value.tag: value.simple_value for value in second.summary.value}
    assert (second.step, values) == (100, {"head/loss": 0.5, "head/accuracy": 0.75})
    assert third.step == 200
    assert len(events(tmp_path / "logs" / "validation")) == 2


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    summaries = Summaries(tmp_path)
    summaries.add("train", 1, loss=math.nan, accuracy=None)
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_written() -> None:
    Summaries(None).add("train", 1, loss=1.0)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(TrainingError, match="the summaries cannot be written"):
        Summaries(tmp_path / "logs").add("train", 1, loss=1.0)
