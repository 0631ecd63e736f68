"""Recorded scores through the decision, without the frames that cannot matter.

A camera is quiet nearly always: no score reaches what any rule could be cleared by, nothing is
pending, and the smoothing has forgotten what was before. Such frames change nothing, so they are
found by array arithmetic and left out, and a year of one camera takes seconds. What is left is
decided by the daemon's own :class:`~monitor.decision.decider.Decider`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.decision.decider import Decider
from monitor.decision.observed import ObservedTime
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.decision.state import Transition
from monitor.recording import Part

# After so many half-lives an old score weighs less than a ten-millionth.
_HALF_LIVES = 24


@dataclass(frozen=True, slots=True)
class Memory:
    """How far back the smoothing remembers."""

    seconds: float
    """Of observed time: a gap adds a sample period to it, however long it is."""
    frames: int


def memory_of(settings: DecisionSettings) -> Memory | None:
    """What of the past still counts; None where it cannot be told, and nothing may be left out.

    A baseline learns from quiet frames above all.
    """
    smoothing = settings.smoothing
    if settings.baseline.enabled:
        return None
    if smoothing.kind == "exponential":
        return Memory(_HALF_LIVES * smoothing.half_life + settings.sample_seconds, 2)
    if smoothing.kind in ("median", "k_of_n"):
        return Memory(0.0, smoothing.n + 1)
    return None


def observed(part: Part, settings: DecisionSettings) -> NDArray[np.float64]:
    """The observed time at each frame of a part, seconds from its first; as of
    :class:`monitor.decision.observed.ObservedTime`, of frames that come in order."""
    steps = np.diff(part.monotonic, prepend=part.monotonic[:1])
    gaps = steps > settings.max_step_periods * settings.sample_seconds
    return np.cumsum(np.where(gaps, settings.sample_seconds, steps))


def loudness(
    part: Part, rules: Sequence[RuleSettings], hazards: Sequence[str]
) -> NDArray[np.float32]:
    """An upper bound of what any rule gets, frame by frame: float32 (n,)."""
    labels = part.source.labels
    joint = [labels.index(label) for label in hazards if label in labels]
    own = [labels.index(rule.label) for rule in rules if rule.label in labels]
    most = part.scores[:, :, joint].sum(axis=2) if joint else np.zeros(part.scores.shape[:2])
    if own:
        most = np.maximum(most, part.scores[:, :, own].max(axis=2))
    return np.asarray(most.max(axis=1), np.float32)


class Replay:
    """The decision of one camera on its recorded parts, oldest first."""

    def __init__(
        self,
        rules: Sequence[RuleSettings],
        settings: DecisionSettings,
        *,
        skip: bool = True,
    ) -> None:
        """
        Args:
            rules: the rules.
            settings: everything else; the sample period is that of the recording.
            skip: leave out what cannot matter; the result is the same.
        """
        self._rules = tuple(rules)
        self._settings = settings
        self._skip = skip
        self._decider: Decider | None = None
        """Of the stretch that goes on; None between two."""
        self._quiet_seconds: float | None = None
        """Of observed time, since this stretch was loud last; None before it was."""
        self._quiet_frames = 0
        self._time = _clock_of(settings)
        self._tail: Part | None = None
        """The last frames of the part before, as far as the smoothing remembers."""
        self.decided = 0
        """Frames that were not left out."""

    def run(self, parts: Iterable[Part]) -> Iterator[Transition]:
        """All changes of state, in their order.

        Raises:
            ConfigError: a rule is for a label that the recording does not have.
        """
        for part in parts:
            yield from self._part(part)

    def _part(self, part: Part) -> Iterator[Transition]:
        settings = replace(self._settings, sample_seconds=1.0 / part.source.fps)
        memory = memory_of(settings) if self._skip else None
        position = 0
        if self._tail is None or not part.follows(self._tail):
            self._decider = None
        elif self._decider is None:
            position = len(self._tail.monotonic)
            part = _joined(self._tail, part)
        if memory is None:
            loud = np.ones(len(part.monotonic), bool)
        else:
            thresholds = [rule.threshold for rule in self._rules]
            thresholds += [threshold for _, threshold in settings.region_thresholds]
            floor = min(thresholds) * settings.clear_ratio
            loud = loudness(part, self._rules, settings.hazards) >= floor
        where = np.flatnonzero(loud)
        while position < len(loud):
            if self._decider is None:
                ahead = where[np.searchsorted(where, position) :]
                if not len(ahead):
                    break
                position = _warm_up_from(part, int(ahead[0]), memory, settings)
                self._decider = Decider(part.camera, self._rules, part.source.labels, settings)
                self._quiet_seconds = None
                self._time = _clock_of(settings)
            for frame in part.frames(position):
                self.decided += 1
                yield from self._decider.update(frame)
                step = self._time.advance(frame.captured_monotonic, frame.captured_at)
                self._listen(0.0 if step is None else step[0], loud=bool(loud[position]))
                position += 1
                if memory is not None and self._forgotten(memory):
                    self._decider = None
                    break
        self._tail = part if memory is None else _tail(part, memory, settings)

    def _listen(self, step: float, *, loud: bool) -> None:
        if loud:
            self._quiet_seconds, self._quiet_frames = 0.0, 0
        elif self._quiet_seconds is not None:
            self._quiet_seconds += step
            self._quiet_frames += 1

    def _forgotten(self, memory: Memory) -> bool:
        """Whether nothing is pending and all that was loud has left the smoothing."""
        return (
            self._decider is not None
            and self._quiet_seconds is not None
            and self._quiet_frames >= memory.frames
            and self._quiet_seconds >= memory.seconds
            and not any(self._decider.states().values())
        )


def _clock_of(settings: DecisionSettings) -> ObservedTime:
    period = settings.sample_seconds
    return ObservedTime(period, settings.max_step_periods * period)


def _warm_up_from(part: Part, loud: int, memory: Memory | None, settings: DecisionSettings) -> int:
    """The first frame that the smoothing remembers at a loud one."""
    if memory is None:
        return loud
    times = observed(part, settings)
    remembered = np.searchsorted(times, times[loud] - memory.seconds)
    return max(0, min(int(remembered), loud - memory.frames))


def _tail(part: Part, memory: Memory, settings: DecisionSettings) -> Part:
    first = _warm_up_from(part, len(part.monotonic) - 1, memory, settings)
    return replace(
        part,
        monotonic=part.monotonic[first:],
        captured_at=part.captured_at[first:],
        scores=part.scores[first:],
    )


def _joined(first: Part, second: Part) -> Part:
    return replace(
        second,
        monotonic=np.concatenate([first.monotonic, second.monotonic]),
        captured_at=np.concatenate([first.captured_at, second.captured_at]),
        scores=np.concatenate([first.scores, second.scores]),
    )
