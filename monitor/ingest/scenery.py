"""Whether a camera still looks where it always looked: the edges of its scenery, learned. Pure.

Light changes, people and lorries pass, rain falls: the edges of walls and poles stay where they
are. So each picture, averaged down, becomes a field of edge directions (without their sign, because
the night turns light on dark into dark on light). The reference is the slow mean of these fields:
what moves averages out of it, what stands remains. How alike a picture and the reference are is a
cosine: 1 for the same edges, about 0 for another view, whatever the contrast.

A camera that pans by itself has no view of its own: its pictures are never much like their mean,
and then nothing is said.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.gist import AVERAGED, square_sums

_FAINT = 6.0
"""Steps between squares that are well below this, in grey levels, are noise and count little."""
_LEAST_EDGES = 0.02
"""Mean strength of the edges of a picture (0 to 1) below which it has no scenery to know it by."""


@dataclass(frozen=True, slots=True)
class SceneryLimits:
    """What counts as another view."""

    learn_seconds: float = 600.0
    """How long a view must be known before it can be called another."""
    learn_half_life_seconds: float = 600.0
    adopt_half_life_seconds: float = 14_400.0
    """How fast another view becomes the usual one: a camera that was turned is no news for ever."""
    usual_likeness: float = 0.5
    """Pictures must usually be this much like the reference; else the camera has no view."""
    other_likeness: float = 0.15
    """Another view, where the likeness is below."""
    after_seconds: float = 60.0
    """For so long without a break."""


class SceneryWatch:
    """Follows one camera's pictures, in order."""

    def __init__(self, limits: SceneryLimits | None = None) -> None:
        self._limits = limits or SceneryLimits()
        self._reference: NDArray[np.complex64] | None = None
        self._usual = 0.0
        self._began = self._last = 0.0
        self._other_since: float | None = None

    def update(self, grey: NDArray[np.uint8], monotonic: float) -> bool:
        """Whether the camera has looked elsewhere for long enough.

        Args:
            grey: uint8 (rows, columns), always of one size.
            monotonic: when it was captured, seconds.
        """
        limits = self._limits
        edges = edge_field(grey)
        elapsed, self._last = max(0.0, monotonic - self._last), monotonic
        if not edges.size or float(np.abs(edges).mean()) < _LEAST_EDGES:
            return False
        if self._reference is None:
            self._reference, self._began, self._usual = edges, monotonic, 1.0
            return False
        likeness = _cosine(self._reference, edges)
        known = monotonic - self._began >= limits.learn_seconds
        other = known and self._usual >= limits.usual_likeness and likeness < limits.other_likeness
        if not other:
            self._other_since = None
        elif self._other_since is None:
            self._other_since = monotonic
        half_life = limits.adopt_half_life_seconds if other else limits.learn_half_life_seconds
        # The first pictures count alike, so that the reference is not the first one for long.
        age = max(monotonic - self._began, 1e-3)
        share = 1.0 - 0.5 ** (elapsed / half_life)
        share = share if known else max(share, min(1.0, elapsed / age))
        self._reference = (self._reference + share * (edges - self._reference)).astype(np.complex64)
        if not other:
            self._usual += (likeness - self._usual) * share
        return (
            self._other_since is not None and monotonic - self._other_since >= limits.after_seconds
        )


def edge_field(grey: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Direction and strength of the edges, evenly spread; empty for a picture too small.

    Returns:
        complex64 (rows, columns): the strength, 0 to 1, and twice the angle, so that both senses
        of an edge are one.
    """
    sums = square_sums(grey)
    if min(sums.shape) < 3:
        return np.empty((0, 0), np.complex64)
    mean = sums.astype(np.float32) / AVERAGED**2
    across = mean[1:-1, 2:] - mean[1:-1, :-2]
    down = mean[2:, 1:-1] - mean[:-2, 1:-1]
    step = across + 1j * down
    field: NDArray[np.complex64] = (step**2 / (np.abs(step) ** 2 + _FAINT**2)).astype(np.complex64)
    return field


def _cosine(one: NDArray[np.complex64], other: NDArray[np.complex64]) -> float:
    size = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.vdot(one, other).real) / size if size > 0 else 0.0
