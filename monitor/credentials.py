"""Finds the logins of cameras where the configuration says they are, and builds worker settings."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from monitor.config import Camera, Config, Credentials, Evidence, Ingest
from monitor.config_camera import films
from monitor.errors import ConfigError, Problem
from monitor.ingest.status import SourceSettings
from monitor.secret_source import (
    MissingSecretError,
    first_line,
    from_environment,
    from_systemd,
    open_to_all,
)


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password as they are sent to the camera."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of one ``credentials`` section. No message holds a secret."""

    login: Login
    """Incomplete where there are problems."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def resolve(credentials: Credentials, key: str, environ: Mapping[str, str]) -> Resolved:
    """Look up user name and password.

    Args:
        credentials: where they are.
        key: where the section stands, as ``cameras[1].credentials``, for the problems.
        environ: the environment variables.
    """
    problems = []
    warnings = []
    username = credentials.username
    password = None
    if credentials.username_env is not None:
        try:
            username = from_environment(credentials.username_env, environ)
        except MissingSecretError as missing:
            problems.append(Problem(f"{key}.username_env", None, str(missing)))
    source = _password_key(credentials)
    try:
        password = _password(credentials, environ)
    except MissingSecretError as missing:
        problems.append(Problem(f"{key}.{source}", None, str(missing)))
    path = credentials.password_file
    if path is not None and password is not None and open_to_all(path):
        warnings.append(
            Problem(
                f"{key}.password_file",
                None,
                f"every user of this machine can read {path}; protect it with `chmod o-r {path}`",
            )
        )
    return Resolved(Login(username, password), tuple(problems), tuple(warnings))


def resolve_all(config: Config, environ: Mapping[str, str]) -> dict[str, Resolved]:
    """The logins of all enabled cameras that have one, by camera name."""
    return {
        camera.name: resolve(camera.credentials, f"cameras[{index}].credentials", environ)
        for index, camera in enumerate(config.cameras)
        if camera.enabled and camera.credentials is not None
    }


def feeds(
    config: Config,
    *,
    environ: Mapping[str, str] | None = None,
    warn: Callable[[Problem], None] | None = None,
) -> list[SourceSettings]:
    """What the workers must know to read the enabled cameras, logins included.

    Args:
        config: the settings.
        environ: environment variables; those of this process where it is left out.
        warn: called for each secret that is not kept as it should be.

    Raises:
        ConfigError: secrets are missing; ``problems`` names all of them.
    """
    logins = resolve_all(config, os.environ if environ is None else environ)
    problems = [problem for resolved in logins.values() for problem in resolved.problems]
    if problems:
        raise ConfigError("\n".join(map(str, problems)), problems=problems)
    if warn is not None:
        for resolved in logins.values():
            for warning in resolved.warnings:
                warn(warning)
    return [
        feed(
            camera,
            config.ingest,
            logins[camera.name].login if camera.name in logins else Login(),
            config.evidence if films(camera, config.evidence) else None,
        )
        for camera in config.cameras
        if camera.enabled
    ]


def feed(
    camera: Camera, ingest: Ingest, login: Login, clips: Evidence | None = None
) -> SourceSettings:
    """The settings of one camera as its worker gets them.

    Args:
        camera: its section.
        ingest: what holds for all.
        login: of the camera.
        clips: what clips need; None: there are none.
    """
    return SourceSettings(
        camera=camera.name,
        url=camera.url,
        username=login.username,
        password=login.password,
        fps=camera.fps,
        decode=camera.decode,
        loop=camera.loop,
        transport=camera.transport,
        tls_verify=camera.tls_verify,
        snapshot=camera.snapshot,
        open_timeout_seconds=ingest.open_timeout,
        read_timeout_seconds=ingest.read_timeout,
        max_side=ingest.max_side,
        ring_seconds=0.0 if clips is None else clips.before,
        ring_bytes=0 if clips is None else clips.ring,
        hwaccel=ingest.hwaccel,
        substream_url=camera.substream_url,
    )


def secrets_of(settings: Iterable[SourceSettings]) -> tuple[str, ...]:
    """All passwords, for the redaction of logs."""
    return tuple({entry.password for entry in settings if entry.password is not None})


def _password_key(credentials: Credentials) -> str:
    keys = ("password_env", "password_file", "credential")
    return next((key for key in keys if getattr(credentials, key) is not None), "password")


def _password(credentials: Credentials, environ: Mapping[str, str]) -> str | None:
    if credentials.password is not None:
        return credentials.password.get_secret_value()
    if credentials.password_env is not None:
        return from_environment(credentials.password_env, environ)
    if credentials.password_file is not None:
        return first_line(credentials.password_file)
    if credentials.credential is not None:
        return from_systemd(credentials.credential, environ)
    return None
