from pathlib import Path

import numpy as np
import pytest

from monitor.errors import TrainingError
from trainer.checkpoint import load_checkpoint, save_checkpoint


def test_what_is_saved_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "run" / "last.npz"
    save_checkpoint(path, {"counts": np.array([3, 4])}, [np.eye(2), np.ones(3)])
    found = load_checkpoint(path)
    assert found is not None
    assert found.keys() == {"counts", "weight0", "weight1"}
    np.testing.assert_array_equal(found["weight0"], np.eye(2))
    assert [file.name for file in path.parent.iterdir()] == ["last.npz"]


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "last.npz") is None


def test_a_broken_checkpoint_is_named_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "last.npz"
    save_checkpoint(path, {}, [np.ones(1000)])
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(TrainingError, match="remove it to start from the beginning"):
        load_checkpoint(path)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "last.npz"
    np.savez(path, weight0=np.array([{"a": 1}], dtype=object))
    with pytest.raises(TrainingError, match="broken"):
        load_checkpoint(path)
