"""The sections for circumstances under which rules hold, and for cameras that see one place."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from monitor.config_values import LONGEST_SECONDS, NAME_PATTERN, PositiveSeconds, Section


class ThresholdWhile(Section):
    """Another threshold at certain times, or while a signal is on."""

    threshold: float = Field(gt=0, lt=1, description="The threshold then.")
    during: str | None = Field(None, description="Name of the time intervals.")
    signal: str | None = Field(None, description="Or name of the signal.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.during is None) == (self.signal is None):
            raise ValueError("write when it counts: either `during: NAME` or `signal: NAME`")
        return self


class Signal(Section):
    """What outside tells of work that looks like fire: a query that Prometheus answers."""

    name: str = Field(pattern=NAME_PATTERN, description="What it is called by; unique.")
    prometheus: str = Field(
        max_length=2048,
        examples=["http://127.0.0.1:9090"],
        description="Where Prometheus is, or what answers its API.",
    )
    query: str = Field(
        min_length=1,
        max_length=4096,
        examples=["welding_active == 1"],
        description="The signal is on while this gives a value other than 0.",
    )
    every: PositiveSeconds = Field(5.0, description="Time between two questions.")
    timeout: PositiveSeconds = Field(2.0, description="Longest wait for an answer.")

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, every: float) -> float:
        if every < 1:
            raise ValueError("Prometheus is asked at most once a second; write 1s or more")
        return every

    @field_validator("prometheus")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("this is no address; write it like http://127.0.0.1:9090")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError(
                "write the plain address, without login and query, like http://127.0.0.1:9090"
            )
        return url


class Site(Section):
    """Cameras that see one place and must agree."""

    name: str = Field(pattern=NAME_PATTERN, description="The name that cameras give as `site`.")
    agree: int = Field(
        1,
        ge=1,
        le=64,
        description="How many of its cameras must see it before an alert fires; those that see "
        "nothing now do not count, and a near-certain score needs no other camera.",
    )
    within: PositiveSeconds = Field(
        30.0, description="They must have seen it within this time of each other."
    )


class Outages(Section):
    """Cameras that are not watched: down, stale, frozen, or not scored."""

    tell: bool = Field(
        True, description="Sinks are told of them, as of an alert with the label `outage`."
    )
    after: PositiveSeconds = Field(
        300.0, description="How long a camera must not have been watched before they are."
    )


class Silencing(Section):
    """Silences that people set for maintenance."""

    max_duration: PositiveSeconds = Field(
        LONGEST_SECONDS, description="Longest time that a camera can be silenced for at once."
    )
