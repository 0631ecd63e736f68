"""What fine-tuning asks of a framework: one step after the other, and all that there is to keep."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Learner(Protocol):
    """The model in training, its averaged twin, and the optimizer's memory.

    Attributes:
        step: steps taken.
        seconds: time spent.
        stale: validations since the best one.
    """

    step: int
    seconds: float
    stale: int

    def learn(
        self, pictures: NDArray[np.uint8], targets: NDArray[np.int32], rate: float
    ) -> tuple[float, float]:
        """Take one step.

        Args:
            pictures: uint8 (n, 299, 299, 3).
            targets: int32 (n,): label numbers.
            rate: share of the plan's learning rate.

        Returns:
            The loss and the share of the batch that was right, of this step or the one before.
        """
        ...

    def validate(
        self, pictures: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> tuple[float, float]:
        """Loss and accuracy of the averaged model."""
        ...

    def averaged(self) -> list[NDArray[np.float32]]:
        """The weights of the averaged model, in the model's order."""
        ...

    def state(self) -> tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]:
        """All that is needed to go on: named arrays, and the averaged weights."""
        ...

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what :meth:`state` gave."""
        ...


def numbered(values: dict[str, NDArray[Any]], name: str) -> list[NDArray[Any]]:
    """The arrays of a checkpoint with a name and a number behind it, by their numbers."""
    count = sum(key.startswith(name) for key in values)
    return [values[f"{name}{index}"] for index in range(count)]
