"""The sections for sinks: who is told of alerts, how, and for how long it is tried."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from monitor.config_camera import CREDENTIAL_PATTERN
from monitor.config_values import NAME_PATTERN, PositiveSeconds, Section

MOST_SINKS = 64

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS = frozenset({"alertname", "camera", "alert", "label", "site", "severity", "via"})


class Secret(Section):
    """Where a secret stands: one of four places."""

    file: Path | None = Field(None, description="File whose first line it is.")
    env: str | None = Field(None, min_length=1, description="Environment variable with it.")
    credential: str | None = Field(
        None,
        pattern=CREDENTIAL_PATTERN,
        description="Name of a systemd credential (LoadCredential=).",
    )
    value: SecretStr | None = Field(
        None, min_length=1, description="The secret itself; the other places are better."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [key for key in ("file", "env", "credential", "value") if getattr(self, key)]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ValueError(
                f"the secret is given by {found}; write one of file, env, credential or value"
            )
        return self


class SinkTls(Section):
    """Whom to trust over TLS, and how to show who we are."""

    ca_file: Path | None = Field(
        None, description="PEM file with the authority to trust; the system's where left out."
    )
    cert_file: Path | None = Field(None, description="PEM file with our own certificate.")
    key_file: Path | None = Field(None, description="PEM file with its key.")
    verify: bool = Field(
        True, description="false takes any certificate, and anybody who sits between."
    )

    @model_validator(mode="after")
    def _key_with_certificate(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("there is a key_file without a cert_file; add the certificate")
        return self


class Match(Section):
    """Which alerts a sink hears of; what is left out does not limit."""

    cameras: list[str] | None = Field(None, min_length=1, description="Of these cameras.")
    labels: list[str] | None = Field(None, min_length=1, description="For these labels.")
    rules: list[str] | None = Field(None, min_length=1, description="Of these rules.")


class SinkBase(Section):
    """What all sinks have."""

    name: str = Field(pattern=NAME_PATTERN, description="What it is called by; unique.")
    match: Match = Field(default_factory=Match, description="Which alerts it hears of.")
    min_state: Literal["pending", "firing"] = Field(
        "firing", description="pending: it hears of alerts before they fire, too."
    )
    send_resolved: bool = Field(True, description="Whether it hears of the end of alerts.")
    timeout: PositiveSeconds = Field(10.0, description="Longest wait for it to answer.")
    retry_for: PositiveSeconds = Field(
        86400.0, description="How long a delivery is tried before it is given up."
    )
    max_back_off: PositiveSeconds = Field(60.0, description="Longest pause between two tries.")
    escalate_to: str | None = Field(
        None,
        description="Name of the sink that is told where nobody acknowledges. That sink hears of "
        "nothing else, unless it is this one itself, which then reminds.",
    )
    escalate_after: PositiveSeconds = Field(
        300.0, description="How long somebody has to acknowledge before that."
    )


def _plain_http_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is no address; write it like https://alerts.example.org/path")
    if "@" in parts.netloc:
        raise ValueError(
            "a login stands in the address; write it as username and password, or bearer_token"
        )
    return url


class HttpSink(SinkBase):
    """What sinks have that are told over HTTP."""

    username: str | None = Field(None, min_length=1, description="User name, if it wants one.")
    password: Secret | None = Field(None, description="Password of that user.")
    bearer_token: Secret | None = Field(None, description="Token for `Authorization: Bearer`.")
    tls: SinkTls = Field(default_factory=SinkTls, description="For https addresses.")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together; write both or none")
        if self.username is not None and self.bearer_token is not None:
            raise ValueError("there are a password and a bearer_token; write one of them")
        return self


class AlertmanagerSink(HttpSink):
    """An Alertmanager, told over its API v2, again and again until the alert ends."""

    type: Literal["alertmanager"] = Field(description="Prometheus's Alertmanager, API v2.")
    url: str = Field(
        max_length=2048,
        examples=["http://127.0.0.1:9093"],
        description="Its address, without /api.",
    )
    repeat: PositiveSeconds = Field(
        60.0, description="How often what fires is told again; it ends there after four times this."
    )
    external_labels: dict[str, str] = Field(
        default_factory=dict, description="Labels that every alert gets, as `site: north`."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if urlsplit(_plain_http_url(url)).query:
            raise ValueError("write the plain address, without a query")
        if "/api/v" in urlsplit(url).path:
            raise ValueError("leave out /api and what follows; Emberwatch adds it")
        return url

    @field_validator("repeat")
    @classmethod
    def _not_too_often(cls, repeat: float) -> float:
        if repeat < 1:
            raise ValueError("what fires is told at most once a second; write 1s or more")
        return repeat

    @field_validator("external_labels")
    @classmethod
    def _label_names(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if not _LABEL_NAME.fullmatch(name):
                raise ValueError(f"'{name}' is no name for a label; use letters, digits and '_'")
            if name in _OWN_LABELS:
                raise ValueError(f"'{name}' is a label that alerts have already; take another")
        return labels


class WebhookSink(HttpSink):
    """A web address that gets each alert as JSON, as Alertmanager's webhooks do, signed."""

    type: Literal["webhook"] = Field(description="JSON to a web address.")
    url: str | None = Field(
        None,
        max_length=2048,
        examples=["https://example.org/alerts"],
        description="The address.",
    )
    url_from: Secret | None = Field(
        None, description="Or where the address stands, if it holds a secret."
    )
    secret: Secret | None = Field(
        None, description="Signs each message (HMAC-SHA256); text, or `whsec_` and base64."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return None if url is None else _plain_http_url(url)

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) == (self.url_from is None):
            raise ValueError("write the address as `url`, or where it stands as `url_from`")
        return self


class MqttSink(SinkBase):
    """An MQTT broker; Home Assistant finds the cameras there by itself."""

    type: Literal["mqtt"] = Field(description="An MQTT broker, with Home Assistant's discovery.")
    host: str = Field(min_length=1, max_length=253, description="Where the broker is.")
    port: int | None = Field(
        None, ge=1, le=65535, description="Its port; 1883, or 8883 with TLS, where left out."
    )
    username: str | None = Field(None, min_length=1, description="User name, if it wants one.")
    password: Secret | None = Field(None, description="Password of that user.")
    tls: SinkTls | None = Field(None, description="Connect over TLS; `{}` will do.")
    topic: str = Field(
        "emberwatch",
        pattern=r"^[^+#/\s\x00]+(/[^+#/\s\x00]+)*$",
        max_length=200,
        examples=["emberwatch"],
        description="What all topics begin with; one daemon, one topic.",
    )
    discovery_prefix: str = Field(
        "homeassistant",
        pattern=r"^([^+#/\s\x00]+(/[^+#/\s\x00]+)*)?$",
        max_length=200,
        examples=["homeassistant"],
        description="Home Assistant's discovery prefix; empty: no discovery.",
    )
    client_id: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="As the broker knows it; made of topic and host name where left out.",
    )

    @field_validator("host")
    @classmethod
    def _host_alone(cls, host: str) -> str:
        if "/" in host or "@" in host or (host.count(":") == 1 and not host.startswith("[")):
            raise ValueError("write the host alone; port, username and tls have keys of their own")
        return host

    @model_validator(mode="after")
    def _name_with_password(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("there is a password without a username; add it")
        return self


class AppriseSink(SinkBase):
    """Mail, Slack, Telegram, ntfy and a hundred more, by an address of Apprise."""

    type: Literal["apprise"] = Field(description="Mail, Slack, Telegram, ntfy, … through Apprise.")
    url: str | None = Field(
        None,
        max_length=2048,
        examples=["ntfys://ntfy.example.org/fire"],
        description="The address as Apprise writes it; one, so that each is tried by itself.",
    )
    url_from: Secret | None = Field(
        None, description="Or where the address stands: most hold a secret."
    )
    attach_picture: bool = Field(True, description="Whether the picture goes with the message.")

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) == (self.url_from is None):
            raise ValueError("write the address as `url`, or where it stands as `url_from`")
        return self


class JournalSink(SinkBase):
    """The journal of systemd, with a field for each fact."""

    type: Literal["journal"] = Field(description="The journal of this machine.")


def _type_of(value: object) -> str | None:
    """The type that a sink says it is; not pydantic's own way, which bears no validator of all
    fields as :class:`Section` has one."""
    found = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return found if isinstance(found, str) else None


Sink = Annotated[
    Annotated[AlertmanagerSink, Tag("alertmanager")]
    | Annotated[WebhookSink, Tag("webhook")]
    | Annotated[MqttSink, Tag("mqtt")]
    | Annotated[AppriseSink, Tag("apprise")]
    | Annotated[JournalSink, Tag("journal")],
    Discriminator(_type_of),
]

SINK_TYPES = ("alertmanager", "webhook", "mqtt", "apprise", "journal")
