"""Which engine is taken."""

import os
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.inference.bundle import Bundle
from monitor.inference.keras_backends import keras_backend
from monitor.inference.load import load_engine, sees_gpu

# Keras and NumPy disagree on a keyword; nothing that this project could change.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_each_engine_is_found_by_its_name(tiny_keras: Bundle) -> None:
    for name in ("openvino", "tensorflow"):
        engine = load_engine(tiny_keras, name, max_batch=1)
        assert engine.name == name
        engine.close()


def test_auto_scores_with_what_the_machine_has(tiny_keras: Bundle) -> None:
    engine = load_engine(tiny_keras, max_batch=1)
    assert engine.name == ("tensorflow" if sees_gpu() else "openvino")


def test_auto_takes_openvino_where_the_bundle_has_nothing_else(tiny: Bundle) -> None:
    assert load_engine(tiny, max_batch=1).name == "openvino"


def test_unknown_engine_is_refused(tiny: Bundle) -> None:
    with pytest.raises(ConfigError, match=r"'onnx'.*auto, openvino, tensorflow"):
        load_engine(tiny, "onnx")


def test_machine_without_device_nodes_has_no_gpu(tmp_path: Path) -> None:
    assert not sees_gpu(tmp_path)


def test_device_node_alone_is_no_gpu(tmp_path: Path) -> None:
    """The backend of Keras is asked, and on a machine whose own nodes are missing it sees none."""
    (tmp_path / "nvidia0").touch()
    assert sees_gpu(tmp_path) == sees_gpu()


@pytest.mark.parametrize(("platform", "seen"), [("gpu", True), ("cpu", False)])
def test_the_backend_that_keras_runs_on_is_the_one_that_is_asked(
    platform: str, seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With JAX no TensorFlow is needed, which may be missing, or be built without CUDA."""
    (tmp_path / "nvidia0").touch()
    (tmp_path / "tensorflow.py").write_text("raise ImportError")
    (tmp_path / "keras.py").write_text(
        "class backend:\n    backend = staticmethod(lambda: 'jax')\n"
    )
    (tmp_path / "jax.py").write_text(f"def default_backend():\n    return {platform!r}\n")
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), here]))
    assert sees_gpu(tmp_path) is seen


def test_jax_is_told_to_leave_memory_of_the_card_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "XLA_PYTHON_CLIENT_PREALLOCATE"
    monkeypatch.setenv(name, "")  # so that what is set now is undone
    monkeypatch.delenv(name)
    keras_backend()
    assert os.environ[name] == "false"
