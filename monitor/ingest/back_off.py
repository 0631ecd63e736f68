"""How long to wait before the next try: exponential with jitter, pure."""

from random import Random

HEALTHY_SECONDS = 60.0
"""After this long without a fault, the next fault counts as the first again."""


class BackOff:
    """The pauses between tries at one thing that fails.

    The n-th pause in a row lies anywhere between ``base_seconds`` and ``base_seconds * 2**n``, and
    never above ``cap_seconds``. The jitter keeps hundreds of cameras behind one switch from coming
    back in step.
    """

    def __init__(
        self,
        base_seconds: float,
        cap_seconds: float,
        *,
        random: Random,
        healthy_seconds: float = HEALTHY_SECONDS,
    ) -> None:
        self._base = base_seconds
        self._cap = cap_seconds
        self._random = random
        self._healthy_seconds = healthy_seconds
        self._healthy_since: float | None = None
        self.failures = 0
        """Faults in a row, the last one included."""

    def succeeded(self, monotonic: float) -> None:
        """The thing works (again); only the first call after a fault starts the healthy time."""
        if self._healthy_since is None:
            self._healthy_since = monotonic

    def failed(self, monotonic: float, *, floor_seconds: float = 0.0) -> float:
        """Seconds to wait after a fault.

        Args:
            monotonic: the time now, seconds.
            floor_seconds: the shortest pause that does no harm, where that is longer than the base:
                a camera locks an account that logs in wrongly too often. The cap still holds.
        """
        since = self._healthy_since
        if since is not None and monotonic - since >= self._healthy_seconds:
            self.failures = 0
        self._healthy_since = None
        self.failures += 1
        low = min(max(self._base, floor_seconds), self._cap)
        # 2**32 bases are beyond any cap; more would overflow a float after weeks of faults.
        high = min(low * 2.0 ** min(self.failures, 32), self._cap)
        if high <= low:
            low = high / 2  # at the cap there must be jitter too
        return self._random.uniform(low, high)
