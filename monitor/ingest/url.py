"""What a camera's URL means: its kind, its form for people, and its form for FFmpeg."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from monitor.errors import OpenError
from monitor.ingest.status import SourceSettings
from monitor.redact import redact

KINDS = ("rtsp", "http", "snapshot", "file", "folder", "device")
"""The kinds of source; ``http`` is MJPEG, or a snapshot URL that is only known once it answers."""


def source_kind(settings: SourceSettings) -> str:
    """One of :data:`KINDS`; for paths it depends on what stands there.

    Raises:
        OpenError: no URL that can be read, or nothing stands at the path.
    """
    try:
        parts = urlsplit(settings.url)
    except ValueError as error:
        raise OpenError(
            f"camera {settings.camera}: {shown(settings.url)} is no URL ({error}); correct it"
        ) from None
    match parts.scheme:
        case "rtsp" | "rtsps":
            kind = "rtsp"
        case "http" | "https":
            kind = "snapshot" if settings.snapshot else "http"
        case "v4l2":
            kind = "device"
        case "" | "file":
            kind = "folder" if local_path(settings).is_dir() else "file"
        case scheme:
            raise OpenError(
                f"camera {settings.camera}: a URL cannot begin with '{scheme}:'; known are rtsp, "
                "rtsps, http, https, file, v4l2, or a plain path"
            )
    return kind


def local_path(settings: SourceSettings) -> Path:
    """The path that a ``file:`` or ``v4l2:`` URL, or a plain path, names.

    Raises:
        OpenError: the URL names another host.
    """
    url = settings.url
    if url.startswith("v4l2:"):
        return Path(url.removeprefix("v4l2:"))
    if not url.startswith("file:"):
        return Path(url)
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise OpenError(
            f"camera {settings.camera}: {shown(url)} names a file on another host; write "
            f"file:/path for a file of this machine"
        )
    # A '#' or '?' is part of a file's name here; percent signs are decoded as browsers do.
    return Path(unquote(url.removeprefix("file:").removeprefix("//" + parts.netloc)))


def shown(url: str) -> str:
    """The URL for people and logs: no user, no password, no query value that looks like a secret.

    >>> shown("rtsp://admin:1234@10.0.4.17/stream2")
    'rtsp://10.0.4.17/stream2'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return redact(url)
    if "@" in parts.netloc:
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return redact(urlunsplit(parts)) if parts.scheme and parts.netloc else redact(url)


def without_userinfo(url: str) -> str:
    """The URL as it is requested over HTTP, where credentials travel in a header."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def credentials(settings: SourceSettings) -> tuple[str, str] | None:
    """User name and password: those of the settings, else those that stand in the URL."""
    if settings.username is not None or settings.password is not None:
        return settings.username or "", settings.password or ""
    parts = urlsplit(settings.url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def with_credentials(settings: SourceSettings) -> str:
    """The URL for FFmpeg, with percent-encoded credentials. Never to be shown or logged."""
    parts = urlsplit(settings.url)
    host = parts.netloc.rpartition("@")[2]
    login = credentials(settings)
    if login is not None:
        host = f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=host))


def host_of(url: str) -> str:
    """The host that a URL names, for error sentences; an empty text where it names none."""
    return urlsplit(url).hostname or ""
