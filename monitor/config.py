"""The settings of the daemon: one typed class for each section of the YAML file.

The classes hold and check; :mod:`monitor.config_file` reads the file, finds the line of each fault
and resolves credentials. Every field has a description: it is the text of the JSON schema that
editors show. Cameras and decisions have modules of their own and are taken from here all the same.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from monitor.config_camera import (
    CREDENTIAL_PATTERN,
    Camera,
    Credentials,
    Tiles,
    without_userinfo,
)
from monitor.config_conditions import Outages, Signal, Silencing, Site, ThresholdWhile
from monitor.config_decision import Decision, Rule, Smoothing, default_rules
from monitor.config_evidence import CameraEvidence, Evidence
from monitor.config_regions import Mask, Zone
from monitor.config_sinks import MOST_SINKS, Sink
from monitor.config_times import NamedIntervals, TimeInterval, TimesOfDay
from monitor.config_values import (
    DURATION_PATTERN,
    LONGEST_SECONDS,
    NAME_PATTERN,
    PositiveSeconds,
    Seconds,
    Section,
    parse_duration,
    parse_listen,
)
from monitor.config_web import Tls, Web, WebToken

__all__ = [
    "CREDENTIAL_PATTERN",
    "DURATION_PATTERN",
    "LONGEST_SECONDS",
    "NAME_PATTERN",
    "Batch",
    "Camera",
    "CameraEvidence",
    "Config",
    "Credentials",
    "Decision",
    "Evidence",
    "Inference",
    "Ingest",
    "Log",
    "Mask",
    "NamedIntervals",
    "Outages",
    "PositiveSeconds",
    "Rule",
    "Seconds",
    "Section",
    "Shadow",
    "Signal",
    "Silencing",
    "Sink",
    "Site",
    "Smoothing",
    "ThresholdWhile",
    "Tiles",
    "TimeInterval",
    "TimesOfDay",
    "Tls",
    "Web",
    "WebToken",
    "Zone",
    "default_rules",
    "parse_duration",
    "parse_listen",
    "without_userinfo",
]


class Batch(Section):
    """How frames of many cameras are scored together."""

    max_size: int = Field(
        8, ge=1, le=256, description="Most pictures in one batch; a GPU is faster with 32 and more."
    )
    max_wait: Seconds = Field(
        0.05, description="Longest time that a frame waits for others to share its batch."
    )


class Shadow(Section):
    """A candidate model that scores a share of the frames too, and raises nothing."""

    bundle: str = Field(description="`default`, or the folder of the candidate's bundle.")
    share: float = Field(0.1, gt=0, le=1, description="Share of the frames that it scores.")


class Inference(Section):
    """The model and what it runs on."""

    bundle: str = Field("default", description="`default`, or the folder of a model bundle.")
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto", description="auto: TensorFlow (or JAX) where Keras sees a GPU, else OpenVINO."
    )
    precision: Literal["auto", "int8", "full"] = Field(
        "auto",
        description="For OpenVINO; auto: int8 with second looks, unless it agrees too little.",
    )
    threads: int = Field(0, ge=0, le=256, description="Threads for scoring; 0: all cores.")
    batch: Batch = Field(default_factory=Batch, description="How frames are scored together.")
    still_interval: Seconds = Field(
        5.0,
        description="Longest time for which a calm scene goes unscored while its picture does not "
        "change; 0: every sample is scored.",
    )
    budget: float = Field(
        0.0,
        ge=0,
        le=100_000,
        description="Inferences a second, shared by all cameras: each frame has its full view "
        "scored, and tiles and zones in turns; 0: no limit.",
    )
    shadow: Shadow | None = Field(
        None,
        description="A candidate model, compared with the one in use on a share of the frames.",
    )


class Ingest(Section):
    """How cameras are read."""

    workers: int = Field(0, ge=0, le=256, description="Worker processes; 0: one for each core.")
    open_timeout: PositiveSeconds = Field(10.0, description="Longest time to open a source.")
    read_timeout: PositiveSeconds = Field(10.0, description="Longest time without a packet.")
    hang_timeout: PositiveSeconds = Field(
        20.0, description="A worker without progress for this long is killed and replaced."
    )
    max_back_off: PositiveSeconds = Field(60.0, description="Longest pause between reconnects.")
    max_side: int = Field(
        1920, ge=299, le=4096, description="Pictures are scaled down to this longer side, pixels."
    )
    hwaccel: Literal["auto", "none", "vaapi", "cuda"] = Field(
        "none",
        description="Hardware to decode streams with; auto: what is there. What it cannot do is "
        "decoded in software.",
    )


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="From here up.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: text on a terminal, else JSON, one object a line."
    )


class Config(Section):
    """The whole file."""

    listen: str = Field(
        "127.0.0.1:9108",
        examples=["127.0.0.1:9108"],
        description="Address and port for metrics, health, pages and API.",
    )
    state_dir: Path = Field(
        Path("/var/lib/emberwatch"), description="Folder for the event store and learned state."
    )
    cameras: list[Camera] = Field(min_length=1, description="What is watched.")
    rules: list[Rule] = Field(
        default_factory=default_rules, min_length=1, description="When scores become alerts."
    )
    time_intervals: list[NamedIntervals] = Field(
        default_factory=list, description="Times that rules and cameras refer to by name."
    )
    signals: list[Signal] = Field(
        default_factory=list, description="What outside tells of work that looks like fire."
    )
    sites: list[Site] = Field(
        default_factory=list, description="Cameras that see one place and must agree."
    )
    silence: Silencing = Field(
        default_factory=Silencing, description="Silences that people set for maintenance."
    )
    sinks: list[Sink] = Field(
        default_factory=list, max_length=MOST_SINKS, description="Who is told of alerts."
    )
    outages: Outages = Field(
        default_factory=Outages, description="Cameras that are not watched, told of by sinks."
    )
    external_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s@?#]+$",
        max_length=2048,
        examples=["https://fire.example.org"],
        description="Where people reach the pages; messages of sinks link there.",
    )
    inference: Inference = Field(default_factory=Inference, description="Model and engine.")
    decision: Decision = Field(default_factory=Decision, description="From scores to alerts.")
    ingest: Ingest = Field(default_factory=Ingest, description="How cameras are read.")
    evidence: Evidence = Field(
        default_factory=Evidence, description="Pictures and clips of alerts that fired."
    )
    web: Web = Field(default_factory=Web, description="Who may use pages and API.")
    log: Log = Field(default_factory=Log, description="Logging.")

    @field_validator("listen")
    @classmethod
    def _listen_is_an_address(cls, listen: str) -> str:
        parse_listen(listen)
        return listen
