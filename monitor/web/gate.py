"""Stands before every page: who asks, whether they may read, and whether they ask too often.

What changes something asks for more than this, in :mod:`monitor.web.operators`. Nothing is open
that is not named here.
"""

from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import cookie_parser

from monitor.web.access import ANYBODY, Caller, known
from monitor.web.answers import answer
from monitor.web.host_guard import Asgi, Message, Receive, Send, is_loopback, names_loopback
from monitor.web.proxies import PROXIED
from monitor.web.rate import Buckets, Rate, client_of, retry_after
from monitor.web.sessions import COOKIE, SECURE_COOKIE, Session, Sessions
from monitor.web.settings import WebSettings

PROBES = frozenset({"/livez", "/readyz"})
"""Answered to everybody, however often they ask."""

OPEN = frozenset({"/login", "/style.css", "/page.js", "/icon.svg"})
"""What a browser needs before somebody is logged in."""

READING = Rate(burst=1200, per_second=100)
"""Of each client: a wall of 200 cameras is 200 pictures at once, and again every ten seconds."""

GUESSING = Rate(burst=10, per_second=1 / 6)
"""Wrong tokens of each client."""

WRONG = "this token is not known here, or is no longer; send one of those in the configuration"
"""To whoever sent a token: that one is needed they know."""

_ABSENT = "this needs a token: send it as `Authorization: Bearer TOKEN`"


class Gate:
    """Lets requests through to ``app`` with their caller in ``request.state.caller``, and in
    ``request.state.holds`` whether they would still be let through, for answers that take long.

    Args:
        app: what is behind.
        settings: what counts now.
        sessions: the logins.
        monotonic: gives monotonic time, seconds.
    """

    def __init__(
        self,
        app: Asgi,
        *,
        settings: Callable[[], WebSettings],
        sessions: Sessions,
        monotonic: Callable[[], float],
    ) -> None:
        self._app = app
        self._settings = settings
        self._sessions = sessions
        self._reading = Buckets(READING, monotonic)
        self.guessing = Buckets(GUESSING, monotonic)
        """Counts wrong tokens; the login counts here as well."""
        self.refused: Counter[str] = Counter()
        """How often, by cause: ``token`` (none or a wrong one), ``rate``."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in PROBES:
            await self._app(scope, receive, send)
            return
        settings = self._settings()
        metrics = path == "/metrics"
        client = client_of((scope.get("client") or ("",))[0])
        secret = bearer(scope["headers"])
        # Metrics are not held up by who reads much beside them, but no place to try tokens at.
        unbounded = metrics and (secret is None or not self.guessing.wait(client))
        if not unbounded and (wait := self._reading.take(client)):
            await self._too_often(send, wait)
            return
        session = self._session(scope, settings)
        caller = self._caller(scope, settings, secret, session)
        # A right token is never refused for wrong ones: one that a script has kept would lock out
        # all others of its address.
        if caller is None and secret is not None and (wait := self.guessing.take(client)):
            await self._too_often(send, wait)
            return
        if caller is None and not (path in OPEN or (metrics and settings.open_metrics)):
            await self._refuse(scope, send, wrong=secret is not None)
            return
        state = scope.setdefault("state", {})
        state.update(
            caller=caller or ANYBODY,
            session=session,
            client=client,
            holds=lambda: self._holds(scope, secret),
        )
        await self._app(scope, receive, send)

    def _holds(self, scope: Message, secret: str | None) -> bool:
        settings = self._settings()
        return self._caller(scope, settings, secret, self._session(scope, settings)) is not None

    def _caller(
        self, scope: Message, settings: WebSettings, secret: str | None, session: Session | None
    ) -> Caller | None:
        """Who asks; None where nobody may know."""
        if secret is not None:
            token = known(settings.tokens, secret)
            return None if token is None else Caller(token.name, token.role)
        if session is not None:
            return session.caller
        # Who logs in at a proxy is not on this machine, whatever the proxy says of itself.
        logs_in = any(name == b"authorization" for name, _ in scope["headers"])
        local = settings.open_reading and not logs_in and from_this_machine(scope)
        return ANYBODY if local else None

    def _session(self, scope: Message, settings: WebSettings) -> Session | None:
        wanted = SECURE_COOKIE if scope.get("scheme") == "https" else COOKIE
        for name, value in scope["headers"]:
            if name == b"cookie":
                found = cookie_parser(value.decode("latin-1")).get(wanted)
                if found:
                    return self._sessions.read(found, settings.tokens)
        return None

    async def _refuse(self, scope: Message, send: Send, *, wrong: bool) -> None:
        """401, or the way to log in for browsers; ``wrong``: there was a token."""
        self.refused["token"] += 1
        path = scope["path"]
        if scope["method"] in ("GET", "HEAD") and _wants_page(scope, path):
            query = scope.get("query_string", b"").decode("latin-1")
            target = quote(path + (f"?{query}" if query else ""), safe="")
            await answer(send, 303, "log in first", ((b"location", f"/login?next={target}"),))
            return
        detail, scheme = _ABSENT, 'Bearer realm="emberwatch"'
        if wrong:
            detail, scheme = WRONG, f'{scheme}, error="invalid_token"'
        await answer(send, 401, detail, ((b"www-authenticate", scheme),))

    async def _too_often(self, send: Send, wait: float) -> None:
        self.refused["rate"] += 1
        after = retry_after(wait)
        detail = f"too many requests from your address; ask again in {after} s"
        await answer(send, 429, detail, ((b"retry-after", after),))


def bearer(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The token of an ``Authorization`` header; None where there is none, or it is a login at the
    proxy in front, which browsers send with everything."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                return secret.strip()
    return None


def from_this_machine(scope: Message) -> bool:
    """Whether somebody on this machine asks, and for it: not through a proxy that forwards for
    others, and not a browser whose page took a name that leads here."""
    peer = (scope.get("client") or ("",))[0]
    if not is_loopback(peer) or scope.get(PROXIED):
        return False
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return all(names_loopback(host.decode("latin-1")) for host in hosts)


def same_origin(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a browser sent this from a page of this daemon, as it says itself.

    Browsers say so in ``Sec-Fetch-Site`` or ``Origin``, which pages cannot set.
    """
    found = {name: value.decode("latin-1") for name, value in headers}
    if b"sec-fetch-site" in found:
        return found[b"sec-fetch-site"] == "same-origin"
    origin = found.get(b"origin", "")
    return bool(origin) and origin.partition("://")[2] == found.get(b"host")


def _wants_page(scope: Message, path: str) -> bool:
    if path.startswith("/api/") or path in ("/metrics", "/openapi.json"):
        return False
    accepts = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accepts
