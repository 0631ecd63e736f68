"""The last scores of a camera, few enough to be kept for hundreds of cameras and drawn at once."""

from collections.abc import Iterable

MOST_POINTS = 120
SPACING_SECONDS = 1.0
"""Points are no closer; of scores that are, the highest counts: a short flame is not lost."""

TracePoint = tuple[float, float]
"""Monotonic time of the frame in seconds, and the score, 0 to 1."""


class ScoreTrace:
    """Keeps the newest points. For one thread, apart from :attr:`points`."""

    __slots__ = ("points",)

    def __init__(self) -> None:
        self.points: tuple[TracePoint, ...] = ()
        """Oldest first. Always another tuple: whoever has one may keep it."""

    def add(self, at: float, scores: Iterable[float]) -> None:
        """The scores of a frame that was seen at a monotonic time: the highest is kept."""
        score = max(scores, default=0.0)
        points = self.points
        if points and at - points[-1][0] < SPACING_SECONDS:
            before, highest = points[-1]
            self.points = (*points[:-1], (before, max(highest, score)))
        else:
            self.points = (*points[1 - MOST_POINTS :], (at, score))
