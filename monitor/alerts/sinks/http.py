"""One web address that messages are posted to, and what its answers mean."""

import email.utils
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from monitor.errors import Permanent, Retryable
from monitor.redact import redact

WORTH_A_RETRY = frozenset({408, 425, 429})
"""Statuses below 500 after which the same message may be taken later."""

_LONGEST_ANSWER = 4096
"""Bytes of an answer that are read: enough for its reason."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Whom to trust over TLS, and how to show who we are."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """For a client.

        Raises:
            Permanent: a file cannot be used.
        """
        try:
            made = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
            if not self.verify:
                made.check_hostname = False
                made.verify_mode = ssl.CERT_NONE
            if self.certificate is not None:
                key = None if self.key is None else str(self.key)
                # An empty password: one is never asked for at the terminal.
                made.load_cert_chain(str(self.certificate), key, password="")
        except (OSError, ValueError) as error:
            named = ", ".join(str(p) for p in (self.ca, self.certificate, self.key) if p)
            raise Permanent(f"{named}: cannot be used for TLS ({error}); correct it") from error
        return made


@dataclass(frozen=True, slots=True)
class HttpLogin:
    """How to say who we are."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    bearer_token: str | None = field(default=None, repr=False)


class HttpTarget:
    """Posts to one address over connections that are kept. For one thread."""

    def __init__(
        self, url: str, *, login: HttpLogin, tls: TlsFiles, timeout_seconds: float, shown: str = ""
    ) -> None:
        """
        Args:
            url: the address.
            login: sent with each message.
            tls: for https.
            timeout_seconds: longest time for one message, its answer included.
            shown: what the address is called in errors, where it holds a secret.
        """
        self._url = url
        self._shown = shown or redact(url)
        self._timeout = timeout_seconds
        headers = {"User-Agent": "emberwatch"}
        if login.bearer_token is not None:
            headers["Authorization"] = f"Bearer {login.bearer_token}"
        auth = None
        if login.username is not None:
            auth = httpx.BasicAuth(login.username, login.password or "")
        self._client = httpx.Client(
            headers=headers,
            auth=auth,
            timeout=timeout_seconds,
            verify=tls.context() if url.startswith("https:") else False,
            trust_env=False,  # ~/.netrc is no place for the secrets of a daemon
        )

    def post(self, content: bytes, headers: Mapping[str, str]) -> None:
        """Send a message and read the answer.

        Raises:
            Retryable: it may be taken later: no answer, a busy one, a fault of the server.
            Permanent: it is refused, or the address is wrong.
        """
        until = time.monotonic() + self._timeout
        try:
            with self._client.stream(
                "POST", self._url, content=content, headers=dict(headers)
            ) as answer:
                told = self._read(answer, until)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise Permanent(f"{self._shown}: cannot be posted to ({error})") from error
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise Retryable(f"{self._shown}: {why}") from error
        if answer.is_success:
            return
        said = f"{self._shown}: answers {answer.status_code} {answer.reason_phrase}".rstrip()
        if told:
            said += f": {redact(told)}"
        if answer.status_code in WORTH_A_RETRY or answer.status_code >= 500:
            after = retry_after_seconds(answer.headers.get("Retry-After"), time.time())
            raise Retryable(said, retry_after_seconds=after)
        if answer.is_redirect:
            said += "; write the address that it leads to"
        raise Permanent(said)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _read(answer: httpx.Response, until: float) -> str:
        """The begin of an answer as one line; a server that never ends is not waited for.

        The status is known before, so an answer that breaks off changes nothing: what was taken is
        not to be sent again.
        """
        read = bytearray()
        if answer.is_success and not _is_short(answer):
            return ""  # it says nothing more; its connection ends
        with suppress(httpx.HTTPError):
            # Without a size of its parts: each byte of a server that drips is a part then, and
            # asks for the time.
            for part in answer.iter_bytes():
                read += part
                if len(read) >= _LONGEST_ANSWER or time.monotonic() > until:
                    break
        text = bytes(read[:_LONGEST_ANSWER]).decode("utf-8", "replace")
        return " ".join(text.split())[:_SHOWN]


def _is_short(answer: httpx.Response) -> bool:
    """Whether it says that its end is near: read to it, its connection can be used again."""
    length = answer.headers.get("Content-Length", "")
    return (
        length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= _LONGEST_ANSWER
    )


def retry_after_seconds(text: str | None, now: float) -> float | None:
    """The pause that a ``Retry-After`` asks for, in seconds or as a date; None: none, or none that
    can be read.

    >>> retry_after_seconds("120", 0.0), retry_after_seconds("soon", 0.0)
    (120.0, None)
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
