"""FFmpeg's errors become ours here, once: with a reason for the metrics and a cure for people.

FFmpeg's own text is never shown: it repeats the URL that it was given, credentials included.
"""

import errno
import socket
import ssl
from urllib.parse import urlsplit

from av import error as ffmpeg

from monitor.errors import (
    AuthError,
    DecodeError,
    LagError,
    OpenError,
    SourceError,
    StallError,
)
from monitor.ingest import tls
from monitor.ingest.status import SourceSettings
from monitor.ingest.url import credentials, host_of, shown

_PROBE_SECONDS = 2.0
"""How long to look for the cause, by a plain connection, after FFmpeg failed without saying why."""

_TIMEOUT_SHARE = 0.9

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def name_of(settings: SourceSettings) -> str:
    """How error sentences begin: the camera, and its URL without credentials."""
    return f"camera {settings.camera}: {shown(settings.url)}"


def refused(settings: SourceSettings) -> OpenError:
    """Nothing listens at the port."""
    return OpenError(
        f"{name_of(settings)} refuses the connection; check the port, and that the camera's "
        "video service is switched on",
        reason="refused",
    )


def unreachable(settings: SourceSettings) -> OpenError:
    """No answer from the host."""
    return OpenError(
        f"{name_of(settings)} cannot be reached; check the address, the camera's power and the "
        "network between",
        reason="unreachable",
    )


def unknown_host(settings: SourceSettings) -> OpenError:
    """The host's name has no address."""
    return OpenError(
        f"{name_of(settings)}: there is no address for the name {host_of(settings.url)!r}; check "
        "its spelling and the name server, or give the address itself",
        reason="dns",
    )


def not_found(settings: SourceSettings) -> OpenError:
    """The camera knows no such path."""
    return OpenError(
        f"{name_of(settings)} is not found there (404); correct the path in the URL (the camera's "
        "manual or ONVIF names it)",
        reason="not_found",
    )


def wrong_credentials(settings: SourceSettings, status: int = 401) -> AuthError:
    """The camera wants others, or any."""
    if credentials(settings) is None:
        found = f"asks for a user name and password ({status}) and was given none; add them"
    else:
        found = f"does not accept the user name and password given ({status}); correct them"
    return AuthError(f"{name_of(settings)} {found} under 'credentials' of the camera")


def untrusted(settings: SourceSettings) -> OpenError:
    """The camera's certificate is not trusted, or is not for this name."""
    return OpenError(
        f"{name_of(settings)} shows a certificate that this machine does not trust; add the "
        "camera's certificate to the system's (update-ca-certificates), or name it in SSL_CERT_FILE"
    )


def silent(settings: SourceSettings, seconds: float) -> StallError:
    """Open, and nothing arrives."""
    return StallError(
        f"{name_of(settings)} sent nothing for {seconds:g} s; check the camera, or restart it, "
        "if it does not come back by itself"
    )


def lagging(settings: SourceSettings, seconds: float, creep: float) -> LagError:
    """Pictures come, and ever later than they were made; ``creep`` as in :class:`LagError`."""
    return LagError(
        f"{name_of(settings)} is {seconds:.0f} s behind: its pictures are read more slowly than "
        "they are made; check the network to the camera and the load of this machine, or choose a "
        "smaller stream of it",
        creep=creep,
    )


def closed(settings: SourceSettings) -> SourceError:
    """A live source ended the connection."""
    return SourceError(
        f"{name_of(settings)} closed the connection; if that repeats, check the camera and how "
        "many viewers it allows",
        reason="ended",
    )


def open_fault(
    error: ffmpeg.FFmpegError, settings: SourceSettings, *, seconds: float
) -> SourceError:
    """What it means that FFmpeg could not open a source; may look for the cause by a connection.

    Args:
        error: FFmpeg's.
        settings: of the source.
        seconds: how long the try took. A timeout within the RTSP dialogue is told as bad data.
    """
    timed_out = seconds >= _TIMEOUT_SHARE * settings.open_timeout_seconds
    match error:
        case ffmpeg.HTTPUnauthorizedError():
            return wrong_credentials(settings)
        case ffmpeg.HTTPForbiddenError():
            return wrong_credentials(settings, 403)
        case ffmpeg.HTTPNotFoundError() | ffmpeg.FileNotFoundError():
            return not_found(settings)
        case ffmpeg.ConnectionRefusedError():
            return refused(settings)
        case ffmpeg.HTTPClientError() | ffmpeg.HTTPError():
            return OpenError(
                f"{name_of(settings)} refuses the request; check the path in the URL, and how many "
                "viewers the camera allows"
            )
        case ffmpeg.InvalidDataError() if not timed_out:
            return DecodeError(
                f"{name_of(settings)} answers with something that is no video; check the URL, and "
                "that the camera sends H.264 or H.265"
            )
    if error.errno in _UNREACHABLE:
        return unreachable(settings)
    return cause_of_silence(settings) or OpenError(
        f"{name_of(settings)} cannot be opened ({_kind(error)}); check the URL and the camera"
    )


def read_fault(error: ffmpeg.FFmpegError, settings: SourceSettings, *, live: bool) -> SourceError:
    """What it means that FFmpeg could not read on."""
    match error:
        case ffmpeg.ExitError() | ffmpeg.TimeoutError():
            return silent(settings, settings.read_timeout_seconds)
        case ffmpeg.InvalidDataError():
            return DecodeError(
                f"{name_of(settings)} is broken from here on: what follows is no video; "
                + ("restart the camera" if live else "fetch the file again")
            )
    if live:
        return closed(settings)
    return SourceError(f"{name_of(settings)} cannot be read on ({_kind(error)}); check the disk")


def _kind(error: ffmpeg.FFmpegError) -> str:
    """The class of the error in words; its text may hold the URL with credentials."""
    return error.strerror or type(error).__name__


def cause_of_silence(settings: SourceSettings) -> SourceError | None:
    """Why there was no answer, found by one plain connection; None where that does not tell.

    FFmpeg says 'I/O error' for an unknown name, and gives no error at all for a timeout.
    """
    parts = urlsplit(settings.url)
    host = host_of(settings.url)
    try:
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)
        with socket.create_connection((host, port), timeout=_PROBE_SECONDS) as connection:
            if parts.scheme in ("rtsps", "https"):
                trust = tls.context(verify=settings.tls_verify)
                trust.wrap_socket(connection, server_hostname=host).close()
            return silent(settings, settings.open_timeout_seconds)
    except ssl.SSLError:
        return untrusted(settings)
    except socket.gaierror:
        return unknown_host(settings)
    except ConnectionRefusedError:
        return refused(settings)
    except TimeoutError:
        return unreachable(settings)
    except OSError as error:
        return unreachable(settings) if error.errno in _UNREACHABLE else None
    except ValueError:
        return OpenError(
            f"{name_of(settings)} names a port that is no number up to 65535; correct the URL"
        )
