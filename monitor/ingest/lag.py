"""Finds that a live stream is read ever later than its pictures were made. Pure.

A picture's time is that at which its packet was read, and megabytes may wait in the buffers of a
connection before: then old pictures look new. The stamps of a stream cannot say how old a picture
is, but between them as much time should pass as between the readings. So the least delay that was
seen, reading minus stamp, counts as none, and what a later packet has beyond it is its lag.

Clocks of cameras run wrong by 0.1 % at most, but some cameras number their pictures for a rate
that they do not keep: 25 declared and 24.9 made is 0.4 %, which looks like a lag that grows by 14 s
an hour. No stamp tells the one from the other, but a new connection does: it begins without a lag,
and where the same even creep was seen before, it is the camera's. Then it counts as none. A network
that is too slow by as little, day and night, is taken for that; what it can hold back is bounded by
the buffers on the way, some seconds of video.
"""

from collections import deque

LIMIT_SECONDS = 5.0
"""A lag of up to this is borne: networks hold pictures up for a moment, and catch up."""

LASTING_SECONDS = 5.0
"""So long must it last; who was held up and reads what waits is up to date again sooner."""

_CREEP = 0.002
"""Seconds a second by which the least delay may grow: clocks of cameras run wrong by a tenth of
this at most."""

_LARGEST_CREEP = 0.02
"""A creep beyond this is no clock's: 24.5 pictures for 25."""
_EVEN_SECONDS = 180.0
"""So long must it have been seen."""
_EVEN_WITHIN = 0.2
"""The delay must keep to its line within this share of what it grew by: networks jump."""
_SPARE = 1.25
"""The same creep is borne up to so many times what was seen."""
_MARKS, _MARK_SECONDS = 64, 5.0
"""Delays that are kept, and the time between them at first: twice as long each time they are
full."""

_MAX_BACK_SECONDS, _MAX_AHEAD_SECONDS = 2.0, 60.0
"""A step of the stamps beyond these is a break in them; packets come in decoding order, so their
stamps step back a little."""

_STANDING = 0.02
"""Stamps that advance by less than this share of the time say nothing."""


class Lag:
    """The lag of one connection."""

    def __init__(self, known_creep: float = 0.0) -> None:
        """
        Args:
            known_creep: what :attr:`creep` was on the connection before.
        """
        self._creep = _CREEP + _SPARE * min(max(known_creep, 0.0), _LARGEST_CREEP)
        self._marks: deque[tuple[float, float]] = deque()
        self._mark_seconds = _MARK_SECONDS
        self._last: tuple[float, float] | None = None
        self._least = 0.0
        self._late_since: tuple[float, float] | None = None
        self._lag = 0.0

    @property
    def seconds(self) -> float:
        """By how much the newest packet was read later than the least delay that was seen."""
        return self._lag

    @property
    def creep(self) -> float:
        """The even rate at which the delay has grown, seconds a second; 0 where it is not even."""
        if len(self._marks) < 4:
            return 0.0
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        seconds, grown = ended - began, last - first
        if seconds < _EVEN_SECONDS or not 0.0 < grown <= _LARGEST_CREEP * seconds:
            return 0.0
        rate = grown / seconds
        off = max(abs(delay - first - rate * (at - began)) for at, delay in self._marks)
        return rate if off <= _EVEN_WITHIN * grown else 0.0

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
        self._least = min(delay, self._least + self._creep * (monotonic - last[1]))
        self._mark(monotonic, delay)
        lag = self._lag = delay - self._least
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
        self._lag = 0.0
        self._late_since = None
        self._marks.clear()
        self._mark_seconds = _MARK_SECONDS

    def _mark(self, monotonic: float, delay: float) -> None:
        if self._marks and monotonic - self._marks[-1][0] < self._mark_seconds:
            return
        self._marks.append((monotonic, delay))
        if len(self._marks) == _MARKS:
            self._marks = deque(list(self._marks)[::2])
            self._mark_seconds *= 2
