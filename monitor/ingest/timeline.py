"""Position in a recording from its stamps, which may be missing, jump or start anywhere. Pure."""

MAX_JUMP_SECONDS = 60.0
"""A step ahead of more than this is a break in the time stamps, not a pause in the picture."""

MAX_BACK_SECONDS = 2.0
"""Packets come in decoding order, so their times step back a little; more is a break."""


class Timeline:
    """Maps the stamps of one recording to seconds from its beginning, on over breaks and loops.

    Args:
        step_seconds: time from picture to picture, where stamps do not say.
    """

    def __init__(self, step_seconds: float) -> None:
        self._step = step_seconds
        self._offset: float | None = None
        self._newest = -step_seconds
        self._begins = 0.0

    @property
    def length(self) -> float:
        """Seconds from the (last) beginning to the end of the newest packet."""
        return self._newest + self._step - self._begins

    def packet(self, stamp: float | None) -> float:
        """The position of a packet whose presentation stamp, in seconds, is ``stamp``."""
        expected = self._newest + self._step
        if stamp is None:
            position = expected
        else:
            if self._offset is None or not (
                -MAX_BACK_SECONDS <= stamp + self._offset - expected <= MAX_JUMP_SECONDS
            ):
                self._offset = expected - stamp
            position = stamp + self._offset
        self._newest = max(self._newest, position)
        return max(0.0, position)

    def picture(self, stamp: float | None) -> float:
        """The position of a decoded picture; the newest packet's, where it has no stamp."""
        if stamp is None or self._offset is None:
            return max(0.0, self._newest)
        return max(0.0, min(stamp + self._offset, self._newest))

    def restart(self) -> None:
        """The recording begins again: positions go on where they are."""
        self._offset = None
        self._begins = self._newest + self._step
