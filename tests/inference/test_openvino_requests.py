"""How a batch is shared out over the streams of a model."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.inference.buckets import split_batch
from monitor.inference.openvino_requests import Requests, part_size, stream_count

SIZES = (1, 2, 4)


def test_each_thread_has_a_stream_as_long_as_there_are_few() -> None:
    assert [stream_count(threads) for threads in (1, 2, 4, 16)] == [1, 2, 4, 4]


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 1), (4, 2), (5, 2), (8, 4), (16, 4)])
def test_batch_of_two_streams_gives_both_something_to_do(count: int, size: int) -> None:
    assert part_size(count, 2, SIZES) == size


@given(st.integers(1, 100), st.integers(1, 8))
def test_parts_are_sizes_that_are_made_ready_and_sum_to_the_batch(count: int, streams: int) -> None:
    size = part_size(count, streams, SIZES)
    parts = split_batch(count, [known for known in SIZES if known <= size])
    assert sum(parts) == count
    assert set(parts) <= set(SIZES)
    assert max(parts) * streams < count + streams


class _Model:
    """Stands for a compiled model whose output is the mean of a picture. OpenVINO's own cannot be
    told which of several requests is to fail."""

    def __init__(self) -> None:
        self.made = 0
        self.running: list[int] = []
        self.most_running = 0
        self.bad = -1.0

    def create_infer_request(self) -> "_Request":
        self.made += 1
        return _Request(self, self.made)


class _Request:
    def __init__(self, model: _Model, number: int) -> None:
        self._model, self._number = model, number
        self.data = np.empty((0, 1), np.float32)

    def start_async(self, inputs: list[Any], *, share_inputs: bool) -> None:
        assert share_inputs
        assert self._number not in self._model.running, "a request that is under way was started"
        self._model.running.append(self._number)
        self._model.most_running = max(self._model.most_running, len(self._model.running))
        self.data = inputs[0].mean(axis=(1, 2, 3), dtype=np.float32)[:, None]

    def wait(self) -> None:
        self._model.running.remove(self._number)
        if (self.data == self._model.bad).any():
            raise RuntimeError("broken")

    def get_output_tensor(self, number: int) -> "_Request":
        assert number == 0
        return self


def pictures(count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    made = np.zeros((count, 2, 2, 3), np.uint8)
    made += np.arange(count, dtype=np.uint8)[:, None, None, None]
    return made


@given(st.integers(1, 40), st.integers(1, 4))
def test_results_stand_in_the_order_of_the_pictures(count: int, streams: int) -> None:
    model = _Model()
    result = np.empty((count, 1), np.float32)
    parts = split_batch(count, SIZES)
    Requests(model, streams).run(pictures(count), parts, [result])
    assert result[:, 0].tolist() == list(range(count))
    assert model.running == []
    assert model.most_running == min(streams, len(parts))


@pytest.mark.parametrize("bad", range(8))
def test_after_a_failure_nothing_runs_and_fresh_requests_are_taken(bad: int) -> None:
    model = _Model()
    requests = Requests(model, 2)
    result = np.empty((8, 1), np.float32)
    model.bad = float(bad)
    with pytest.raises(RuntimeError, match="broken"):
        requests.run(pictures(8), [1] * 8, [result])
    assert model.running == []
    model.bad = -1.0
    requests.run(pictures(8), [4, 4], [result])
    assert result[:, 0].tolist() == list(range(8))
    assert model.made == 4
