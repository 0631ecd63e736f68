"""Makes what the web server goes by of the ``web`` section: tokens and certificate, as they are
where the section says."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from monitor.config import Config
from monitor.config_web import Tls, Web, WebToken
from monitor.errors import ConfigError, Problem
from monitor.secret_source import (
    MissingSecretError,
    first_line,
    from_environment,
    from_systemd,
    open_to_all,
)
from monitor.web.access import LEAST_TOKEN_LENGTH, Role, Token
from monitor.web.host_guard import is_loopback
from monitor.web.settings import ShownSection, WebSettings


def web_settings(
    config: Config, environ: Mapping[str, str], shown: tuple[ShownSection, ...] = ()
) -> WebSettings:
    """What the section stands for.

    Args:
        config: all settings.
        environ: environment variables.
        shown: the settings as people may see them.

    Raises:
        ConfigError: a token or the certificate cannot be had; ``problems`` names all of them.
    """
    web = config.web
    problems: list[Problem] = []
    tokens = list(_tokens(web, environ, problems))
    tls = _context(web.tls, problems) if web.tls is not None else None
    if problems:
        raise ConfigError("\n".join(map(str, problems)), problems=problems)
    return WebSettings(
        tokens=tuple(tokens),
        open_reading=web.open_reading == "loopback",
        open_metrics=web.open_metrics,
        session_seconds=web.session,
        longest_silence_seconds=config.silence.max_duration,
        hosts=tuple(web.hosts),
        trusted_proxies=tuple(web.trusted_proxies),
        tls=tls,
        shown=shown,
    )


def web_problems(
    web: Web, environ: Mapping[str, str], *, credentials: bool
) -> tuple[list[Problem], list[Problem]]:
    """Faults and warnings of the section.

    Args:
        web: the section.
        environ: environment variables.
        credentials: whether systemd's credentials must be at hand; else they are warnings.
    """
    faults: list[Problem] = []
    warnings: list[Problem] = []
    list(_tokens(web, environ, faults))
    if web.tls is not None:
        _context(web.tls, faults)
        if open_to_all(web.tls.key):
            cure = f"protect it with `chmod o-r {web.tls.key}`"
            text = f"every user of this machine can read {web.tls.key}; {cure}"
            warnings.append(Problem("web.tls.key", None, text))
    for index, token in enumerate(web.tokens):
        path = token.token_file
        if path is not None and open_to_all(path):
            text = f"every user of this machine can read {path}; protect it with `chmod o-r {path}`"
            warnings.append(Problem(f"web.tokens[{index}].token_file", None, text))
        if token.credential is not None and not credentials:
            key = f"web.tokens[{index}].credential"
            faults = [fault for fault in faults if fault.key != key]
            text = (
                f"systemd gives '{token.credential}' to the service alone, so it is not checked "
                f"here; the unit needs LoadCredential={token.credential}:/path/to/the/token"
            )
            warnings.append(Problem(key, None, text))
    return faults, warnings


def listen_problem(listen_host: str, web: Web) -> Problem | None:
    """What is probably not meant about pages that other machines reach, also through a proxy."""
    if is_loopback(listen_host) or listen_host == "localhost":
        # Tokens alone say nothing: without one nobody on this machine acknowledges anything.
        if web.hosts and web.open_reading == "loopback" and not web.trusted_proxies:
            return Problem(
                "web.open_reading",
                None,
                "`web.hosts` looks as if a reverse proxy let others in, and one that adds no "
                "X-Forwarded-For lets them read as somebody on this machine, without a token; "
                "behind a proxy write `open_reading: never`, or give its address in "
                "`trusted_proxies`",
            )
        return None
    if not web.tokens:
        return Problem(
            "listen",
            None,
            "other machines reach this address, and without a token they read nothing but metrics "
            "and health; add `web.tokens`, or listen on 127.0.0.1",
        )
    if web.tls is None and not web.trusted_proxies:
        return Problem(
            "listen",
            None,
            "other machines reach this address, and tokens cross the network in plain text; give "
            "`web.tls`, or listen on 127.0.0.1 behind a proxy with TLS",
        )
    return None


def _tokens(web: Web, environ: Mapping[str, str], problems: list[Problem]) -> Iterator[Token]:
    seen: dict[bytes, str] = {}
    for index, entry in enumerate(web.tokens):
        where = f"web.tokens[{index}]"
        key, secret = _secret(entry, where, environ, problems)
        if secret is None:
            continue
        if len(secret) < LEAST_TOKEN_LENGTH or not secret.isascii() or not secret.isprintable():
            text = (
                f"the token has {len(secret)} characters or odd ones; make one of at least "
                f"{LEAST_TOKEN_LENGTH} plain ones, with `openssl rand -hex 32`"
            )
            problems.append(Problem(key, None, text))
            continue
        token = Token.of(entry.name, Role[entry.role.upper()], secret)
        if token.digest in seen:
            text = f"it is the token of '{seen[token.digest]}' too; give each one of its own"
            problems.append(Problem(key, None, text))
            continue
        seen[token.digest] = entry.name
        yield token


def _secret(
    entry: WebToken, where: str, environ: Mapping[str, str], problems: list[Problem]
) -> tuple[str, str | None]:
    """The key that says where the token is, and the token; None where it is not there."""
    try:
        if entry.token_env is not None:
            key = f"{where}.token_env"
            return key, from_environment(entry.token_env, environ)
        if entry.token_file is not None:
            key = f"{where}.token_file"
            return key, first_line(entry.token_file, what="token")
        key = f"{where}.credential"
        return key, from_systemd(entry.credential or "", environ, what="token")
    except MissingSecretError as missing:
        problems.append(Problem(key, None, str(missing)))
        return key, None


def _context(tls: Tls, problems: list[Problem]) -> ssl.SSLContext | None:
    """TLS 1.2 and up, with the certificate; None where it cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for key, path in (("certificate", tls.certificate), ("key", tls.key)):
        if (trouble := _unreadable(path)) is not None:
            problems.append(Problem(f"web.tls.{key}", None, trouble))
            return None
    try:
        # A key with a password would be asked for at the terminal, and the start would stand still.
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except ssl.SSLError as error:
        reason = (error.reason or "no PEM").replace("_", " ").lower()
        text = (
            f"{tls.certificate} and {tls.key} are no certificate and its key ({reason}); both are "
            "PEM files, and the key has no password"
        )
        problems.append(Problem("web.tls.certificate", None, text))
        return None
    return context


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}); correct the path, or its rights"


def _no_password() -> str:
    return ""
