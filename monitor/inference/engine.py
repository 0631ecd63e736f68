"""The seam of inference: what every engine does, whatever it runs on."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.inference.scored import Scores

Plain = Callable[[NDArray[np.intp]], NDArray[np.uint8]]
"""Gives pictures of a batch, by their numbers in it, cut out of their frames in the plain way:
slower than the batch was, and to the last digit as the model is trained and judged. It may raise
EngineError."""


class Engine(Protocol):
    """Gives calibrated scores for uint8 pictures. Scaling to the model's range is the model's."""

    name: str
    """``openvino``, ``tensorflow``, …, as in the configuration and metrics."""
    device: str
    """What it runs on, for people: ``CPU (int8)``, ``GPU:0 (bfloat16)``, …"""
    labels: tuple[str, ...]
    """Output order."""
    batch_sizes: Sequence[int]
    """The sizes that are made ready; a batch of another size is padded to one, or split."""

    def warm_up(self) -> None:
        """Run each batch size once, so that the first real frame is not the slow one."""
        ...

    def score(self, pictures: NDArray[np.uint8], plain: Plain | None = None, /) -> Scores:
        """Score a batch.

        Args:
            pictures: uint8 (n, height, width, 3), RGB, at the size of the bundle's geometry.
            plain: for an engine that looks at some of them again; None where ``pictures`` are that
                already.

        Returns:
            Calibrated probabilities and, where the model has them, the logits of its cells from the
            same pass.

        Raises:
            EngineError: inference failed, or gave a value that is not a finite number.
        """
        ...

    def close(self) -> None:
        """Give back memory and threads; the engine cannot be used afterwards."""
        ...
