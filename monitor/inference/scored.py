"""What inference hands on: the scores of a batch, and those of one frame, region by region."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.polygon import Polygon


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of a batch of pictures."""

    probabilities: NDArray[np.float32]
    """float32 (n, labels): calibrated probabilities, each row sums to 1."""
    cells: NDArray[np.float32] | None = None
    """float32 (n, rows, columns, labels): the calibrated logits of each cell of a grid over the
    picture. The head is linear, so their mean over all cells is what the softmax gets. None where
    the model does not tell."""
    second_looks: int = 0
    """Pictures of these that were scored twice, as the first scores left doubt."""
    second_look_fault: str = ""
    """Why doubtful pictures have no second scores and keep their first; empty where they have."""

    def __len__(self) -> int:
        return len(self.probabilities)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the picture that is scored as one, in coordinates relative to the frame."""

    name: str
    """``full``, ``tile-<row>-<column>`` counted from 0, or the name of a zone: a bounded set,
    usable as a label."""
    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    hidden: tuple[Polygon, ...] = ()
    """Masks: what is inside them is filled before scoring."""
    view_of: str = ""
    """Where a region is scored with several sets of masks, the name of it; empty for the first."""
    speaks_for: tuple[str, ...] = ()
    """With several views of a region: the labels that this one may raise."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where something is, relative to the frame: from 0 to 1, left < right and top < bottom."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRegion:
    """The scores of one region of one frame."""

    region: Region
    scores: NDArray[np.float32]
    """float32 (labels,): calibrated probabilities in the order of the engine's labels."""
    cells: NDArray[np.float32] | None = None
    """float32 (rows, columns, labels): as in :class:`Scores`, of this region."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrame:
    """All scores of one frame of one camera."""

    camera: str
    sequence: int
    captured_at: float
    """Unix time, seconds."""
    captured_monotonic: float
    """Monotonic time, seconds; in a replay, media time."""
    regions: tuple[ScoredRegion, ...]
