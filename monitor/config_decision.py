"""The sections that say when scores become alerts."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from monitor.config_conditions import ThresholdWhile
from monitor.config_values import NAME_PATTERN, PositiveSeconds, Seconds, Section
from monitor.decision.outage import OUTAGE


class Rule(Section):
    """When scores become an alert. The words are Prometheus's own."""

    name: str = Field(
        pattern=NAME_PATTERN, description="The alert's name; unique, and not `outage`."
    )
    label: str = Field(description="What it is for: a label of the model, fire or smoke.")
    threshold: float = Field(gt=0, lt=1, description="Smoothed score above which it is pending.")
    hold_for: Seconds = Field(
        1.0, alias="for", description="How long it must stay above to fire (0: at once)."
    )
    keep_firing_for: Seconds = Field(
        30.0, description="How long it must stay below before it is resolved."
    )
    active_time_intervals: list[str] = Field(
        default_factory=list, description="It holds only in these time intervals."
    )
    mute_time_intervals: list[str] = Field(
        default_factory=list, description="It does not hold in these time intervals."
    )
    inhibited_by: list[str] = Field(
        default_factory=list, description="It does not hold while one of these signals is on."
    )
    thresholds: list[ThresholdWhile] = Field(
        default_factory=list,
        description="Other thresholds for certain times or signals; the first that fits counts.",
    )

    @field_validator("name")
    @classmethod
    def _no_outage(cls, name: str) -> str:
        if name == OUTAGE:
            raise ValueError(
                "`outage` is what a camera that is not watched is told of as; call the rule "
                "something else"
            )
        return name


class Smoothing(Section):
    """How scores are smoothed in time, for each camera, label and region."""

    kind: Literal["exponential", "median", "k_of_n", "sequential"] = Field(
        "exponential",
        description="exponential: by time; median of the last n; k_of_n: the kth highest of them; "
        "sequential: evidence summed over time.",
    )
    half_life: Seconds = Field(
        1.0, description="Exponential: after this time an old score weighs half (0: none)."
    )
    n: int = Field(10, ge=1, le=1000, description="median and k_of_n: how many samples count.")
    k: int = Field(3, ge=1, le=1000, description="k_of_n: how many of the n must be above.")

    reference: float = Field(
        0.6,
        gt=0,
        lt=1,
        description="sequential: a score that speaks neither for nor against; more, and it doubts.",
    )

    @model_validator(mode="after")
    def _k_within_n(self) -> "Smoothing":
        if self.kind == "k_of_n" and self.k > self.n:
            raise ValueError(f"k is {self.k} and n is {self.n}: k cannot be more than n")
        return self


class Baseline(Section):
    """What each view usually scores, for each region, label and time of day."""

    enabled: bool = Field(
        True, description="Count a score for what it is above what this view usually shows."
    )
    limit: float = Field(
        1.5,
        ge=0,
        le=5,
        description="Most that a score is lowered, in log-odds (1.5: from 0.89 to 0.65).",
    )
    rise_per_day: float = Field(
        1.0,
        gt=0,
        le=24,
        description="Most that the usual at a time of day rises in a day, in log-odds.",
    )


class Burst(Section):
    """Sampling a camera faster while one of its alerts is pending."""

    fps: float = Field(
        5.0,
        ge=0,
        le=30,
        description="Samples a second while an alert is pending; cameras with a higher fps of "
        "their own keep it (0: no bursts).",
    )
    cameras: int = Field(
        4, ge=1, le=1000, description="Most cameras in a burst at once; others wait their turn."
    )
    max_time: PositiveSeconds = Field(
        30.0, description="Longest burst; the next one begins after no alert was pending."
    )


class Decision(Section):
    """From scores to alerts."""

    smoothing: Smoothing = Field(default_factory=Smoothing, description="Smoothing in time.")
    baseline: Baseline = Field(
        default_factory=Baseline, description="What each view usually scores."
    )
    clear_ratio: float = Field(
        0.8,
        gt=0,
        le=1,
        description="An alert clears when its evidence is below threshold times this.",
    )
    certain: float = Field(
        0.95,
        gt=0,
        le=1,
        description="Evidence from here up stands against the threshold without smoothing "
        "(1: only a full score does).",
    )
    burst: Burst = Field(
        default_factory=Burst, description="Faster sampling while an alert is pending."
    )
    hazards: list[str] = Field(
        default_factory=lambda: ["smoke", "fire"],
        description="Labels that share their evidence and make one event, mildest first.",
    )

    @field_validator("hazards")
    @classmethod
    def _each_once(cls, hazards: list[str]) -> list[str]:
        twice = sorted({label for label in hazards if hazards.count(label) > 1})
        if twice:
            raise ValueError(f"name each label once; {', '.join(twice)} would count twice")
        return hazards


def default_rules() -> list[Rule]:
    """One rule each for fire and smoke."""
    return [
        Rule.model_validate({"name": "fire", "label": "fire", "threshold": 0.65}),
        Rule.model_validate({"name": "smoke", "label": "smoke", "threshold": 0.65}),
    ]
