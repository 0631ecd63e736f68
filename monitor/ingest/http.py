"""HTTP as cameras speak it: basic or digest login, and redirects that must not lead away.

httpx follows no redirect here by itself. Within the camera's own host and port a redirect is
followed, and from http to https on its usual port; elsewhere it is refused, and from https to http,
because the login would be sent there.
"""

import logging
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import httpx

from monitor.errors import OpenError, SourceError
from monitor.ingest import faults, tls
from monitor.ingest.status import SourceSettings
from monitor.ingest.url import credentials, shown, without_userinfo

_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}


class CameraAuth(httpx.Auth):
    """Logs in as the camera asks, digest before basic, and then without asking again."""

    def __init__(self, username: str, password: str) -> None:
        self._login = (username, password)
        self._scheme: httpx.Auth | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._scheme is None:
            response = yield request
            offered = ",".join(response.headers.get_list("www-authenticate")).lower()
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            self._scheme = (
                httpx.DigestAuth(*self._login)
                if "digest" in offered
                else httpx.BasicAuth(*self._login)
            )
        yield from self._scheme.auth_flow(request)


def make_client(settings: SourceSettings) -> httpx.Client:
    """A client for one camera, with its timeouts and login; never logs a URL."""
    # httpx logs each URL at level info, query included, and there may be a password in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    login = credentials(settings)
    return httpx.Client(
        auth=None if login is None else CameraAuth(*login),
        timeout=httpx.Timeout(settings.read_timeout_seconds, connect=settings.open_timeout_seconds),
        verify=tls.context(verify=settings.tls_verify),
        trust_env=False,
        headers={"user-agent": "emberwatch", "accept": "*/*"},
    )


@contextmanager
def response_to(client: httpx.Client, settings: SourceSettings) -> Iterator[httpx.Response]:
    """The answer to a GET of the camera's URL; its body is still to be read.

    Raises:
        SourceError: no answer, or one other than 200.
    """
    with faults_of(settings):
        response = _follow(client, settings)
    try:
        _check(response, settings)
        with faults_of(settings):
            yield response
    finally:
        response.close()


@contextmanager
def faults_of(settings: SourceSettings) -> Iterator[None]:
    """Turns errors of httpx into ours; they are not chained, because they hold the URL."""
    try:
        yield
    except httpx.ConnectTimeout:
        raise faults.unreachable(settings) from None
    except httpx.ConnectError as error:
        raise _connect_fault(error, settings) from None
    except httpx.TimeoutException:
        raise faults.silent(settings, settings.read_timeout_seconds) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
            raise faults.closed(settings) from None
        raise OpenError(
            f"{faults.name_of(settings)} cannot be read ({type(error).__name__}); check the URL "
            "and the camera"
        ) from None


def content_type(response: httpx.Response) -> str:
    """The media type in lower case, without parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _follow(client: httpx.Client, settings: SourceSettings) -> httpx.Response:
    url = httpx.URL(without_userinfo(settings.url))
    for _ in range(_REDIRECTS + 1):
        response = client.send(client.build_request("GET", url), stream=True)
        if not response.has_redirect_location:
            return response
        target = url.join(response.headers["location"])
        response.close()
        if other := _leads_away(url, target):
            raise OpenError(
                f"{faults.name_of(settings)} redirects to {shown(str(target))}, which is {other}; "
                "give that URL, if it is the camera's"
            )
        url = target.copy_with(userinfo=b"")
    raise OpenError(f"{faults.name_of(settings)} redirects in a circle; correct the URL")


def _leads_away(url: httpx.URL, target: httpx.URL) -> str:
    """What else than the camera itself a redirect leads to; empty where it may be followed."""
    if target.host != url.host or target.scheme not in _PORTS:
        return "another host"
    ports = [each.port or _PORTS[each.scheme] for each in (url, target)]
    if target.scheme == url.scheme:
        return "" if ports[0] == ports[1] else "another port"
    if target.scheme == "http":
        return "no longer encrypted"
    return "" if ports[1] == _PORTS["https"] else "another port"


def _check(response: httpx.Response, settings: SourceSettings) -> None:
    status = response.status_code
    if status in (401, 403):
        raise faults.wrong_credentials(settings, status)
    if status in (404, 410):
        raise faults.not_found(settings)
    if status != httpx.codes.OK:
        raise OpenError(
            f"{faults.name_of(settings)} answers with HTTP status {status}; check the URL, and "
            "that the camera is not overloaded"
        )


def _connect_fault(error: httpx.ConnectError, settings: SourceSettings) -> SourceError:
    """The cause behind a failed connection; httpx keeps it as the cause's cause."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return faults.untrusted(settings)
        if isinstance(cause, ConnectionRefusedError):
            return faults.refused(settings)
        cause = cause.__cause__ or cause.__context__
    return faults.cause_of_silence(settings) or faults.unreachable(settings)
