"""Which packets are decoded, and which pictures are taken. Pure: time comes in with each call.

Decoding costs more than scoring: all pictures of a 1080p 25 fps H.264 stream take 115 to 150 ms of
CPU a second, the key frames alone 16 ms. Key frames can be decoded one by one, so where they come
often enough for the wanted rate nothing else is decoded. How often they come is measured: what a
stream declares is not to be trusted, and "smart" codecs stretch the interval while a scene is calm.
"""

from collections import deque

MEASURED_INTERVALS = 3
"""So many intervals between key frames must allow the wanted rate before the rest is skipped."""

LONGEST_PERIODS = 1.1
"""Key frames suffice while they come within this many sampling periods."""

OVERDUE_PERIODS = 1.3
"""No key frame for this many sampling periods: all pictures are decoded again."""

UNREFERRED_STEPS = 8
"""Pictures that no other refers to are left out where so many packets come in a sampling period: of
eight pictures in a row, one at the least is referred to in all usual streams."""

_MEASURED_PACKETS = 50
"""So many packets tell how often they come."""

EARLY_PERIODS = 0.25
"""A picture may be taken this part of a period before it is due, if the next would be later."""


class Sampler:
    """Decides for one stream; ``packet`` at each packet, ``picture`` at each decoded picture.

    Args:
        fps: wanted samples a second.
        decode: ``auto``, ``key`` or ``all``, as in the configuration.
    """

    def __init__(self, fps: float, decode: str = "auto") -> None:
        self._fps = self._wanted_fps = fps
        self._period = 1.0 / fps
        self._auto = decode == "auto"
        self.key_only = decode == "key"
        """Whether only key frames are decoded now."""
        self._due: float | None = None
        self._taken = 0.0
        """When the last picture was taken."""
        self._last_key: float | None = None
        self._intervals: deque[float] = deque(maxlen=MEASURED_INTERVALS)
        self._newest: float | None = None
        self._gap = 0.0
        self._packets: deque[float] = deque(maxlen=_MEASURED_PACKETS)
        self._unreferred_needed = decode != "auto"

    @property
    def key_interval_seconds(self) -> float | None:
        """The longest of the last intervals between key frames; None before there were two."""
        return max(self._intervals) if self._intervals else None

    @property
    def references_only(self) -> bool:
        """Whether pictures that no other refers to need not be decoded now: what is left comes
        often enough for the wanted rate."""
        if self.key_only or self._unreferred_needed or len(self._packets) < _MEASURED_PACKETS:
            return False
        step = (self._packets[-1] - self._packets[0]) / (_MEASURED_PACKETS - 1)
        return 0.0 < UNREFERRED_STEPS * step <= self._period

    @property
    def fps(self) -> float:
        """Wanted samples a second."""
        return self._wanted_fps

    def set_fps(self, fps: float) -> None:
        """Take so many from the next packet or picture on; may be called from any thread.

        A higher rate may leave key-only mode at once, and a lower one return to it, with the
        intervals that were measured.
        """
        self._wanted_fps = fps

    def packet(self, seconds: float, is_key: bool) -> bool:
        """Take note of a packet, and say whether to decode it.

        In key-only mode a key frame is decoded only if its picture would be taken. Leaving that
        mode (``key_only`` turns False) decodes from here on; what came since the last key frame
        must be decoded first, or this packet refers to pictures that are not there.

        Args:
            seconds: receipt for live streams, position for files.
            is_key: the packet is a key frame.
        """
        self._adapt(seconds)
        self._packets.append(seconds)
        if (
            self._newest is not None
            and seconds - self._newest > OVERDUE_PERIODS * self._period
            and self.references_only
        ):
            self._unreferred_needed = True
        if is_key:
            if self._last_key is not None and seconds > self._last_key:
                self._intervals.append(seconds - self._last_key)
            self._last_key = seconds
        if self._auto:
            self._choose(seconds)
        if not self.key_only:
            return True
        return is_key and self._is_due(seconds, self.key_interval_seconds or 0.0)

    def picture(self, seconds: float) -> bool:
        """Say whether to take the picture, and if so set when the next one is due."""
        self._adapt(seconds)
        if self._newest is not None and seconds > self._newest:
            gap = seconds - self._newest
            # Growing slowly: a pause in the stream is not its usual step.
            grown = min(1.2 * self._gap, 0.9 * self._gap + 0.1 * gap)
            self._gap = grown if self._gap else gap
        self._newest = seconds
        step = (self.key_interval_seconds or 0.0) if self.key_only else self._gap
        if not self._is_due(seconds, step):
            return False
        if self._due is None or seconds >= self._due + self._period:
            # The first, or one after a pause: no burst to make up for what was missed.
            self._due = seconds + self._period
        elif self.key_only:
            # Key frames a little faster than the wanted rate are all taken: a grid in time would
            # leave one out now and then, and a hole of two periods.
            self._due = min(self._due, seconds) + self._period
        else:
            self._due += self._period
        self._taken = seconds
        return True

    def give_up_key_only(self) -> None:
        """Decode everything from now on: key frames did not give pictures."""
        self._auto = self.key_only = False

    def _adapt(self, seconds: float) -> None:
        fps = self._wanted_fps
        if fps == self._fps:
            return
        faster, self._fps, self._period = fps > self._fps, fps, 1.0 / fps
        if self._due is not None:
            # What was decoded late is not taken late: a faster rate begins now.
            self._due = seconds if faster else self._taken + self._period
        if self._auto:
            longest = self.key_interval_seconds
            self.key_only = (
                len(self._intervals) == MEASURED_INTERVALS
                and longest is not None
                and longest <= LONGEST_PERIODS * self._period
            )

    def _choose(self, seconds: float) -> None:
        longest = self.key_interval_seconds
        if self.key_only:
            since = 0.0 if self._last_key is None else seconds - self._last_key
            if max(since, longest or 0.0) > OVERDUE_PERIODS * self._period:
                self.key_only = False
                self._intervals.clear()
        elif len(self._intervals) == MEASURED_INTERVALS and longest is not None:
            self.key_only = longest <= LONGEST_PERIODS * self._period

    def _is_due(self, seconds: float, step: float) -> bool:
        if self._due is None:
            return True
        return seconds >= self._due - min(EARLY_PERIODS * self._period, step / 2) - 1e-6
