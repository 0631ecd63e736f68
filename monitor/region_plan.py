"""Which regions of a frame are scored: the full view always, tiles and zones in turns. Pure.

A camera with tiles costs as many inferences as it has regions. Few of them have anything to tell: a
part of the picture that is as it was when it was scored, and was calm then, keeps its score for a
few seconds (as a whole picture does, :mod:`monitor.still_scene`). And where there is a budget of
inferences, each frame gets a few tiles beside its full view: what looks suspicious always, then in
turns, where a part that changed counts for four of its age. So nothing waits for ever, whatever
goes on elsewhere in the picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.inference.regions import bounds, full_view
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.ingest.gist import NO_GIST
from monitor.still_scene import StillSettings, differs

CHANGED_WEIGHT = 4.0
"""A part that changed is scored as if it had waited for so many times as long."""

LEAST_TILES = 1.0
"""A frame gets so many regions beside its full view, however small the budget."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a camera would have scored of each second."""

    fps: float
    extra: int
    """Inferences of a frame beside its full view."""


@dataclass(slots=True)
class _Part:
    """What is known of one region."""

    scored: ScoredRegion
    at: float
    gist: NDArray[np.uint8]
    hazard: float


class RegionPlan:
    """The regions of one camera, and when each was scored last."""

    def __init__(
        self,
        regions: Sequence[Region],
        alerting: Sequence[int],
        tiles_per_frame: float | None,
        *,
        fps: float = 1.0,
    ) -> None:
        """
        Args:
            regions: all views of the camera; the views of a region stand together.
            alerting: positions of the labels that can raise an alert.
            tiles_per_frame: inferences that a frame may take beside its full view, in the mean;
                None: as many as it likes.
            fps: frames a second that the camera is sampled at. A frame that was passed over leaves
                its share to the next.
        """
        self._views: dict[str, list[Region]] = {}
        for view in regions:
            self._views.setdefault(view.view_of or view.name, []).append(view)
        self._alerting = list(alerting)
        self.tiles_per_frame = tiles_per_frame
        self._fps = fps
        self._credit = 0.0
        self._chosen_at: float | None = None
        self._parts: dict[str, _Part] = {}
        self._offered: tuple[int, NDArray[np.uint8]] = (-1, NO_GIST)

    def choose(
        self,
        sequence: int,
        gist: NDArray[np.uint8],
        at: float,
        settings: StillSettings,
        *,
        everything: bool,
    ) -> tuple[Region, ...]:
        """The views of a frame that are to be scored.

        Args:
            sequence: number of the frame.
            gist: of the frame.
            at: when it was captured, monotonic seconds.
            settings: what counts as calm, and how long that holds.
            everything: nothing is left out: an alert is pending or firing.
        """
        self._offered = (sequence, gist)
        since = 0.0 if self._chosen_at is None else at - self._chosen_at
        self._chosen_at = at
        names = [name for name in self._views if name != full_view().name]
        if everything or not names:
            return self._with(names)
        must, may = [], []
        for name in names:
            part = self._parts.get(name)
            if part is None or part.hazard >= settings.calm_score:
                must.append(name)
                continue
            age = at - part.at
            changed = self._changed(name, part, gist)
            if self.tiles_per_frame is None:
                if changed or not 0.0 <= age < settings.longest_seconds:
                    must.append(name)
            else:
                may.append((age * (CHANGED_WEIGHT if changed else 1.0), name))
        if self.tiles_per_frame is not None:
            # Saved up, but never for more than all of them.
            share = self.tiles_per_frame * max(1.0, self._fps * since)
            self._credit = min(self._credit + share, float(self._cost(names)))
            self._credit -= self._cost(must)
            for place, (_, name) in enumerate(sorted(may, key=lambda waits: -waits[0])):
                if place and self._credit < 1.0:
                    break  # but one has its turn, whatever the suspicious ones cost
                must.append(name)
                self._credit -= self._cost([name])
            # What is suspicious is scored on credit; the rest does not pay it back.
            self._credit = max(self._credit, 0.0)
        return self._with(must)

    def complete(self, scored: ScoredFrame) -> ScoredFrame:
        """A frame with all regions: those that were not scored have the scores that they had.

        Args:
            scored: with one set of scores for each region that was chosen.
        """
        sequence, gist = self._offered
        for part in scored.regions:
            self._parts[part.region.name] = _Part(
                part,
                scored.captured_monotonic,
                gist if sequence == scored.sequence else NO_GIST,
                float(part.scores[self._alerting].sum()),
            )
        known = [self._parts[name].scored for name in self._views if name in self._parts]
        return replace(scored, regions=tuple(known))

    def forget(self) -> None:
        """What was scored is of long ago: every region is scored with the next frame, and with
        each one until its scores have come; what was scored before does not stand for it."""
        self._parts.clear()

    def _changed(self, name: str, part: _Part, gist: NDArray[np.uint8]) -> bool:
        if part.gist.shape != gist.shape or not gist.size:
            return True
        region = self._views[name][0]
        left, top, right, bottom = bounds(region, gist.shape[1], gist.shape[0])
        return differs(part.gist[top:bottom, left:right], gist[top:bottom, left:right])

    def _cost(self, names: Sequence[str]) -> int:
        return sum(len(self._views[name]) for name in names)

    def _with(self, names: Sequence[str]) -> tuple[Region, ...]:
        chosen = {*names, full_view().name}
        return tuple(
            view for name, views in self._views.items() if name in chosen for view in views
        )


def allot(budget: float, demands: Mapping[str, Demand]) -> dict[str, float]:
    """Inferences beside the full view that a frame of each camera may take.

    All cameras get the same number, but for those that need fewer: what these leave is for the
    others.

    Args:
        budget: inferences a second of all cameras together.
        demands: by camera.
    """
    left = budget - sum(demand.fps for demand in demands.values())
    allotted: dict[str, float] = {}
    waiting = sorted(demands.items(), key=lambda item: item[1].extra)
    rate = sum(demand.fps for _, demand in waiting)
    for name, demand in waiting:
        fair = max(LEAST_TILES, left / rate)
        allotted[name] = min(fair, float(demand.extra))
        left -= allotted[name] * demand.fps
        rate -= demand.fps
    return allotted
