"""Scored frames and deciders for tests, without a model."""

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.decision.decider import Decider
from monitor.decision.settings import DecisionSettings, RuleSettings, SmoothingSettings
from monitor.decision.state import AlertState, Transition
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion

LABELS = ("fire", "misc", "smoke")
WALL = 1_700_000_000.0
"""Unix time of monotonic time 0 in these tests."""


def scores_of(fire: float, smoke: float) -> tuple[float, float, float]:
    """Scores in the order of LABELS; what is left over is misc."""
    return fire, max(0.0, 1.0 - fire - smoke), smoke


def frame(
    at: float,
    fire: float = 0.0,
    smoke: float = 0.0,
    *,
    wall: float | None = None,
    regions: Sequence[tuple[str, float, float]] | None = None,
) -> ScoredFrame:
    """A frame of the camera ``dock`` at monotonic time ``at``.

    ``regions`` names several parts with fire and smoke each, instead of the full view alone.
    """
    parts = regions if regions is not None else [("full", fire, smoke)]
    return ScoredFrame(
        camera="dock",
        sequence=0,
        captured_at=WALL + at if wall is None else wall,
        captured_monotonic=at,
        regions=tuple(
            ScoredRegion(Region(name), np.array(scores_of(f, s), dtype=np.float32))
            for name, f, s in parts
        ),
    )


def rules(
    hold: float = 2.0, keep: float = 5.0, *, fire: float = 0.6, smoke: float = 0.6
) -> tuple[RuleSettings, RuleSettings]:
    """One rule each for fire and smoke."""
    return (
        RuleSettings("fire", "fire", fire, hold, keep),
        RuleSettings("smoke", "smoke", smoke, hold, keep),
    )


def decider(
    hold: float = 2.0,
    keep: float = 5.0,
    *,
    half_life: float = 0.0,
    certain: float = 0.95,
    kind: str = "exponential",
    rule_set: Sequence[RuleSettings] | None = None,
) -> Decider:
    """A decider for the camera ``dock`` at one frame a second; unsmoothed if not asked else."""
    return Decider(
        "dock",
        rules(hold, keep) if rule_set is None else rule_set,
        LABELS,
        DecisionSettings(smoothing=SmoothingSettings(kind, half_life), certain=certain),
    )


def feed(target: Decider, frames: Iterable[ScoredFrame]) -> list[Transition]:
    """All transitions that the frames bring."""
    return [transition for scored in frames for transition in target.update(scored)]


def steps(transitions: Iterable[Transition]) -> list[tuple[str, str, float]]:
    """Alert, event and time of each transition."""
    return [(t.alert, t.event, t.captured_monotonic) for t in transitions]


def fired(transitions: Iterable[Transition]) -> dict[str, float]:
    """The time at which each alert fired first."""
    times: dict[str, float] = {}
    for transition in transitions:
        if transition.state is AlertState.FIRING:
            times.setdefault(transition.alert, transition.captured_monotonic)
    return times
