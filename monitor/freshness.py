"""The one answer to the question whether a score still tells of what a camera sees."""

from monitor.ingest.status import CameraStatus


def is_current(
    captured_monotonic: float,
    *,
    now: float,
    stale_after_seconds: float,
    status: CameraStatus | None,
) -> bool:
    """Whether a score may be shown: the camera is up, its picture lives, and the frame is fresh.

    Args:
        captured_monotonic: when its frame was received, monotonic, seconds.
        now: monotonic time, seconds.
        stale_after_seconds: the camera's own limit.
        status: the camera's state; None where ingest does not know it yet.
    """
    seen = status is None or (status.up and status.health.scorable)
    return seen and now - captured_monotonic <= stale_after_seconds
