"""A model is loaded beside the one in use; nothing that was loaded is left open."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.errors import BundleError, EngineError
from monitor.inference.load import load_engine
from monitor.inference.swap import EngineSwap, Loaded
from tests.support.bundles import plain, tiny_bundle
from tests.support.daemon import wait_for


@pytest.fixture
def load(tmp_path: Path) -> Callable[[], Loaded]:
    bundle = tiny_bundle(tmp_path / "bundle", side=64)
    return lambda: Loaded(bundle, load_engine(bundle, "openvino", max_batch=1))


def closed(loaded: Loaded) -> bool:
    picture = plain((0, 0, 0), 64, 64)[None]
    with pytest.raises(Exception, match="closed"):
        loaded.engine.score(picture)
    return True


def test_what_was_loaded_is_given_once(load: Callable[[], Loaded]) -> None:
    swap = EngineSwap()
    assert swap.poll() is None
    swap.begin(load)
    loaded = wait_for(swap.poll, "the model is loaded")
    assert isinstance(loaded, Loaded)
    assert (swap.poll(), swap.busy) == (None, False)
    loaded.engine.close()


def test_why_it_could_not_be_loaded_is_given() -> None:
    def fail() -> Loaded:
        raise BundleError("it is broken")

    swap = EngineSwap()
    swap.begin(fail)
    assert str(wait_for(swap.poll, "the failure is known")) == "it is broken"


def test_what_a_library_raises_is_a_failure_and_not_silence() -> None:
    def fail() -> Loaded:
        raise ImportError("libcuda.so.1")

    swap = EngineSwap()
    swap.begin(fail)
    result = wait_for(swap.poll, "the failure is known")
    assert isinstance(result, EngineError)
    assert "libcuda" in str(result)


def test_a_later_model_overtakes_an_earlier_one(load: Callable[[], Loaded]) -> None:
    go = threading.Event()
    made: list[Loaded] = []

    def slowly() -> Loaded:
        go.wait(10)
        made.append(load())
        return made[-1]

    swap = EngineSwap()
    swap.begin(slowly)
    swap.begin(load)
    go.set()
    loaded = wait_for(swap.poll, "the later model is loaded")
    assert loaded is not made[0]
    assert closed(made[0])
    loaded.engine.close()


def test_stop_closes_what_nobody_took(load: Callable[[], Loaded]) -> None:
    made: list[Loaded] = []

    def keep() -> Loaded:
        made.append(load())
        return made[-1]

    swap = EngineSwap()
    swap.begin(keep)
    swap.stop(timeout_seconds=20)
    assert closed(made[0])
    assert swap.poll() is None
