"""Whether a frame must be scored, or shows what was scored a moment ago. Pure.

Most scenes stand still most of the time, and a picture that is as it was has the score that it had.
So a frame is passed over while its gist (:mod:`monitor.ingest.gist`) is that of the last frame that
was scored, and its score stands for it. Compared is with the last frame that was *scored*, never
with the one before: a fire that grows slowly adds up until it is seen.

What is passed over is bounded four ways: a scene whose last score was anything but calm is scored
each time; so is one with an alert that is pending or firing, or in a burst; nothing is passed over
for longer than a few seconds; and frames of a dead camera, or a frozen one, never get here. While a
frame waits for its score, nothing is decided on those behind it that look as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.inference.scored import ScoredFrame
from monitor.ingest.gist import NO_GIST

CELL_STEP = 6
"""Grey levels by which no pixel of the gist may differ: it is the mean of 16 pixels, so noise of a
standard deviation of 3 moves the most restless of 2304 by 4."""

AREA_STEP = 1.5
"""Grey levels by which no mean over AREA x AREA pixels of the gist may differ: thin smoke changes
little, over much. The same noise moves the most restless of 144 by 0.6."""

AREA = 4

CALM_SCORE = 0.2
"""A scene is calm when what counts as hazard scores less than this, in all its regions; and less
than half of its lowest threshold."""

_OFFERED = 4
"""Frames of one camera that may be on their way through the engine at once."""


@dataclass(frozen=True, slots=True)
class StillSettings:
    """How long one camera may go without a score."""

    longest_seconds: float
    """0: every frame is scored."""
    calm_score: float
    """The hazard must be below."""


class StillScene:
    """Follows one camera."""

    def __init__(self, settings: StillSettings) -> None:
        self.settings = settings
        self._offered: dict[int, NDArray[np.uint8]] = {}
        self._reference: NDArray[np.uint8] | None = None
        """The gist of the last frame that was scored; None where that was not calm."""
        self._scored_at = 0.0

    def needs_score(self, gist: NDArray[np.uint8], at: float) -> bool:
        """Whether a frame must be scored.

        Args:
            gist: of the frame.
            at: when it was captured, monotonic seconds.
        """
        reference = self._reference
        if reference is None or not 0.0 <= at - self._scored_at < self.settings.longest_seconds:
            return True
        return differs(reference, gist)

    def offered(self, sequence: int, gist: NDArray[np.uint8]) -> None:
        """A frame goes to the engine."""
        self._offered[sequence] = gist
        while len(self._offered) > _OFFERED:
            del self._offered[next(iter(self._offered))]

    def scored(self, sequence: int, at: float, hazard: float, *, alert: bool) -> None:
        """A frame was scored.

        Args:
            sequence: as it was offered.
            at: when it was captured, monotonic seconds.
            hazard: the highest of its scores for anything that can raise an alert, 0 to 1.
            alert: one is pending or firing now.
        """
        gist = self._offered.pop(sequence, NO_GIST)
        calm = not alert and hazard < self.settings.calm_score
        self._reference = gist if calm and gist.size else None
        self._scored_at = at

    def disturb(self) -> None:
        """Score the next frame, whatever it shows."""
        self._reference = None


def still_settings(
    interval_seconds: float,
    stale_after_seconds: float,
    rules: Sequence[RuleSettings],
    decision: DecisionSettings,
) -> StillSettings:
    """The settings of a camera, from what is configured and from the thresholds that it has.

    A camera gets three scores within its ``stale_after`` at the least.
    """
    thresholds = [rule.threshold for rule in rules]
    thresholds += [other for rule in rules for other in rule.other_thresholds]
    thresholds += [threshold for _, threshold in decision.region_thresholds]
    return StillSettings(
        longest_seconds=min(interval_seconds, stale_after_seconds / 3),
        calm_score=min([CALM_SCORE, *(threshold / 2 for threshold in thresholds)]),
    )


def highest_hazard(scored: ScoredFrame, columns: Sequence[int]) -> float:
    """The most that counts as hazard in any region of a frame, 0 to 1.

    Args:
        scored: the frame.
        columns: positions of the labels that can raise an alert.
    """
    return max(float(part.scores[list(columns)].sum()) for part in scored.regions)


def differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two gists show different scenes, beyond a sensor's noise."""
    if one.shape != other.shape or not one.size:
        return True
    difference = one.astype(np.int16) - other
    if int(np.abs(difference).max()) > CELL_STEP:
        return True
    rows, columns = (side // AREA for side in one.shape)
    if not rows or not columns:
        return True  # so small a picture that there is no telling
    cut = difference[: rows * AREA, : columns * AREA].reshape(rows, AREA, columns, AREA)
    return float(np.abs(cut.mean(axis=(1, 3))).max()) > AREA_STEP
