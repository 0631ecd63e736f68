"""How commands reach a daemon that runs: its address, its certificate, and a token for it."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from monitor.errors import UsageError
from monitor.secret_source import MissingSecretError, first_line

TOKEN_VARIABLE = "EMBERWATCH_TOKEN"  # noqa: S105 - the name of one
"""Holds the token for commands that talk with a daemon."""

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """Where a daemon listens, and what it wants to see of who asks."""

    url: str
    """Like ``http://127.0.0.1:9108``; the scheme may be left out."""
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """PEM file with what has signed its certificate, or with that itself; None: the system's."""

    @property
    def base(self) -> str:
        """The URL that all paths go behind."""
        base = self.url.rstrip("/").removesuffix("/metrics")
        return base if "://" in base else f"http://{base}"

    def open(self) -> httpx.Client:
        """A client whose requests go there, with the token.

        Raises:
            UsageError: the file of certificates, or the token, is no such thing.
        """
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            return httpx.Client(
                base_url=self.base,
                headers=headers,
                verify=_trust(self.ca_file),
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
            )
        except UnicodeEncodeError as error:
            raise UsageError("the token has letters that no token has; give it again") from error
        except httpx.InvalidURL as error:
            raise UsageError(f"{self.url}: {error}; write it as http://127.0.0.1:9108") from error


def daemon_address(
    url: str, environ: Mapping[str, str], *, token_file: Path | None, ca_file: Path | None
) -> DaemonAddress:
    """Where a command finds its daemon.

    Args:
        url: as its argument says.
        environ: the environment variables; ``EMBERWATCH_TOKEN`` may hold the token.
        token_file: its first line is the token; it goes before the variable.
        ca_file: see :class:`DaemonAddress`.

    Raises:
        UsageError: the file of the token cannot be read.
    """
    token = environ.get(TOKEN_VARIABLE) or None
    if token_file is not None:
        try:
            token = first_line(token_file, what="token")
        except MissingSecretError as error:
            raise UsageError(f"--token-file: {error}") from error
    return DaemonAddress(url, token, ca_file)


def unreachable(base: str, error: Exception) -> str:
    """The sentence for a daemon that no connection came about with."""
    told = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in told:
        return (
            f"{base}: its certificate is not known here ({told}); name what signed it with "
            "--ca-file"
        )
    return (
        f"{base}: no daemon answers there ({told}); start one with `emberwatch run CONFIG`, "
        f"or name the address that its `listen` says{_other_scheme(base, error)}"
    )


def _other_scheme(base: str, error: Exception) -> str:
    """The question to ask where something answers and does not speak as it was spoken to."""
    if base.startswith("http://") and isinstance(error, httpx.ProtocolError | httpx.ReadError):
        return "; or does it speak https?"
    plain = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
    if base.startswith("https://") and any(word in str(error) for word in plain):
        return "; or does it speak http?"
    return ""


def refused(base: str, status: int) -> str | None:
    """The sentence for an answer that wants another token, or another pace; None for all others."""
    if status == httpx.codes.UNAUTHORIZED:
        return (
            f"{base}: asks for a token, and got none or a wrong one; name a file that holds it "
            f"with --token-file, or put it into {TOKEN_VARIABLE}"
        )
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return f"{base}: was asked too often from here; wait some seconds"
    return None


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except FileNotFoundError:
        raise UsageError(f"--ca-file: there is no file {ca_file}; correct the path") from None
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"--ca-file: {ca_file} holds no certificates in PEM ({error}); name one that does"
        ) from error
