"""How long a camera may be silent before it counts as down, or its reader as hung. Pure."""

from monitor.ingest.status import SourceSettings, StreamInfo

LEAST_ALLOWANCE_SECONDS = 5.0
"""A camera is not called down for a shorter silence, however high its rate."""
_ALLOWED_PERIODS = 3
_MARGIN_SECONDS = 5.0
"""How much longer than a source's own timeouts a silence must be to count as a hang."""
_RESOLVE_SECONDS = 30.0
"""Looking up a name blocks for so long when none of 3 name servers answers 2 questions in 5 s each;
a dead name server must not look like a reader that hangs."""
_UNBEGUN_PATIENCE = 3
"""A camera that its worker has not begun with may be silent this many times as long. Where many are
silent at once, their worker's patience (``guilt.py``) multiplies with it, to nine times."""
_LONGEST_KEY_INTERVAL = 60.0
_LEAST_PICTURELESS_SECONDS = 60.0
"""Longer than the interval between key frames of any usual camera: one may have to be waited for.
"""


def allowance(settings: SourceSettings, ordered_fps: float, info: StreamInfo | None) -> float:
    """Seconds within which the next frame is due.

    Args:
        settings: of the camera.
        ordered_fps: the rate that its worker was told, which may be lower than the wanted one.
        info: what its stream is, where that is known.
    """
    fps = min(settings.fps, ordered_fps)
    seconds = max(_ALLOWED_PERIODS / fps, LEAST_ALLOWANCE_SECONDS)
    interval = info.key_interval_seconds if info else None
    if settings.decode == "key" and interval is not None:
        seconds = max(seconds, _ALLOWED_PERIODS * min(interval, _LONGEST_KEY_INTERVAL))
    return seconds


def pictureless_seconds(fps: float, key_interval_seconds: float | None) -> float:
    """How long packets may arrive without a picture that comes of them, until a new connection may
    do better.

    Args:
        fps: wanted samples a second: where key frames suffice, nothing between two samples is
            decoded.
        key_interval_seconds: measured; None while it is not known.
    """
    expected = max(1 / fps, key_interval_seconds or 0.0)
    return max(_LEAST_PICTURELESS_SECONDS, _ALLOWED_PERIODS * expected)


def hang_seconds(
    settings: SourceSettings, hang_timeout: float, *, opening: bool, begun: bool
) -> float:
    """How long a silence may last: opening and reading have timeouts of their own.

    Args:
        settings: of the camera.
        hang_timeout: as configured for all.
        opening: the camera is being opened.
        begun: its worker has shown a sign of life of it.
    """
    own = settings.read_timeout_seconds + _MARGIN_SECONDS
    if opening:
        own += settings.open_timeout_seconds + _RESOLVE_SECONDS
    # A worker takes up hundreds of cameras one by one.
    return max(hang_timeout, own) * (1 if begun else _UNBEGUN_PATIENCE)
