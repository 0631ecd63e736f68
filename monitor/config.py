"""The settings of the daemon: one typed class for each section of the YAML file.

The classes hold and check; :mod:`monitor.config_file` reads the file, finds the line of each fault
and resolves credentials. Every field has a description: it is the text of the JSON schema that
editors show.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_duration(value: object) -> object:
    """Seconds from ``30``, ``"30s"``, ``"1m30s"`` or ``"500ms"``, as Prometheus writes them.

    What is no text is handed on to pydantic, which refuses what is no number.

    Raises:
        ValueError: the text is no duration.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _DURATION.sub("", text) and text:
        return sum(
            float(number) * _DURATION_UNITS[unit] for number, unit in _DURATION.findall(text)
        )
    raise ValueError(f"{value!r} is no duration; write it like 30s, 1m30s or 500ms")


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=7 * 86400)]
"""A duration in seconds; in YAML a number, or text like ``1m30s``."""


class Section(BaseModel):
    """Base of all sections: unknown keys are faults, values cannot be changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Credentials(Section):
    """How a camera is logged into. The password stands elsewhere, or in the file if you insist."""

    username: str | None = Field(None, description="User name, where it is no secret.")
    username_env: str | None = Field(None, description="Environment variable with the user name.")
    password: str | None = Field(
        None, repr=False, description="The password itself. Prefer one of the other three keys."
    )
    password_env: str | None = Field(None, description="Environment variable with the password.")
    password_file: Path | None = Field(None, description="File whose first line is the password.")
    credential: str | None = Field(
        None, description="Name of a systemd credential (LoadCredential=) that is the password."
    )

    @model_validator(mode="after")
    def _one_password(self) -> "Credentials":
        given = [
            key
            for key in ("password", "password_env", "password_file", "credential")
            if getattr(self, key) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"give the password once, not by {' and '.join(given)}")
        return self


class Tiles(Section):
    """Overlapping tiles, scored beside the full view."""

    rows: int = Field(2, ge=1, le=8, description="Rows of tiles.")
    columns: int = Field(2, ge=1, le=8, description="Columns of tiles.")
    overlap: float = Field(
        0.15, ge=0, lt=0.9, description="Share of a tile that its neighbour covers too."
    )


class Camera(Section):
    """One camera, file or folder that is watched."""

    name: str = Field(
        pattern=NAME_PATTERN, description="Unique name; the label `camera` of every metric."
    )
    url: str = Field(
        description="rtsp://, rtsps://, http(s):// (MJPEG or snapshot), file:/path, a path to a "
        "video or a folder of images, or v4l2:/dev/video0."
    )
    credentials: Credentials | None = Field(None, description="How to log in.")
    enabled: bool = Field(True, description="false: keep the entry, do not watch.")
    fps: float = Field(1.0, gt=0, le=30, description="Wanted samples a second.")
    decode: Literal["auto", "key", "all"] = Field(
        "auto", description="Frames to decode: key frames where they come often enough, or all."
    )
    loop: bool = Field(False, description="For files and folders: start again at the end.")
    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries the picture.")
    snapshot: bool = Field(
        False, description="For http(s): the URL gives one JPEG a request, and is asked at `fps`."
    )
    stale_after: Seconds = Field(
        15.0, gt=0, description="No frame for this long: the camera counts as blind."
    )
    tiles: Tiles | None = Field(None, description="Score overlapping tiles beside the full view.")
    rules: list[str] | None = Field(
        None, description="Names of the rules that hold here; all rules where it is left out."
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("", "rtsp", "rtsps", "http", "https", "file", "v4l2"):
            raise ValueError(
                f"a URL cannot begin with '{parts.scheme}:'; known are rtsp, rtsps, http, https, "
                "file, v4l2, or a plain path"
            )
        if parts.scheme in ("rtsp", "rtsps", "http", "https") and not parts.hostname:
            raise ValueError("the URL names no host")
        return url


class Rule(Section):
    """When scores become an alert. The words are Prometheus's own."""

    name: str = Field(pattern=NAME_PATTERN, description="The alert's name; unique.")
    label: str = Field(description="What it is for: a label of the model, fire or smoke.")
    threshold: float = Field(gt=0, lt=1, description="Smoothed score above which it is pending.")
    hold_for: Seconds = Field(
        2.0, alias="for", description="How long it must stay above to fire (0: at once)."
    )
    keep_firing_for: Seconds = Field(
        30.0, description="How long it must stay below before it is resolved."
    )


class Batch(Section):
    """How frames of many cameras are scored together."""

    max_size: int = Field(16, ge=1, le=256, description="Most pictures in one batch.")
    max_wait: Seconds = Field(
        0.05, description="Longest time that a frame waits for others to share its batch."
    )


class Inference(Section):
    """The model and what it runs on."""

    bundle: str = Field("default", description="`default`, or the folder of a model bundle.")
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto", description="auto: TensorFlow where it sees a GPU, else OpenVINO."
    )
    precision: Literal["auto", "int8", "full"] = Field(
        "auto", description="For OpenVINO: the int8 form, or the canonical model."
    )
    threads: int = Field(0, ge=0, le=256, description="Threads for scoring; 0: all cores.")
    batch: Batch = Field(default_factory=Batch, description="How frames are scored together.")


class Smoothing(Section):
    """How scores are smoothed in time, for each camera, label and region."""

    half_life: Seconds = Field(
        1.0, description="Exponential: after this time an old score weighs half (0: none)."
    )


class Decision(Section):
    """From scores to alerts."""

    smoothing: Smoothing = Field(default_factory=Smoothing, description="Smoothing in time.")


class Ingest(Section):
    """How cameras are read."""

    workers: int = Field(0, ge=0, le=256, description="Worker processes; 0: one for each core.")
    open_timeout: Seconds = Field(10.0, gt=0, description="Longest time to open a source.")
    read_timeout: Seconds = Field(10.0, gt=0, description="Longest time without a packet.")
    hang_timeout: Seconds = Field(
        20.0, gt=0, description="A worker without progress for this long is killed and replaced."
    )
    max_back_off: Seconds = Field(60.0, gt=0, description="Longest pause between reconnects.")
    max_side: int = Field(
        1280, ge=299, le=4096, description="Pictures are scaled down to this longer side, pixels."
    )


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="From here up.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: text on a terminal, else JSON, one object a line."
    )


def default_rules() -> list[Rule]:
    """One rule each for fire and smoke."""
    return [
        Rule.model_validate({"name": "fire", "label": "fire", "threshold": 0.6}),
        Rule.model_validate({"name": "smoke", "label": "smoke", "threshold": 0.6}),
    ]


class Config(Section):
    """The whole file."""

    listen: str = Field(
        "127.0.0.1:9108", description="Address and port for metrics, health and the status page."
    )
    state_dir: Path = Field(
        Path("/var/lib/emberwatch"), description="Folder for the event store and learned state."
    )
    cameras: list[Camera] = Field(min_length=1, description="What is watched.")
    rules: list[Rule] = Field(
        default_factory=default_rules, min_length=1, description="When scores become alerts."
    )
    inference: Inference = Field(default_factory=Inference, description="Model and engine.")
    decision: Decision = Field(default_factory=Decision, description="From scores to alerts.")
    ingest: Ingest = Field(default_factory=Ingest, description="How cameras are read.")
    log: Log = Field(default_factory=Log, description="Logging.")
