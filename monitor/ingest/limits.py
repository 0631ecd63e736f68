"""What the supervisor is told, and what it answers to a reload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.errors import ConfigError
from monitor.ingest.placement import PlacementLimits
from monitor.ingest.status import SourceSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """What the supervisor may use, and how patient it is."""

    workers: int = 0
    """Worker processes; 0: one for each core. Never more than cameras."""
    hang_timeout_seconds: float = 20.0
    """A worker without progress for this long is killed; never shorter than a camera's timeouts."""
    start_timeout_seconds: float = 30.0
    """The same for a worker that starts."""
    max_back_off_seconds: float = 60.0
    concurrent_opens: int = 16
    """Cameras of one worker that are opened at once."""
    frames_per_wait: int = 16
    """Most frames that one wait gives: at 720p, 44 MB."""
    placement: PlacementLimits = field(default_factory=lambda: PlacementLimits(workers=0))
    """Quarantine; its ``workers`` is taken from above."""


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What a reload did, by name of camera."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def by_name(feeds: Sequence[SourceSettings]) -> dict[str, SourceSettings]:
    """The cameras by name, in order.

    Raises:
        ConfigError: two have one name.
    """
    named = {feed.camera: feed for feed in feeds}
    if len(named) != len(feeds):
        names = [feed.camera for feed in feeds]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ConfigError(f"two cameras are named {', '.join(twice)}; give each its own name")
    return named


def compare(old: Mapping[str, SourceSettings], new: Mapping[str, SourceSettings]) -> ReloadResult:
    """What changes from the one set of cameras to the other."""
    return ReloadResult(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        unchanged=tuple(name for name in new if new[name] == old.get(name)),
    )
