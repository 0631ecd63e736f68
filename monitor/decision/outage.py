"""When a camera that is not watched becomes an event of its own, and when that is over: pure."""

from dataclasses import dataclass

OUTAGE = "outage"
"""Rule, label and incident of such an event; no rule may be called so."""

LONGEST_BACK_SECONDS = 60.0
"""A camera must have been watched for so long without a break before its outage is over, or what
came before counts on: one that comes for some seconds and goes again is not back. Less where
outages are told of sooner than that."""


@dataclass(frozen=True, slots=True)
class OutageChange:
    """An outage that begins to be told, or is over."""

    out: bool
    seconds: float
    """How long the camera was not, or has again been, watched."""


class OutageJudge:
    """One camera. Times are monotonic, seconds.

    Args:
        now: the time; the camera counts as unseen from here until it is seen.
        out: whether an outage of it was told of before, as by the process before this one.
    """

    def __init__(self, now: float, *, out: bool = False) -> None:
        self._unseen_since: float | None = now
        self._seen_since: float | None = None
        self.out = out

    def update(self, seen: bool, now: float, after_seconds: float) -> OutageChange | None:
        """Take whether the camera is watched now; the change that follows, if any.

        Args:
            seen: whether a score is in force that tells of what it sees now.
            now: the time, never before the one of the last call.
            after_seconds: an outage is told of after so long.
        """
        if seen:
            if self._seen_since is None:
                self._seen_since = now
            watched = now - self._seen_since
            if watched < min(LONGEST_BACK_SECONDS, after_seconds):
                return None
            self._unseen_since = None
            if self.out:
                self.out = False
                return OutageChange(False, watched)
            return None
        self._seen_since = None
        if self._unseen_since is None:
            self._unseen_since = now
        unseen = now - self._unseen_since
        if self.out or unseen < after_seconds:
            return None
        self.out = True
        return OutageChange(True, unseen)
