"""What the web server goes by; another one can be put in its place while it runs."""

import ssl
from dataclasses import dataclass, field

from monitor.web.access import Token


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A table of settings that people may see."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    nothing: str = ""
    """What is said where there are no rows."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Who may use pages and API, and how they are reached."""

    tokens: tuple[Token, ...] = ()
    open_reading: bool = True
    """Whoever asks from this machine reads without a token."""
    open_metrics: bool = True
    """Everybody reads metrics without a token."""
    session_seconds: float = 12 * 3600.0
    longest_silence_seconds: float = 7 * 86400.0
    """What `silence.max_duration` allows."""
    hosts: tuple[str, ...] = ()
    """Names that the daemon answers to, lower case, beside those of this machine."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose word on the client counts."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """None: plain HTTP."""
    shown: tuple[ShownSection, ...] = ()
    """All settings of the daemon, without secrets."""
