"""Finds single secrets where a configuration says they are: environment, file, systemd credential.

No message holds a secret.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

from monitor.regular_file import NotRegularError, read_regular

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with LoadCredential=, LoadCredentialEncrypted= or SetCredential=."""

_LONGEST_SECRET = 4096
"""Bytes; systemd allows 1 MB, but nothing here takes a secret that long."""


class MissingSecretError(Exception):
    """A secret is not where the configuration says; the text has the cure."""


def from_environment(variable: str, environ: Mapping[str, str]) -> str:
    """The value of an environment variable.

    Raises:
        MissingSecretError: it is not set, or empty.
    """
    value = environ.get(variable)
    if value is None:
        raise MissingSecretError(
            f"the environment variable {variable} is not set; set it where the daemon is started "
            "(in a unit: EnvironmentFile=)"
        )
    if not value:
        raise MissingSecretError(f"the environment variable {variable} is empty; give it the value")
    return value


def from_systemd(name: str, environ: Mapping[str, str], *, what: str = "password") -> str:
    """A credential that systemd gave to this process.

    Args:
        name: of the credential.
        environ: environment variables.
        what: the secret is called in a message.

    Raises:
        MissingSecretError: there are no credentials, or not this one.
    """
    folder = environ.get(CREDENTIALS_DIRECTORY)
    if not folder:
        raise MissingSecretError(
            f"systemd gave no credentials to this process, so '{name}' is not at hand; start it by "
            f"a unit with LoadCredential={name}:/path/to/the/{what}"
        )
    cure = f"add LoadCredential={name}:/path/to/the/{what} to the unit"
    return _line_of(Path(folder) / name, cure)


def first_line(path: Path, *, what: str = "password") -> str:
    """The first line of a file.

    Raises:
        MissingSecretError: it cannot be read, or is no text.
    """
    return _line_of(path, f"write the {what} into it, or correct the path")


def open_to_all(path: Path) -> bool:
    """Whether every user of this machine can read a file."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _line_of(path: Path, cure: str) -> str:
    try:
        raw = read_regular(path, _LONGEST_SECRET + 1)
    except FileNotFoundError:
        raise MissingSecretError(f"there is no file {path}; {cure}") from None
    except IsADirectoryError:
        raise MissingSecretError(f"{path} is a folder, not a file; {cure}") from None
    except PermissionError:
        raise MissingSecretError(
            f"reading {path} is not allowed; give the user that the daemon runs as the right to "
            "read it"
        ) from None
    except NotRegularError:
        raise MissingSecretError(f"{path} is a pipe or a device, not a file; {cure}") from None
    except OSError as error:
        raise MissingSecretError(f"{path} cannot be read ({error.strerror}); {cure}") from None
    line = raw.split(b"\n", 1)[0].removesuffix(b"\r")
    if len(line) > _LONGEST_SECRET:
        raise MissingSecretError(
            f"the first line of {path} is longer than {_LONGEST_SECRET} bytes; {cure}"
        )
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MissingSecretError(f"the first line of {path} is no UTF-8 text; {cure}") from None
    if not text:
        raise MissingSecretError(f"the first line of {path} is empty; {cure}")
    return text
