"""Cameras that see one place: how many of them must see a hazard before an alert fires.

Pure: every time comes in, on one clock, the monotonic one. The rule of agreement is

- a camera that is about to fire counts itself, and every other camera of the site whose alert for
  the same incident is pending or firing, or was, within ``within`` seconds of its frame;
- needed are ``agree``, but no more than there are cameras that could see it: those that are stale
  or blind, whose pictures do not show the place, or whose rule does not hold now, cannot, and are
  not asked. A camera that is left alone decides alone, so that none that is blind hides a fire.

Evidence that is certain needs no agreement; that is for the decider to know.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from monitor.config import Config


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """One site whose cameras must agree."""

    name: str
    agree: int
    within: float
    """Seconds."""


@dataclass(slots=True)
class _Member:
    """One camera of the site, as its newest frame left it."""

    stale_after: float
    seen_at: float
    """When its newest frame was received, or it joined; minus infinity once it is blind."""
    able: frozenset[str]
    """Incidents that its rules can raise now, on what its pictures show."""
    active: dict[str, float] = field(default_factory=dict)
    """When each incident was last pending or firing."""


class SiteBoard:
    """What the cameras of one site see."""

    def __init__(self, settings: SiteSettings) -> None:
        self.settings = settings
        self._members: dict[str, _Member] = {}

    @property
    def cameras(self) -> tuple[str, ...]:
        """The members, in the order in which they joined."""
        return tuple(self._members)

    def join(self, camera: str, stale_after: float, incidents: Iterable[str], now: float) -> None:
        """Count a camera in; until ``stale_after`` has passed it is taken for one that sees, so
        that a start or a reload does not make the others decide alone."""
        member = self._members.get(camera)
        if member is None:
            self._members[camera] = _Member(stale_after, now, frozenset(incidents))
        else:
            member.stale_after = stale_after
            member.able = frozenset(incidents)

    def leave(self, camera: str) -> None:
        """Count a camera out."""
        self._members.pop(camera, None)

    def blind(self, camera: str) -> None:
        """A camera went down, froze or became stale: until its next frame it cannot agree."""
        member = self._members.get(camera)
        if member is not None:
            member.seen_at = float("-inf")

    def saw(
        self, camera: str, at: float, *, able: Collection[str], active: Collection[str]
    ) -> None:
        """A frame of a camera was decided on.

        Args:
            camera: its name.
            at: when the frame was received.
            able: incidents that its rules can raise now; none where the frame shows too little.
            active: incidents with an alert that is pending or firing, or was until this frame.
        """
        member = self._members.get(camera)
        if member is None:
            return
        member.seen_at = at
        member.able = frozenset(able)
        for incident in active:
            member.active[incident] = at

    def recall(self, camera: str, incident: str, at: float) -> None:
        """What was known before a restart: the incident was last pending or firing at ``at``."""
        member = self._members.get(camera)
        if member is not None:
            member.active[incident] = max(at, member.active.get(incident, at))

    def held(self, camera: str, incidents: Iterable[str], now: float) -> frozenset[str]:
        """Incidents that may not begin to fire at a camera, for want of others that agree.

        Args:
            camera: the camera whose frame is about to be decided on.
            incidents: those that it may raise.
            now: when the frame was received.
        """
        if camera not in self._members:
            return frozenset()
        return frozenset(i for i in incidents if not self._agreed(camera, i, now))

    def _agreed(self, camera: str, incident: str, now: float) -> bool:
        agreeing = able = 1
        for name, member in self._members.items():
            if name == camera:
                continue
            active = member.active.get(incident)
            agreeing += active is not None and abs(now - active) <= self.settings.within
            able += incident in member.able and now - member.seen_at <= member.stale_after
        return agreeing >= min(self.settings.agree, able)


def site_settings(config: Config) -> dict[str, SiteSettings]:
    """The sites that enabled cameras name and that ask for agreement, by name."""
    named = {camera.site for camera in config.cameras if camera.enabled}
    return {
        site.name: SiteSettings(site.name, site.agree, site.within)
        for site in config.sites
        if site.agree > 1 and site.name in named
    }
