"""What the decision of one camera is set to, and how it follows from a configuration.

The rest of the room takes these classes and knows no configuration, so that it can be tested and
tuned without a file. The two functions at the end are the one place where it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.config import Camera, Config


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One rule: when evidence for a label becomes an alert."""

    name: str
    label: str
    threshold: float
    hold_seconds: float = 1.0
    """``for``: observed time above the threshold before it fires."""
    keep_firing_seconds: float = 30.0
    """Observed time below the clearing level before it is resolved."""
    other_thresholds: tuple[float, ...] = ()
    """Thresholds that it has at other times. What fires is held by the lowest, so that an alert
    does not end because the time of a lower threshold does."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """Which smoothing, and its constants."""

    kind: str = "exponential"
    half_life: float = 1.0
    n: int = 10
    k: int = 3
    reference: float = 0.6


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """What a view usually scores; see :mod:`monitor.decision.baseline`."""

    enabled: bool = True
    limit: float = 1.5
    """Most that a score is lowered, in log-odds."""
    rise_per_day: float = 1.0
    """Most that what is usual at a time of day rises in a day, in log-odds."""
    margin: float = 1.0
    """How far above the usual a score must be to reach a threshold, in log-odds."""
    model: str = ""
    """Which model gives the scores: what was learned from another is dropped."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """All but the rules."""

    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    baseline: BaselineSettings = field(default_factory=BaselineSettings)
    clear_ratio: float = 0.8
    """The clearing level is the threshold times this."""
    certain: float = 0.95
    """Evidence from here up stands against the threshold without smoothing."""
    hazards: tuple[str, ...] = ("smoke", "fire")
    """Labels that share their evidence, mildest first."""
    sample_seconds: float = 1.0
    """The wanted time between two frames of this camera."""
    max_step_periods: float = 3.0
    """A step of more sample periods than this is a gap."""
    slack_periods: float = 0.1
    """``for`` and ``keep_firing_for`` may fall short by this part of a sample period: frames of a
    live camera do not come on the dot, and without it every other alert would wait for one more."""
    region_thresholds: tuple[tuple[str, float], ...] = ()
    """Regions with a threshold of their own, which stands in for that of every rule."""


def decision_settings(config: Config, camera: Camera, model: str = "") -> DecisionSettings:
    """The settings of a camera's decision, from the whole configuration.

    Args:
        model: a name for the model that scores, by which a baseline of another is known.
    """
    smoothing = config.decision.smoothing
    baseline = config.decision.baseline
    return DecisionSettings(
        smoothing=SmoothingSettings(
            kind=smoothing.kind,
            half_life=smoothing.half_life,
            n=smoothing.n,
            k=smoothing.k,
            reference=smoothing.reference,
        ),
        baseline=BaselineSettings(
            enabled=baseline.enabled,
            limit=baseline.limit,
            rise_per_day=baseline.rise_per_day,
            model=model,
        ),
        clear_ratio=config.decision.clear_ratio,
        certain=config.decision.certain,
        hazards=tuple(config.decision.hazards),
        sample_seconds=1.0 / camera.fps,
        region_thresholds=_region_thresholds(camera),
    )


def alert_labels(config: Config, camera: Camera, labels: Sequence[str]) -> tuple[str, ...]:
    """The labels of a model whose scores can raise an alert of a camera, in its order."""
    counts = {*config.decision.hazards, *(rule.label for rule in rule_settings(config, camera))}
    return tuple(label for label in labels if label in counts)


def _region_thresholds(camera: Camera) -> tuple[tuple[str, float], ...]:
    found = [(zone.name, zone.threshold) for zone in camera.zones]
    if camera.tiles is not None:
        found += [(n, camera.tiles.threshold) for names in camera.tiles.names() for n in names]
    return tuple((name, threshold) for name, threshold in found if threshold is not None)


def rule_settings(config: Config, camera: Camera) -> tuple[RuleSettings, ...]:
    """The rules that hold for a camera: those it names, else all."""
    return tuple(
        RuleSettings(
            name=rule.name,
            label=rule.label,
            threshold=rule.threshold,
            hold_seconds=rule.hold_for,
            keep_firing_seconds=rule.keep_firing_for,
            other_thresholds=tuple(other.threshold for other in rule.thresholds),
        )
        for rule in config.rules
        if camera.rules is None or rule.name in camera.rules
    )
