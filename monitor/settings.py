"""All that a configuration file says, ready for use: settings, logins and the model's bundle."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.check import examine
from monitor.config import Config
from monitor.credentials import feeds
from monitor.errors import Problem
from monitor.inference.bundle import Bundle
from monitor.ingest.limits import Limits
from monitor.ingest.status import SourceSettings
from monitor.settings_shown import shown_settings
from monitor.sink_settings import SinkSettings, resolve_sinks
from monitor.web.settings import WebSettings
from monitor.web_settings import web_settings


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without a fault."""

    config: Config
    feeds: tuple[SourceSettings, ...]
    """The enabled cameras, with their logins."""
    bundle: Bundle
    """Checked, and with every label that a rule names."""
    sinks: tuple[SinkSettings, ...]
    """With their secrets."""
    web: WebSettings
    """Who may use the pages, with the tokens and the certificate."""
    warnings: tuple[Problem, ...]
    """What is allowed and probably not meant."""


def read_settings(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check a configuration file with all that it names.

    Raises:
        ConfigError: something is wrong; it tells all faults at once, each with key and line.
    """
    found = examine(path, environ)
    config, bundle = found.draft.config, found.bundle
    if found.problems or config is None or bundle is None:
        raise found.error()
    return Settings(
        config,
        tuple(feeds(config, environ=environ)),
        bundle,
        resolve_sinks(config, environ).sinks,
        web_settings(config, environ, shown_settings(config, bundle)),
        found.warnings,
    )


def ingest_limits(config: Config) -> Limits:
    """What the supervisor of a configuration may use."""
    return Limits(
        workers=config.ingest.workers,
        hang_timeout_seconds=config.ingest.hang_timeout,
        max_back_off_seconds=config.ingest.max_back_off,
    )
