"""The section of one camera: where it is, how it is logged into, and how it is watched."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from monitor.config_evidence import CameraEvidence, Evidence
from monitor.config_regions import MAX_MASKS, MAX_ZONES, Mask, Zone, check_masks
from monitor.config_values import NAME_PATTERN, PositiveSeconds, Section
from monitor.redact import has_stray_login, redact

CREDENTIAL_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}$"


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
    threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Stands in for the threshold of every rule in the tiles; the rules' own where "
        "it is left out.",
    )

    def names(self) -> list[list[str]]:
        """What the tiles are called, row by row."""
        return [[f"tile-{r}-{c}" for c in range(self.columns)] for r in range(self.rows)]


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
    substream_url: str | None = Field(
        None,
        max_length=2048,
        examples=["rtsp://10.0.4.17/stream2"],
        description="The camera's small stream, with the same login: it is watched instead, where "
        "it can be.",
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
    masks: list[Mask] = Field(
        default_factory=list,
        max_length=MAX_MASKS,
        description="Parts of the picture that are filled before it is scored.",
    )
    zones: list[Zone] = Field(
        default_factory=list,
        max_length=MAX_ZONES,
        description="Parts of the picture that are scored by themselves, beside the full view.",
    )
    rules: list[str] | None = Field(
        None, description="Names of the rules that hold here; all rules where it is left out."
    )
    evidence: CameraEvidence = Field(
        default_factory=CameraEvidence, description="What of `evidence` is otherwise here."
    )
    site: str | None = Field(
        None,
        pattern=NAME_PATTERN,
        description="The place it sees; alerts of cameras with the same one are one incident.",
    )
    active_time_intervals: list[str] = Field(
        default_factory=list, description="Its rules hold only in these time intervals."
    )
    mute_time_intervals: list[str] = Field(
        default_factory=list, description="Its rules do not hold in these time intervals."
    )
    inhibited_by: list[str] = Field(
        default_factory=list,
        description="Its rules do not hold while one of these signals is on.",
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

    @field_validator("substream_url")
    @classmethod
    def _another_stream(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if without_userinfo(url)[0] != url:
            raise ValueError(
                "the URL holds a user name; the login of `url`, or `credentials`, is used here too"
            )
        if urlsplit(url).scheme not in ("rtsp", "rtsps"):
            raise ValueError("a sub-stream is an rtsp:// or rtsps:// URL")
        return cls._known_scheme(url)

    @field_validator("masks")
    @classmethod
    def _something_is_seen(cls, masks: list[Mask], info: ValidationInfo) -> list[Mask]:
        return check_masks(masks, info.data.get("name", "without a name"))

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
            secret = key in ("url", "substream_url") and value is not None
            yield key, redact(value) if secret else value


def films(camera: Camera, evidence: Evidence) -> bool:
    """Whether alerts of a camera get a clip."""
    own = camera.evidence.clips
    return evidence.clips if own is None else own
