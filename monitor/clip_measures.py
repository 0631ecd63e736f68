"""How well alerts match labels, clip by clip. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from monitor.clip_labels import ClipLabel

EARLY_SECONDS = 1.0
"""Onsets are labelled by eye: an alert so much earlier is still one for what was labelled."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the daemon made of one labelled clip."""

    label: ClipLabel
    seconds: float
    """Media time of the last frame scored."""
    frames_scored: int
    max_scores: Mapping[str, float]
    firings: tuple[tuple[float, str], ...]
    """When each alert fired first, seconds, and the label it is for; by time."""
    within_seconds: float
    """An alert later than this after the onset comes too late."""

    @property
    def false_alarm(self) -> bool:
        """Something fired where nothing was to be seen: in a quiet clip, or before the onset."""
        if not self.firings:
            return False
        onset = self.label.onset_seconds
        return onset is None or self.firings[0][0] < onset - EARLY_SECONDS

    @property
    def delay_seconds(self) -> float | None:
        """From the onset to the first alert that is not before it; None where there is neither."""
        onset = self.label.onset_seconds
        if onset is None:
            return None
        later = [at for at, _ in self.firings if at >= onset - EARLY_SECONDS]
        if not later:
            # An alert that was already firing goes on: the hazard is not missed, it is at once.
            return 0.0 if self.firings else None
        return max(0.0, round(later[0] - onset, 3))

    @property
    def in_time(self) -> bool:
        """Fire or smoke was raised within the time allowed."""
        delay = self.delay_seconds
        return delay is not None and delay <= self.within_seconds

    @property
    def called_fire(self) -> bool:
        return any(label == "fire" for _, label in self.firings)

    @property
    def verdict(self) -> str:
        """A word or two for the table."""
        if self.label.hazard:
            if not self.firings:
                return "missed"
            if not self.in_time:
                return "late"
            if self.false_alarm:
                return "alarm before onset"
            if self.label.kind == "fire" and not self.called_fire:
                return "in time, not called fire"
            return "in time"
        return "false alarm" if self.false_alarm else "quiet"


@dataclass(frozen=True, slots=True)
class Measures:
    """Sums over clips. What has nothing to be counted on is None."""

    hazards: int
    """Clips with fire or smoke."""
    quiet: int
    """Clips without."""
    detected: int
    """Clips with fire or smoke that were raised in time."""
    false_alarms: int
    """Clips with an alert where nothing was to be seen."""
    fires_raised: int
    """Clips of fire that were raised at all."""
    fires_called_fire: int
    precision: float | None
    recall: float | None
    f1: float | None
    camera_hours: float
    """Length of all clips."""
    quiet_hours: float
    """Length without fire or smoke: quiet clips, and the others up to their onset."""
    false_alarms_per_hour: float | None
    median_delay: float | None
    """Seconds from onset to alert, over the clips that were raised at all."""
    longest_delay: float | None

    def as_dict(self) -> dict[str, int | float | None]:
        """For JSON."""
        return asdict(self)


def measure(outcomes: Sequence[Outcome]) -> Measures:
    """Sum up."""
    hazards = [outcome for outcome in outcomes if outcome.label.hazard]
    detected = sum(outcome.in_time for outcome in hazards)
    false_alarms = sum(outcome.false_alarm for outcome in outcomes)
    raised = [o for o in hazards if o.label.kind == "fire" and o.firings]
    delays = [o.delay_seconds for o in hazards if o.delay_seconds is not None]
    quiet_seconds = sum(
        o.seconds if o.label.onset_seconds is None else min(o.label.onset_seconds, o.seconds)
        for o in outcomes
    )
    precision = _ratio(detected, detected + false_alarms)
    recall = _ratio(detected, len(hazards))
    f1 = None
    if precision is not None and recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Measures(
        hazards=len(hazards),
        quiet=len(outcomes) - len(hazards),
        detected=detected,
        false_alarms=false_alarms,
        fires_raised=len(raised),
        fires_called_fire=sum(outcome.called_fire for outcome in raised),
        precision=precision,
        recall=recall,
        f1=f1,
        camera_hours=sum(outcome.seconds for outcome in outcomes) / 3600,
        quiet_hours=quiet_seconds / 3600,
        false_alarms_per_hour=_ratio(false_alarms, quiet_seconds / 3600),
        median_delay=median(delays) if delays else None,
        longest_delay=max(delays) if delays else None,
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
