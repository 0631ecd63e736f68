"""The tiny bundle's real engine, made as slow as a test needs it."""

import time

import numpy as np
from numpy.typing import NDArray

from monitor.inference.bundle import Bundle
from monitor.inference.engine import Plain
from monitor.inference.load import load_engine
from monitor.inference.scored import Scores


class SlowEngine:
    """Scores as the real engine does, and takes its time for each picture."""

    def __init__(self, bundle: Bundle, seconds: float, *, max_batch: int = 4) -> None:
        self._engine = load_engine(bundle, "openvino", max_batch=max_batch)
        self.seconds = seconds
        """What each picture costs."""
        self.name = self._engine.name
        self.device = self._engine.device
        self.labels = self._engine.labels
        self.batch_sizes = self._engine.batch_sizes

    def warm_up(self) -> None:
        self._engine.warm_up()

    def score(self, pictures: NDArray[np.uint8], plain: Plain | None = None) -> Scores:
        time.sleep(self.seconds * len(pictures))
        return self._engine.score(pictures, plain)

    def close(self) -> None:
        self._engine.close()
