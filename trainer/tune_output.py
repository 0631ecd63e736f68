"""What ``emberwatch tune`` found, for people and for programs."""

import json
import math
from dataclasses import dataclass
from typing import TextIO

from monitor.decision.settings import SmoothingSettings
from trainer.evaluate import wilson
from trainer.sweep import Candidate, Score, poisson_interval


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of a sweep."""

    budget_per_week: float
    within_seconds: float
    now: Score
    """The settings of the configuration."""
    proposed: Score | None
    """None where nothing keeps to the budget."""
    front: tuple[Score, ...]
    """Those that no other beats in recall and in false alarms."""
    tried: tuple[Score, ...] = ()
    """All, in the order they were tried."""


def describe(candidate: Candidate) -> str:
    smoothing = candidate.smoothing
    if smoothing.kind == "exponential":
        how = f"exponential, half-life {smoothing.half_life:g} s"
    elif smoothing.kind == "median":
        how = f"median of {smoothing.n}"
    elif smoothing.kind == "sequential":
        how = f"sequential, reference {smoothing.reference:g}"
    else:
        how = f"{smoothing.k} of {smoothing.n}"
    return f"{candidate.threshold:.2f}  {candidate.hold_seconds:>3g} s  {how:<28}"


def _line(name: str, score: Score) -> str:
    low, high = wilson(score.recall, score.hazards) if score.hazards else (math.nan, math.nan)
    delay = "-" if math.isinf(score.median_delay) else f"{score.median_delay:.1f} s"
    return (
        f"{name:<9} {describe(score.candidate)} {score.found:>3} of {score.hazards:<3} "
        f"({low:.0%} to {high:.0%})  {delay:>7}  {score.false_alarms:>5}  {score.per_week:>9.2f} "
        f"(at most {score.most_per_week:.2f})\n"
    )


_HEADING = (
    f"{'':<9} {'level':<5} {'for':<5} {'smoothing':<28} {'found':<24} {'median':>5}  {'false':>5}  "
    "a camera and week (95 %)\n"
)


def write_text(out: TextIO, found: Findings) -> None:
    """A table for people, what it proves, and the YAML to paste."""
    now, proposed = found.now, found.proposed
    hours = now.quiet_seconds / 3600
    out.write(
        f"{now.hazards} times fire or smoke, {hours:.1f} camera-hours without; found is within "
        f"{found.within_seconds:g} s\n\n"
    )
    out.write(_HEADING)
    out.write(_line("now", now))
    for score in found.front:
        out.write(_line("best", score))
    if proposed is None:
        out.write(
            f"\nNothing keeps to {found.budget_per_week:g} false alarms a camera and week. What "
            "raises them belongs into the model: retrain with these pictures as background.\n"
        )
        return
    out.write(_line("proposed", proposed))
    if proposed.most_per_week > found.budget_per_week:
        needed = poisson_interval(0)[1] / found.budget_per_week * 168
        out.write(
            f"\nNot proven: {hours:.1f} hours cannot show that the budget of "
            f"{found.budget_per_week:g} a week is kept. It takes {needed:.0f} camera-hours "
            "without a false alarm (emberwatch record).\n"
        )
    out.write(f"\n{fragment(proposed.candidate)}")


def fragment(candidate: Candidate) -> str:
    """The YAML to paste for fire and smoke."""
    lines = ["decision:", "  smoothing:", f"    kind: {candidate.smoothing.kind}"]
    lines += [f"    {key}: {value}" for key, value in _constants(candidate.smoothing)]
    lines.append("rules:")
    for label in ("fire", "smoke"):
        lines += [
            f"  - name: {label}",
            f"    label: {label}",
            f"    threshold: {candidate.threshold:g}",
            f"    for: {candidate.hold_seconds:g}s",
        ]
    return "\n".join(lines) + "\n"


def _constants(smoothing: SmoothingSettings) -> list[tuple[str, object]]:
    if smoothing.kind == "exponential":
        return [("half_life", f"{smoothing.half_life:g}s")]
    if smoothing.kind == "median":
        return [("n", smoothing.n)]
    if smoothing.kind == "sequential":
        return [("reference", smoothing.reference)]
    return [("n", smoothing.n), ("k", smoothing.k)]


def write_json(out: TextIO, found: Findings) -> None:
    """The same as one JSON object."""
    proposed = found.proposed
    answer = {
        "budget_per_week": found.budget_per_week,
        "now": _as_dict(found.now),
        "proposed": _as_dict(proposed) if proposed else None,
        "best": [_as_dict(score) for score in found.front],
        "yaml": fragment(proposed.candidate) if proposed else None,
    }
    out.write(json.dumps(answer) + "\n")


def _as_dict(score: Score) -> dict[str, object]:
    low, high = wilson(score.recall, score.hazards) if score.hazards else (None, None)
    return {
        "threshold": score.candidate.threshold,
        "for_seconds": score.candidate.hold_seconds,
        "smoothing": {
            "kind": score.candidate.smoothing.kind,
            **dict(_constants(score.candidate.smoothing)),
        },
        "hazards": score.hazards,
        "found": score.found,
        "recall_interval": [low, high],
        "fires": score.fires,
        "called_fire": score.called,
        "median_delay_seconds": None if math.isinf(score.median_delay) else score.median_delay,
        "false_alarms": score.false_alarms,
        "quiet_hours": score.quiet_seconds / 3600,
        "false_alarms_per_week": score.per_week,
        "false_alarms_per_week_at_most": (
            None if math.isinf(score.most_per_week) else score.most_per_week
        ),
    }
