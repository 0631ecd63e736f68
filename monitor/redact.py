"""Takes secrets out of text, as a safety net before anything is shown or logged."""

import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "***"

# Repetitions are bounded, so that the time grows with the length of a text and not its square.
_USERINFO = re.compile(r"(?i)([a-z][a-z0-9+.-]{0,31}://)[^/\s\"'<>]*@")
# The same with a '/', '?' or '#' in the password, which ends the URL's host for every reader: known
# by a ':' before it where no address stands, or by an address behind the '@'.
_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\])(?![\w.])"
_STRAY_USERINFO = re.compile(
    r"(?i)([a-z][a-z0-9+.-]{0,31}://)(?:"
    rf"(?!{_ADDRESS})[^/?#:@\s\"'<>]{{0,64}}:[^/?#@\s\"'<>]{{0,128}}[/?#][^/?#@\s\"'<>]{{0,128}}@"
    rf"|[^/?#@\s\"'<>]{{1,192}}[/?#][^@\s\"'<>]{{0,128}}@(?={_ADDRESS})"
    r")"
)
_QUERY = re.compile(
    r"(?i)([?&;/_](?:[a-z0-9_-]{0,40}(?:passw(?:or)?d|pwd|secret|token|api[_-]?key)|pass|psw|auth|key|"
    r"user(?:name)?|usr|login)=)[^&;#\s\"'<>]+"
)
_SHORTEST_SECRET = 4
"""A shorter secret is not searched for in text: it would hide half of every line."""


def redact(text: str) -> str:
    """Hide user names and passwords in the URLs of a text.

    >>> redact("cannot open rtsp://admin:1234@10.0.4.17/stream2")
    'cannot open rtsp://***@10.0.4.17/stream2'
    """
    text = _USERINFO.sub(rf"\g<1>{HIDDEN}@", text)
    text = _STRAY_USERINFO.sub(rf"\g<1>{HIDDEN}@", text)
    return _QUERY.sub(rf"\g<1>{HIDDEN}", text)


def has_stray_login(url: str) -> bool:
    """Whether a URL most likely holds a login that readers take for host and path, because the
    password holds a '/', '?' or '#' as it is.

    >>> has_stray_login("rtsp://admin:12/34@10.0.4.17/s"), has_stray_login("rtsp://10.0.4.17/a@2")
    (True, False)
    """
    return _STRAY_USERINFO.match(url) is not None


class Redactor:
    """Hides known secrets, and whatever looks like one in a URL."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        known |= {quote(secret, safe="") for secret in known}
        longest_first = sorted(known, key=lambda secret: (-len(secret), secret))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return redact(text)

    def value(self, value: object) -> object:
        """The same for text anywhere inside dicts, lists and tuples; other values stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, BaseException):
            return self.text(str(value))
        return value
