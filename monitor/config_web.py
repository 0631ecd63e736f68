"""The section for the web pages and the API: who may read and operate, and TLS."""

import ipaddress
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from monitor.config_camera import CREDENTIAL_PATTERN
from monitor.config_values import NAME_PATTERN, PositiveSeconds, Section

MOST_TOKENS = 64

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class WebToken(Section):
    """Who may use pages and API from elsewhere, and operate them. The token stands elsewhere."""

    name: str = Field(
        pattern=NAME_PATTERN, description="Who it is for; shown where somebody did something."
    )
    role: Literal["view", "operate"] = Field(
        "view",
        description="view: read; operate: acknowledge, judge and silence as well.",
    )
    token_env: str | None = Field(
        None, min_length=1, description="Environment variable with the token."
    )
    token_file: Path | None = Field(None, description="File whose first line is the token.")
    credential: str | None = Field(
        None,
        pattern=CREDENTIAL_PATTERN,
        description="Name of a systemd credential (LoadCredential=) that is the token.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [key for key in ("token_env", "token_file", "credential") if getattr(self, key)]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ValueError(
                f"the token is given by {found}; write one of token_file, token_env or credential"
            )
        return self


class Tls(Section):
    """HTTPS instead of HTTP. The files are read anew at each reload."""

    certificate: Path = Field(
        description="PEM file with the certificate, and those that lead to its root."
    )
    key: Path = Field(description="PEM file with its private key, without a password.")


class Web(Section):
    """Pages and API: who may use them."""

    open_reading: Literal["loopback", "never"] = Field(
        "loopback",
        description="loopback: whoever asks from this machine reads without a token; never: nobody "
        "does.",
    )
    open_metrics: bool = Field(
        True, description="Metrics are read without a token, from everywhere."
    )
    tokens: list[WebToken] = Field(
        default_factory=list, max_length=MOST_TOKENS, description="Who else may do what."
    )
    session: PositiveSeconds = Field(12 * 3600.0, description="How long a browser stays logged in.")
    tls: Tls | None = Field(None, description="HTTPS instead of HTTP.")
    hosts: list[str] = Field(
        default_factory=list,
        max_length=64,
        description="Names by which browsers and proxies ask for the daemon, beside those of this "
        "machine.",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list,
        max_length=64,
        description="Addresses of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto "
        "count.",
    )

    @field_validator("tokens")
    @classmethod
    def _names(cls, tokens: list[WebToken]) -> list[WebToken]:
        names = [token.name for token in tokens]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' is the name of two tokens; give each its own")
        return tokens

    @field_validator("hosts")
    @classmethod
    def _host_names(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if not _HOST.fullmatch(host.lower()) or len(host) > 253:
                raise ValueError(
                    f"'{host}' is no host name; write it without scheme and port, like "
                    "cameras.example.org"
                )
        return [host.lower() for host in hosts]

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, addresses: list[str]) -> list[str]:
        for address in addresses:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                raise ValueError(
                    f"'{address}' is no address; write one like 127.0.0.1, or a network like "
                    "10.0.4.0/24"
                ) from None
        return addresses
