from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError
from trainer.export import compare, new_bundle


def test_a_new_bundle_takes_the_place_of_the_old_one_as_a_whole(tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    output.mkdir()
    (output / "old").write_text("")
    with new_bundle(output) as folder:
        (folder / "new").write_text("")
        assert (output / "old").exists()
    assert [path.name for path in output.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_failed_export_leaves_the_old_bundle_and_no_rubbish(tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    output.mkdir()
    (output / "old").write_text("")

    def export() -> None:
        with new_bundle(output) as folder:
            (folder / "new").write_text("")
            raise TrainingError("no space")

    with pytest.raises(TrainingError, match="no space"):
        export()
    assert [path.name for path in output.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(TrainingError, match="cannot be written: No space left on device"),
        new_bundle(tmp_path / "bundle"),
    ):
        raise OSError(28, "No space left on device")


def test_forms_are_compared_by_label_and_by_score() -> None:
    canonical = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
    form = np.array([[0.8, 0.2], [0.55, 0.45]], np.float32)
    found = compare(form, canonical, np.array([0, 1]))
    assert (found.accuracy, found.canonical_accuracy, found.agreement) == (0.5, 1.0, 0.5)
    assert found.max_difference == pytest.approx(0.15)
    assert found.agreement_within == 0.0
    assert compare(canonical + 0.04, canonical, np.array([0, 1])).agreement_within == 1.0
    assert compare(form, canonical, np.array([0, 1]), ("stem",)).float_blocks == ("stem",)
