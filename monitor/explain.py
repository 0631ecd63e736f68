"""What a decision stood at, frame by frame: collected to be drawn, without any drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.decision.state import RuleLevels, Transition
from monitor.errors import EmberwatchError

MOST_SAMPLES = 200_000
"""Two days of one frame a second: a picture of more would show nothing, and take gigabytes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What all rules stand at in one frame."""

    at: float
    """Seconds: of media time, or Unix time."""
    levels: tuple[RuleLevels, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One change of state, on the clock of the samples."""

    at: float
    transition: Transition


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a clip, or a stretch of a recording, did to each alert."""

    title: str
    samples: tuple[Sample, ...]
    moments: tuple[Moment, ...]
    unix: bool
    """Whether times are Unix times; else they are seconds since the beginning of the clip."""


class TimelineCollector:
    """Takes samples and changes of state as they come."""

    def __init__(self, title: str, *, unix: bool) -> None:
        self._title = title
        self._unix = unix
        self._samples: list[Sample] = []
        self._moments: list[Moment] = []

    def add(
        self, at: float, levels: tuple[RuleLevels, ...], transitions: Sequence[Transition]
    ) -> None:
        """Take a frame.

        Args:
            at: its time, seconds.
            levels: what each rule stands at after it.
            transitions: what it changed.

        Raises:
            EmberwatchError: there are more samples than a picture can show.
        """
        if len(self._samples) == MOST_SAMPLES:
            raise EmberwatchError(
                f"{self._title}: has more than {MOST_SAMPLES} frames, too many for one picture; "
                "take a shorter stretch (--from and --to for recorded scores)"
            )
        self._samples.append(Sample(at, levels))
        self._moments += [Moment(at, transition) for transition in transitions]

    def timeline(self) -> Timeline:
        """All that was taken."""
        return Timeline(self._title, tuple(self._samples), tuple(self._moments), self._unix)
