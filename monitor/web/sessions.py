"""Logins of browsers: a signed cookie that says who, and until when.

Nothing is kept of a login but whether it was ended before its time (``ended_logins.py``): the
cookie is signed with a key that comes from the token it was got with, so it outlives a restart, and
ends with the token.
"""

import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.web.access import Caller, Token
from monitor.web.ended_logins import EndedLogins

COOKIE = "emberwatch"
SECURE_COOKIE = "__Host-emberwatch"
"""Over TLS: a browser takes a cookie of this name from HTTPS alone, and for this host alone."""

_FORM = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9_.-]{0,62}):([0-9]{1,12}):([A-Za-z0-9_-]{22,64}):([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Session:
    """A login that holds."""

    token: Token
    ends_at: int
    """Unix time, whole seconds."""
    number: str
    """Random; another for each login."""

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        text = f"{self.token.name}:{self.ends_at}:{self.number}"
        return f"{text}:{_sign(self.token, 'session', text)}"

    @property
    def caller(self) -> Caller:
        """Who has it. The text for forms comes from it, and leads not back to it."""
        return Caller(self.token.name, self.token.role, _sign(self.token, "form", self.number))


class Sessions:
    """Begins, reads and ends logins. Safe between threads.

    Args:
        wall: gives Unix time.
        number: gives a random text of at least 128 bits, such as :func:`secrets.token_urlsafe`.
        ended: those that were ended; None: of this process alone.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float],
        number: Callable[[], str],
        ended: EndedLogins | None = None,
    ) -> None:
        self._wall = wall
        self._number = number
        self._ended = ended or EndedLogins(None, wall=wall)

    def begin(self, token: Token, seconds: float) -> Session:
        """A login with a token, for so long."""
        return Session(token, int(self._wall() + seconds), self._number())

    def read(self, cookie: str, tokens: Iterable[Token]) -> Session | None:
        """The login that a cookie is; None where it is forged, over, or its token is gone."""
        parts = _FORM.fullmatch(cookie)
        if parts is None:
            return None
        name, ends_at, number, signature = parts.groups()
        token = next((token for token in tokens if token.name == name), None)
        if token is None:
            return None
        signed = _sign(token, "session", f"{name}:{ends_at}:{number}")
        if not hmac.compare_digest(signed, signature) or int(ends_at) <= self._wall():
            return None
        if number in self._ended:
            return None
        return Session(token, int(ends_at), number)

    def end(self, session: Session) -> None:
        """Its cookie holds no more, whoever has a copy; after :meth:`keep` also over a restart."""
        self._ended.add(session.number, session.ends_at)

    def keep(self) -> None:
        """Keep which were ended on disk. May take its time."""
        self._ended.keep()


def _sign(token: Token, purpose: str, text: str) -> str:
    return hmac.digest(token.session_key, f"{purpose} {text}".encode(), "sha256").hex()
