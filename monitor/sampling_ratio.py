"""How often a camera's frames were scored, of how often they were wanted. Pure."""

import math

HALF_LIFE_SECONDS = 20.0
"""What lies back by so much counts half."""
_HALF_LIFE_PERIODS = 10.0
"""A slow camera is looked at for longer: so many of its sampling periods at the least."""
_LEAST_WANTED = 3.0
"""Before so many frames were wanted, nothing is said."""


class SamplingRatio:
    """Follows one camera."""

    def __init__(self) -> None:
        self._attended = self._wanted = 0.0
        self._seen = 0

    @property
    def value(self) -> float:
        """0 to 1; NaN where nothing is known yet, or the camera gave nothing to score lately."""
        if self._wanted < _LEAST_WANTED:
            return math.nan
        return min(1.0, self._attended / self._wanted)

    def note(self, attended: int, fps: float, seconds: float, *, up: bool) -> None:
        """Take note of a stretch of time.

        Args:
            attended: frames since the start that were scored, or that needed no score.
            fps: frames a second that are wanted, above 0.
            seconds: since the last note.
            up: whether the camera gives pictures; of one that does not, nothing is wanted.
        """
        new = max(0, attended - self._seen)
        self._seen = attended
        if not up:
            # Begins anew: what was before says nothing of how it goes on.
            self._attended = self._wanted = 0.0
            return
        kept = 0.5 ** (seconds / max(HALF_LIFE_SECONDS, _HALF_LIFE_PERIODS / fps))
        self._attended = self._attended * kept + new
        self._wanted = self._wanted * kept + fps * seconds
