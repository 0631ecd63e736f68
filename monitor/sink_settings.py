"""Sinks with their secrets, found where the configuration says they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config import Config, Sink
from monitor.config_sink_checks import SECRET_KEYS
from monitor.config_sinks import Secret
from monitor.errors import Problem
from monitor.secret_source import (
    MissingSecretError,
    first_line,
    from_environment,
    from_systemd,
    open_to_all,
)

_WORDS = {"url_from": "address", "bearer_token": "token"}


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """One sink, ready to be told of alerts. Two that are equal need no exchange."""

    sink: Sink
    secrets: Mapping[str, str] = field(repr=False)
    """By key of the section, as ``password``."""

    @property
    def name(self) -> str:
        return self.sink.name


@dataclass(frozen=True, slots=True)
class ResolvedSinks:
    """What became of the section ``sinks``. No message holds a secret."""

    sinks: tuple[SinkSettings, ...]
    """Those without a problem."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def resolve_sinks(
    config: Config, environ: Mapping[str, str], *, service: bool = True
) -> ResolvedSinks:
    """Look up the secrets of all sinks.

    Args:
        config: the settings.
        environ: environment variables.
        service: whether systemd credentials must be at hand; else they are warnings, as only the
            service gets them.
    """
    ready: list[SinkSettings] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for index, sink in enumerate(config.sinks):
        secrets: dict[str, str] = {}
        faults: list[Problem] = []
        for key in SECRET_KEYS:
            secret = getattr(sink, key, None)
            if not isinstance(secret, Secret):
                continue
            place = f"sinks[{index}].{key}"
            try:
                secrets[key] = _look_up(secret, environ, _WORDS.get(key, key))
            except MissingSecretError as missing:
                where = f"{place}.{_source(secret)}"
                if secret.credential is not None and not service:
                    warnings.append(_not_at_hand(secret.credential, where))
                else:
                    faults.append(Problem(where, None, str(missing)))
            warnings += _readable(secret, place)
        problems += faults
        if not faults:
            ready.append(SinkSettings(sink, secrets))
        problems += _missing_files(sink, index)
    return ResolvedSinks(tuple(ready), tuple(problems), tuple(warnings))


def secrets_of_sinks(sinks: tuple[SinkSettings, ...]) -> tuple[str, ...]:
    """All secrets, and addresses that may hold one, for the redaction of logs."""
    found = {secret for settings in sinks for secret in settings.secrets.values()}
    for settings in sinks:
        if settings.sink.type == "apprise" and settings.sink.url is not None:
            found.add(settings.sink.url)
    return tuple(found)


def _not_at_hand(credential: str, key: str) -> Problem:
    return Problem(
        key,
        None,
        f"systemd gives '{credential}' to the service alone, so it is not checked here; the unit "
        f"needs LoadCredential={credential}:/path/to/the/secret",
    )


def _look_up(secret: Secret, environ: Mapping[str, str], what: str) -> str:
    if secret.value is not None:
        return secret.value.get_secret_value()
    if secret.env is not None:
        return from_environment(secret.env, environ)
    if secret.file is not None:
        return first_line(secret.file, what=what)
    return from_systemd(secret.credential or "", environ, what=what)


def _source(secret: Secret) -> str:
    return next(k for k in ("file", "env", "credential", "value") if getattr(secret, k) is not None)


def _readable(secret: Secret, place: str) -> Iterator[Problem]:
    path = secret.file
    if path is not None and open_to_all(path):
        yield Problem(
            f"{place}.file",
            None,
            f"every user of this machine can read {path}; protect it with `chmod o-r {path}`",
        )


def _missing_files(sink: Sink, index: int) -> Iterator[Problem]:
    tls = getattr(sink, "tls", None)
    for key in ("ca_file", "cert_file", "key_file"):
        path: Path | None = getattr(tls, key, None)
        if path is not None and not path.is_file():
            yield Problem(
                f"sinks[{index}].tls.{key}", None, f"there is no file {path}; correct the path"
            )
