"""How far all cameras slow down where more is asked of the machine than it carries. Pure.

One share, 0 to 1, holds for all cameras: each is sampled at its wanted rate times the share, so
they slow down evenly and none starves. Workers are told these rates, so decoding gets less as well
as scoring; without that, a machine would spend itself on decoding pictures that nobody scores.

The share falls where frames are lost because nobody came to score them, or where they come late out
of the workers, and creeps up again while neither is so. A step up that was too much is taken back,
and the next try waits twice as long: an overloaded machine is tried seldom, a busy minute is soon
forgotten. What is lost while cameras are being opened says little of what the machine carries
afterwards: opening one costs as much as several of its frames.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

LEAST_FRAMES, LONGEST_WINDOW_SECONDS, SHORTEST_WINDOW_SECONDS = 20, 10.0, 2.0
"""So many frames are needed to judge a loss, or so much time; and at least so much time."""

BORNE_LOSS = 0.05
"""A loss of up to this share is borne: two frames of a fast camera that come close together."""

LATE_SECONDS = 1.0
"""Frames that take longer from the camera to the mailbox, in the middle: decoding is behind. A key
frame of 1080p takes 16 ms; a worker whose cameras all wait for a processor reaches this with 60."""

_SETTLE_SECONDS = 2.0
"""Frames sampled at the rate before still arrive for so long after a change."""
_DOWN_LEAST, _DOWN_MOST, _DOWN_LATE = 0.9, 0.5, 0.8
"""A step down multiplies by what was not lost, between these; for lateness, by the third."""
_UP = 1.0 / _DOWN_LEAST
"""So that one step up takes one step down back whole."""
_FIRST_PATIENCE_SECONDS, _LONGEST_PATIENCE_SECONDS = 10.0, 120.0
_PROBATION_SECONDS = 30.0
"""A step up is to blame for what goes wrong within this time."""
_LEAST_SHARE = 0.01
_LONGEST_OPENING_SECONDS = 30.0
"""Who is at it for longer does it all the time: cameras that come and go are part of the load."""
_PAUSE_SECONDS = 30.0
"""Who was not asked for so long was suspended: what was lost meanwhile says nothing."""

_SAMPLES_BEFORE_STALE = 3.0
"""No camera is slowed so far that it gives fewer within its ``stale_after``: it must not look blind
while it is watched."""


@dataclass(frozen=True, slots=True)
class Load:
    """What happened since the start, over all cameras, and how late frames are now."""

    sampled: int
    """Frames that the workers took."""
    lost: int
    """Of these, how many a newer one replaced, or that waited too long, before they were scored."""
    delay_seconds: float
    """From a camera to its mailbox, in the middle of all cameras; 0 where it is not for want of
    processor time."""
    opening: bool = False
    """Whether a camera came up a moment ago."""


class Governor:
    """Holds the share that all cameras have of their wanted rates."""

    def __init__(self) -> None:
        self.share = 1.0
        self._from: tuple[float, Load] | None = None
        """Where the window began that is judged next."""
        self._not_before = 0.0
        self._asked: float | None = None
        self._opening_since: float | None = None
        self._calm_since: float | None = None
        self._raised_at: float | None = None
        self._patience = _FIRST_PATIENCE_SECONDS

    def update(self, load: Load, now: float) -> float:
        """The share from now on.

        Args:
            load: counts since the start; where one falls (cameras were removed) it begins anew.
            now: monotonic time, seconds.
        """
        asked, self._asked = self._asked, now
        bustle = self._bustle(load.opening, now)
        if self._from is None or asked is None or now - asked > _PAUSE_SECONDS:
            self._from = (now, load)
            return self.share
        since, first = self._from
        begins_anew = load.sampled < first.sampled or load.lost < first.lost
        if bustle or now < self._not_before or begins_anew:
            self._from = (now, load)
            return self.share
        sampled, seconds = load.sampled - first.sampled, now - since
        if seconds < SHORTEST_WINDOW_SECONDS:
            return self.share
        if sampled < LEAST_FRAMES and seconds < LONGEST_WINDOW_SECONDS:
            return self.share
        self._from = (now, load)
        lost = (load.lost - first.lost) / max(sampled, 1)
        self._judge(lost, load.delay_seconds > LATE_SECONDS, now, seconds)
        return self.share

    def _bustle(self, opening: bool, now: float) -> bool:
        """Whether what is lost now is to be laid to the opening of cameras."""
        if not opening:
            self._opening_since = None
            return False
        if self._opening_since is None:
            self._opening_since = now
        return now - self._opening_since <= _LONGEST_OPENING_SECONDS

    def _judge(self, lost: float, late: bool, now: float, seconds: float) -> None:
        if lost > BORNE_LOSS or late:
            factor = min(max(1.0 - lost, _DOWN_MOST), _DOWN_LEAST)
            self._fall(min(factor, _DOWN_LATE) if late else factor, now)
            return
        if self.share >= 1.0:
            return
        if self._calm_since is None:
            self._calm_since = now - seconds
        if now - self._calm_since >= self._patience:
            self._rise(now)

    def _fall(self, factor: float, now: float) -> None:
        raised, self._raised_at = self._raised_at, None
        if raised is not None and now - raised <= _PROBATION_SECONDS:
            self._patience = min(2 * self._patience, _LONGEST_PATIENCE_SECONDS)
        self.share = max(_LEAST_SHARE, self.share * factor)
        self._calm_since = None
        self._not_before = now + _SETTLE_SECONDS

    def _rise(self, now: float) -> None:
        if self._raised_at is not None:  # the step before was borne
            self._patience = _FIRST_PATIENCE_SECONDS
        self._raised_at = now
        self.share = min(1.0, self.share * _UP)
        self._calm_since = None
        self._not_before = now + _SETTLE_SECONDS


@dataclass(frozen=True, slots=True)
class Wanted:
    """How often one camera is to be sampled, and how seldom it may be."""

    fps: float
    stale_after_seconds: float

    def rate(self, share: float) -> float:
        """Samples a second at this share of the wanted rate."""
        least = min(self.fps, _SAMPLES_BEFORE_STALE / self.stale_after_seconds)
        return max(self.fps * share, least)


def rates(
    wanted: Mapping[str, Wanted], share: float, bursts: Collection[str], burst_fps: float
) -> dict[str, float]:
    """The rates of the cameras that are not sampled as they are configured.

    Args:
        wanted: of all cameras, by name.
        share: of the wanted rates, 0 to 1.
        bursts: cameras that are in a burst. These are few; they are sampled at least at their
            usual rate, whatever the share.
        burst_fps: samples a second in a burst, of a machine that carries all.
    """
    changed: dict[str, float] = {}
    for name, camera in wanted.items():
        rate = camera.rate(share)
        if name in bursts:
            rate = max(camera.fps, burst_fps * share)
        if rate != camera.fps:
            changed[name] = rate
    return changed
