"""Runs the parts of a batch side by side: one request for each stream of a compiled model.

A stream has threads of its own. Two cores that work on one part wait for one another at each layer,
and for whichever of them a decoder has taken; two parts do not. Measured with Inception v3 in int8
and batches of 4 on two cores that decoders use as well: 31 ms a picture where one stream with both
cores took 45, for the same processor time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_STREAMS = 4
"""More would cost memory, and leave one picture alone on a small part of the machine."""


def stream_count(threads: int) -> int:
    """Streams for so many threads: one each, as long as there are few."""
    return max(1, min(threads, _MOST_STREAMS))


def part_size(count: int, streams: int, sizes: Sequence[int]) -> int:
    """How many pictures of ``count`` go together: as many as give each stream something to do.

    Args:
        count: pictures, at least 1.
        streams: at least 1.
        sizes: what is made ready; contains 1.
    """
    share = -(-count // streams)
    return max(size for size in sizes if size <= share)


class Requests:
    """The requests of one compiled model. Not for use by two threads at once.

    Args:
        compiled: ``openvino.CompiledModel``.
        count: of requests.
    """

    def __init__(self, compiled: Any, count: int) -> None:
        self._compiled = compiled
        self._count = count
        self._requests: list[Any] = []

    def run(
        self,
        pictures: NDArray[np.uint8],
        parts: Sequence[int],
        results: Sequence[NDArray[np.float32]],
    ) -> None:
        """Infer the pictures part by part, and write what the model gives.

        Args:
            pictures: uint8 (n, height, width, 3), contiguous; not copied.
            parts: pictures of each part; they sum to n.
            results: one array (n, ...) for each output of the model; is written to.

        Raises:
            RuntimeError: OpenVINO failed. The next run begins with fresh requests.
            MemoryError: likewise.
        """
        if not self._requests:
            self._requests = [self._compiled.create_infer_request() for _ in range(self._count)]
        under_way: list[tuple[Any, slice]] = []
        done = 0
        try:
            for number, size in enumerate(parts):
                if number >= self._count:
                    _collect(*under_way.pop(0), results)
                part = slice(done, done + size)
                request = self._requests[number % self._count]
                request.start_async([pictures[part]], share_inputs=True)
                under_way.append((request, part))
                done += size
            while under_way:
                _collect(*under_way.pop(0), results)
        except (RuntimeError, MemoryError):
            self._forget(under_way)
            raise

    def _forget(self, under_way: Sequence[tuple[Any, slice]]) -> None:
        """Take fresh requests next time; those that still read the pictures are waited for."""
        self._requests = []
        for request, _ in under_way:
            try:
                request.wait()
            except RuntimeError:
                continue  # one fault of the batch is told of already


def _collect(request: Any, part: slice, results: Sequence[NDArray[np.float32]]) -> None:
    request.wait()
    for number, result in enumerate(results):
        result[part] = request.get_output_tensor(number).data
