"""The settings of the daemon: one typed class for each section of the YAML file.

The classes hold and check; :mod:`monitor.config_file` reads the file, finds the line of each fault
and resolves credentials. Every field has a description: it is the text of the JSON schema that
editors show.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from monitor.redact import has_stray_login, redact

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
CREDENTIAL_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}$"
DURATION_PATTERN = r"^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$"

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


def _duration_schema(lowest: str) -> WithJsonSchema:
    number = {"type": "number", lowest: 0, "maximum": LONGEST_SECONDS}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": DURATION_PATTERN}]})


LONGEST_SECONDS = 7 * 86400

Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, le=LONGEST_SECONDS),
    _duration_schema("minimum"),
]
"""A duration in seconds; in YAML a number, or text like ``1m30s``."""

PositiveSeconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(gt=0, le=LONGEST_SECONDS),
    _duration_schema("exclusiveMinimum"),
]
"""A duration that cannot be 0."""


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:9108``, ``[::1]:9108`` or ``:9108`` (all addresses).

    Port 0 asks the system for a free one.

    Raises:
        ValueError: the text is no address with a port.
    """
    host, separator, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if (
        not separator
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or int(port) > 65535
        or (not bracketed and not re.fullmatch(r"[A-Za-z0-9_.-]*", host))
        or (bracketed and not re.fullmatch(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?", host[1:-1]))
    ):
        raise ValueError(
            f"'{text}' is no address with a port; write it like 127.0.0.1:9108, or :9108 for "
            "every address of this machine"
        )
    return (host[1:-1] if bracketed else host) or "0.0.0.0", int(port)  # noqa: S104 - asked for


class Section(BaseModel):
    """Base of all sections: unknown keys are faults, values cannot be changed after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: object, info: ValidationInfo) -> object:
        """Python takes true for 1; in a configuration, ``fps: yes`` is a mistake."""
        if isinstance(value, bool) and info.field_name is not None:
            annotation = cls.model_fields[info.field_name].annotation
            if annotation in (int, float):
                raise ValueError(
                    f"{str(value).lower()} was found where a number belongs; write the number"
                )
        return value


class Credentials(Section):
    """How a camera is logged into. The password stands elsewhere, or in the file if you insist."""

    username: str | None = Field(
        None, min_length=1, max_length=256, description="User name, where it is no secret."
    )
    username_env: str | None = Field(
        None, min_length=1, description="Environment variable with the user name."
    )
    password: SecretStr | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="The password itself. Prefer one of the other three keys.",
    )
    password_env: str | None = Field(
        None, min_length=1, description="Environment variable with the password."
    )
    password_file: Path | None = Field(None, description="File whose first line is the password.")
    credential: str | None = Field(
        None,
        pattern=CREDENTIAL_PATTERN,
        description="Name of a systemd credential (LoadCredential=) that is the password.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> "Credentials":
        passwords = [
            key
            for key in ("password", "password_env", "password_file", "credential")
            if getattr(self, key) is not None
        ]
        names = [key for key in ("username", "username_env") if getattr(self, key) is not None]
        if len(passwords) > 1:
            raise ValueError(
                f"the password is given by {' and '.join(passwords)}; keep one of them"
            )
        if len(names) > 1:
            raise ValueError("the user name is given by username and username_env; keep one")
        if not names:
            raise ValueError("no user name is given; add username or username_env")
        return self


def without_userinfo(url: str) -> tuple[str, str | None, str | None]:
    """Take user name and password out of a URL: (URL without them, user name, password).

    Raises:
        ValueError: the URL cannot be taken apart. The message does not repeat it, as it may hold
            a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(
            "the URL cannot be taken apart; check host and port, and write a user name or password "
            "with special characters under `credentials` instead"
        ) from None
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at or not parts.scheme:
        return url, None, None
    name, colon, password = userinfo.partition(":")
    plain = parts._replace(netloc=host).geturl()
    return plain, unquote(name) or None, unquote(password) if colon and password else None


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
        max_length=2048,
        examples=["rtsp://10.0.4.17/stream2", "file:/srv/clip.mp4"],
        description="rtsp://, rtsps://, http(s):// (MJPEG or snapshot), file:/path, a path to a "
        "video or a folder of images, or v4l2:/dev/video0.",
    )
    credentials: Credentials | None = Field(None, description="How to log in.")
    enabled: bool = Field(True, description="false: keep the entry, do not watch.")
    fps: float = Field(1.0, gt=0, le=30, description="Wanted samples a second.")
    decode: Literal["auto", "key", "all"] = Field(
        "auto", description="Frames to decode: key frames where they come often enough, or all."
    )
    loop: bool = Field(False, description="For files and folders: start again at the end.")
    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries the picture.")
    tls_verify: bool = Field(
        True,
        description="For rtsps and https: check the camera's certificate. false takes any, as most "
        "cameras sign their own.",
    )
    snapshot: bool = Field(
        False, description="For http(s): the URL gives one JPEG a request, and is asked at `fps`."
    )
    stale_after: PositiveSeconds = Field(
        15.0, description="No frame for this long: the camera counts as blind."
    )
    tiles: Tiles | None = Field(None, description="Score overlapping tiles beside the full view.")
    rules: list[str] | None = Field(
        None, description="Names of the rules that hold here; all rules where it is left out."
    )

    @model_validator(mode="before")
    @classmethod
    def _credentials_out_of_url(cls, value: object) -> object:
        """Move user name and password from the URL to `credentials`: a URL is shown and logged."""
        if not isinstance(value, Mapping) or not isinstance(value.get("url"), str):
            return value
        try:
            url, username, password = without_userinfo(value["url"])
        except ValueError:
            return value  # the validator of `url` says so, at that key
        if url == value["url"] or value.get("credentials") is not None:
            return value  # the validator of `credentials` refuses to have both
        login = {"username": username, "password": password}
        given = {key: text for key, text in login.items() if text is not None}
        return {**value, "url": url, "credentials": given or None}

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        without_userinfo(url)
        parts = urlsplit(url)
        if parts.scheme not in ("", "rtsp", "rtsps", "http", "https", "file", "v4l2"):
            raise ValueError(
                f"a URL cannot begin with '{parts.scheme}:'; known are rtsp, rtsps, http, https, "
                "file, v4l2, or a plain path"
            )
        if parts.scheme in ("rtsp", "rtsps", "http", "https") and has_stray_login(url):
            raise ValueError(
                "an '@' stands behind the host, as in a login whose password holds a '/', '?' or "
                "'#'; percent-encode those (%2F, %3F, %23) or write the login under `credentials`; "
                "an '@' of the path itself is written %40"
            )
        if parts.scheme in ("rtsp", "rtsps", "http", "https") and not parts.hostname:
            raise ValueError("the URL names no host; write it like rtsp://10.0.4.17/stream2")
        if parts.scheme == "v4l2" and not parts.path.startswith("/dev/"):
            raise ValueError("the URL names no device; write it like v4l2:/dev/video0")
        if not parts.scheme and not url.strip():
            raise ValueError("the URL is empty; write it like rtsp://10.0.4.17/stream2")
        if parts.scheme == "file" and not parts.path.strip("/"):
            raise ValueError("the URL names no file; write it like file:/srv/clip.mp4")
        if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
            raise ValueError(
                f"the URL names a file on another host, '{parts.netloc}'; write it like "
                "file:/srv/clip.mp4"
            )
        return url

    @field_validator("credentials")
    @classmethod
    def _one_place(cls, value: Credentials | None, info: ValidationInfo) -> Credentials | None:
        url = info.data.get("url", "")
        if value is not None and without_userinfo(url)[0] != url:
            raise ValueError(
                "the URL names a user as well; keep `credentials` and take the user out of the URL"
            )
        return value

    def __repr_args__(self) -> Any:
        """As pydantic's, but secrets in the URL's query (``?pwd=…``) stay hidden."""
        for key, value in super().__repr_args__():
            yield key, redact(value) if key == "url" else value


class Rule(Section):
    """When scores become an alert. The words are Prometheus's own."""

    name: str = Field(pattern=NAME_PATTERN, description="The alert's name; unique.")
    label: str = Field(description="What it is for: a label of the model, fire or smoke.")
    threshold: float = Field(gt=0, lt=1, description="Smoothed score above which it is pending.")
    hold_for: Seconds = Field(
        1.0, alias="for", description="How long it must stay above to fire (0: at once)."
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

    kind: Literal["exponential", "median", "k_of_n"] = Field(
        "exponential",
        description="exponential: by time; median of the last n; k_of_n: the kth highest of them.",
    )
    half_life: Seconds = Field(
        1.0, description="Exponential: after this time an old score weighs half (0: none)."
    )
    n: int = Field(10, ge=1, le=1000, description="median and k_of_n: how many samples count.")
    k: int = Field(3, ge=1, le=1000, description="k_of_n: how many of the n must be above.")

    @model_validator(mode="after")
    def _k_within_n(self) -> "Smoothing":
        if self.kind == "k_of_n" and self.k > self.n:
            raise ValueError(f"k is {self.k} and n is {self.n}: k cannot be more than n")
        return self


class Decision(Section):
    """From scores to alerts."""

    smoothing: Smoothing = Field(default_factory=Smoothing, description="Smoothing in time.")
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
        Rule.model_validate({"name": "fire", "label": "fire", "threshold": 0.65}),
        Rule.model_validate({"name": "smoke", "label": "smoke", "threshold": 0.65}),
    ]


class Config(Section):
    """The whole file."""

    listen: str = Field(
        "127.0.0.1:9108",
        examples=["127.0.0.1:9108"],
        description="Address and port for metrics, health and the status page.",
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

    @field_validator("listen")
    @classmethod
    def _listen_is_an_address(cls, listen: str) -> str:
        parse_listen(listen)
        return listen
