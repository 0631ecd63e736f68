"""Takes the word of reverse proxies that are trusted for who asks, and of no other."""

from collections.abc import Callable
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from monitor.web.host_guard import Asgi, Message, Receive, Send
from monitor.web.settings import WebSettings

PROXIED = "emberwatch.proxied"
"""In the scope of a request that a proxy handed on, or may have."""

_MAPPED = "::ffff:"

_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host", b"via")


class Proxies:
    """Marks requests that come by a proxy; of those by one that is trusted it replaces client and
    scheme. For one event loop."""

    def __init__(self, app: Asgi, settings: Callable[[], WebSettings]) -> None:
        self._app = app
        self._settings = settings
        self._names: tuple[str, ...] = ()
        self._trusting = self._middleware()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        names = self._settings().trusted_proxies
        if names != self._names:
            self._names = names
            self._trusting = self._middleware()
        client = (scope.get("client") or (None,))[0]
        if client and client.startswith(_MAPPED) and "." in client:
            # A socket that takes both kinds of addresses writes the old ones so.
            client = client.removeprefix(_MAPPED)
            scope["client"] = (client, scope["client"][1])
        trusted = client in self._trusting.trusted_hosts
        # Whoever is trusted is a proxy, also where it forgets to say for whom it asks. Old versions
        # are what nginx speaks to what is behind it, for long without a word of itself; browsers
        # and today's programs speak newer ones.
        scope[PROXIED] = (
            trusted
            or scope.get("http_version") == "1.0"
            or any(name in _FORWARDED for name, _ in scope["headers"])
        )
        await self._trusting(scope, receive, send)

    def _middleware(self) -> Any:
        """Any: uvicorn types the same ASGI messages by classes of its own."""
        app: Any = self._app
        return ProxyHeadersMiddleware(app, trusted_hosts=list(self._names))
