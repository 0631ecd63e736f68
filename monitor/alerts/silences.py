"""Silences: for how long which alerts of a camera are to wake nobody.

A silenced alert is decided, kept and shown as ever, and marked. Every silence ends: by the clock
of the machine, or by the time that has really passed, whichever comes first, so that a clock that
is set back lengthens none.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence, as somebody set it."""

    id: int
    camera: str
    label: str | None
    """Alerts for this label alone; None: all alerts of the camera."""
    created_at: float
    """Unix time, seconds."""
    ends_at: float
    """Unix time, seconds."""
    created_by: str
    comment: str

    def covers(self, camera: str, label: str) -> bool:
        """Whether alerts for ``label`` of ``camera`` are silenced by it."""
        return camera == self.camera and self.label in (None, label)


class ActiveSilences:
    """The silences that are in force. May be asked from any thread."""

    def __init__(self) -> None:
        self._held: tuple[tuple[Silence, float], ...] = ()

    def take(self, silences: Iterable[Silence], *, wall: float, monotonic: float) -> None:
        """What the store holds now; those that it no longer has end.

        Args:
            silences: of the store.
            wall: Unix time now.
            monotonic: monotonic time now.
        """
        known = dict(self._held)
        # One assignment: others read meanwhile.
        self._held = tuple(
            (silence, known.get(silence, monotonic + silence.ends_at - wall))
            for silence in silences
        )

    def now(self, *, wall: float, monotonic: float) -> tuple[Silence, ...]:
        """Those in force."""
        return tuple(s for s, until in self._held if wall < s.ends_at and monotonic < until)


def covering(silences: Iterable[Silence], camera: str, label: str) -> Silence | None:
    """The silence that keeps alerts for ``label`` of ``camera`` quiet longest; None where none
    does."""
    found = [silence for silence in silences if silence.covers(camera, label)]
    return max(found, key=lambda silence: silence.ends_at, default=None)
