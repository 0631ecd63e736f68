"""Finds that a live stream is read ever later than its pictures were made. Pure.

A picture's time is that at which its packet was read, and megabytes may wait in the buffers of a
connection before: then old pictures look new. The stamps of a stream cannot say how old a picture
is, but between them as much time should pass as between the readings. So the least delay that was
seen, reading minus stamp, counts as none, and what a later packet has beyond it is its lag.
"""

LIMIT_SECONDS = 5.0
"""A lag of up to this is borne: networks hold pictures up for a moment, and catch up."""

LASTING_SECONDS = 5.0
"""So long must it last; who was held up and reads what waits is up to date again sooner."""

_CREEP = 0.002
"""Seconds a second by which the least delay may grow: clocks of cameras run wrong by a tenth of
this at most."""

_MAX_BACK_SECONDS, _MAX_AHEAD_SECONDS = 2.0, 60.0
"""A step of the stamps beyond these is a break in them; packets come in decoding order, so their
stamps step back a little."""

_STANDING = 0.02
"""Stamps that advance by less than this share of the time say nothing."""


class Lag:
    """The lag of one connection."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._least = 0.0
        self._late_since: tuple[float, float] | None = None

    def packet(self, stamp: float | None, monotonic: float) -> float | None:
        """The lag in seconds where it is beyond the limit and lasts, else None.

        Args:
            stamp: the packet's presentation stamp, seconds, with any origin; None: it has none.
            monotonic: when it was read, seconds.
        """
        if stamp is None:
            return None
        last, self._last = self._last, (stamp, monotonic)
        delay = monotonic - stamp
        if last is None or not -_MAX_BACK_SECONDS <= stamp - last[0] <= _MAX_AHEAD_SECONDS:
            self._begin(delay)
            return None
        self._least = min(delay, self._least + _CREEP * (monotonic - last[1]))
        lag = delay - self._least
        if lag <= LIMIT_SECONDS:
            self._late_since = None
            return None
        if self._late_since is None:
            self._late_since = stamp, monotonic
        first_stamp, since = self._late_since
        late = monotonic - since
        if late < LASTING_SECONDS:
            return None
        if stamp - first_stamp < _STANDING * late:
            self._begin(delay)
            return None
        return lag

    def _begin(self, delay: float) -> None:
        self._least = delay
        self._late_since = None
