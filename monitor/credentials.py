"""Finds the logins of cameras where the configuration says they are, and builds worker settings."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config import Camera, Config, Credentials, Ingest
from monitor.errors import ConfigError, Problem
from monitor.ingest.status import SourceSettings
from monitor.regular_file import NotRegularError, read_regular

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with LoadCredential=, LoadCredentialEncrypted= or SetCredential=."""

_LONGEST_SECRET = 4096
"""Bytes; systemd allows 1 MB, but no camera takes a password that long."""


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


class _Missing(Exception):
    """A secret is not where the configuration says; the text has the cure."""


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
            username = _from_environment(credentials.username_env, environ)
        except _Missing as missing:
            problems.append(Problem(f"{key}.username_env", None, str(missing)))
    source = _password_key(credentials)
    try:
        password = _password(credentials, environ)
    except _Missing as missing:
        problems.append(Problem(f"{key}.{source}", None, str(missing)))
    path = credentials.password_file
    if path is not None and password is not None and _open_to_all(path):
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
        feed(camera, config.ingest, logins[camera.name].login if camera.name in logins else Login())
        for camera in config.cameras
        if camera.enabled
    ]


def feed(camera: Camera, ingest: Ingest, login: Login) -> SourceSettings:
    """The settings of one camera as its worker gets them."""
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
        return _from_environment(credentials.password_env, environ)
    if credentials.password_file is not None:
        return _first_line(
            credentials.password_file, "write the password into it, or correct the path"
        )
    if credentials.credential is not None:
        return _from_systemd(credentials.credential, environ)
    return None


def _from_environment(variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable)
    if value is None:
        raise _Missing(
            f"the environment variable {variable} is not set; set it where the daemon is started "
            "(in a unit: EnvironmentFile=)"
        )
    if not value:
        raise _Missing(f"the environment variable {variable} is empty; give it the value")
    return value


def _from_systemd(name: str, environ: Mapping[str, str]) -> str:
    folder = environ.get(CREDENTIALS_DIRECTORY)
    if not folder:
        raise _Missing(
            f"systemd gave no credentials to this process, so '{name}' is not at hand; start it by "
            f"a unit with LoadCredential={name}:/path/to/the/password"
        )
    return _first_line(
        Path(folder) / name, f"add LoadCredential={name}:/path/to/the/password to the unit"
    )


def _first_line(path: Path, cure: str) -> str:
    try:
        raw = read_regular(path, _LONGEST_SECRET + 1)
    except FileNotFoundError:
        raise _Missing(f"there is no file {path}; {cure}") from None
    except IsADirectoryError:
        raise _Missing(f"{path} is a folder, not a file; {cure}") from None
    except PermissionError:
        raise _Missing(
            f"reading {path} is not allowed; give the user that the daemon runs as the right to "
            "read it"
        ) from None
    except NotRegularError:
        raise _Missing(f"{path} is a pipe or a device, not a file; {cure}") from None
    except OSError as error:
        raise _Missing(f"{path} cannot be read ({error.strerror}); {cure}") from None
    line = raw.split(b"\n", 1)[0].removesuffix(b"\r")
    if len(line) > _LONGEST_SECRET:
        raise _Missing(f"the first line of {path} is longer than {_LONGEST_SECRET} bytes; {cure}")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Missing(f"the first line of {path} is no UTF-8 text; {cure}") from None
    if not text:
        raise _Missing(f"the first line of {path} is empty; {cure}")
    return text


def _open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
