"""Whether a rule holds at a moment, and with which threshold: by time, and by signals from outside.

Pure: the moment and the signals that are on come in, how each rule stands goes out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.config import Camera, Config, Rule
from monitor.decision.schedule import Interval, any_holds


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands at a moment."""

    holds: bool = True
    """Whether evidence is collected for it. What fires already goes on either way."""
    threshold: float | None = None
    """Another threshold than its own; None: its own."""
    cause: str = ""
    """Why it is not as usual, in words; empty where it is."""


AS_USUAL = Standing()

Intervals = tuple[str, tuple[Interval, ...]]
"""A name and the intervals that it stands for."""


@dataclass(frozen=True, slots=True)
class OtherThreshold:
    """A threshold for certain times, or while a signal is on."""

    threshold: float
    during: Intervals | None
    signal: str | None


@dataclass(frozen=True, slots=True)
class RuleConditions:
    """When one rule holds for one camera, and with which threshold."""

    active: tuple[tuple[Intervals, ...], ...] = ()
    """One of each group must hold: the rule's own, and the camera's."""
    mute: tuple[Intervals, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    """Names of signals."""
    thresholds: tuple[OtherThreshold, ...] = ()

    def standing(self, at: float, signals: Collection[str]) -> Standing:
        """How the rule stands.

        Args:
            at: Unix time of the frame, seconds.
            signals: names of those that are on.
        """
        for group in self.active:
            if not any(any_holds(intervals, at) for _, intervals in group):
                return Standing(holds=False, cause=f"outside {' and '.join(n for n, _ in group)}")
        for name, intervals in self.mute:
            if any_holds(intervals, at):
                return Standing(holds=False, cause=f"muted in {name}")
        for name in self.inhibited_by:
            if name in signals:
                return Standing(holds=False, cause=f"inhibited by {name}")
        for other in self.thresholds:
            if other.during is not None and any_holds(other.during[1], at):
                return _with(other.threshold, f"in {other.during[0]}")
            if other.signal is not None and other.signal in signals:
                return _with(other.threshold, f"while {other.signal} is on")
        return AS_USUAL


def _with(threshold: float, when: str) -> Standing:
    return Standing(threshold=threshold, cause=f"threshold {threshold:g} {when}")


class CameraConditions:
    """The conditions of all rules of one camera; remembers what held in the newest minute."""

    def __init__(self, rules: Sequence[RuleConditions]) -> None:
        self._rules = tuple(rules)
        self._plain = all(rule == RuleConditions() for rule in self._rules)
        self._key: tuple[int, frozenset[str]] | None = None
        self._standings = (AS_USUAL,) * len(self._rules)

    def standings(self, at: float, signals: frozenset[str]) -> tuple[Standing, ...]:
        """How each rule stands, in their order.

        Intervals begin and end with a minute, so within one nothing changes but by a signal.
        """
        key = (int(at // 60), signals)
        if not self._plain and key != self._key:
            self._key = key
            self._standings = tuple(rule.standing(at, signals) for rule in self._rules)
        return self._standings


def conditions(config: Config, camera: Camera) -> tuple[RuleConditions, ...]:
    """The conditions of a camera's rules, in the order of
    :func:`monitor.decision.settings.rule_settings`."""
    named: Mapping[str, Intervals] = {
        entry.name: (entry.name, tuple(part.interval() for part in entry.time_intervals))
        for entry in config.time_intervals
    }
    return tuple(
        _rule_conditions(rule, camera, named.__getitem__)
        for rule in config.rules
        if camera.rules is None or rule.name in camera.rules
    )


def _rule_conditions(
    rule: Rule, camera: Camera, named: Callable[[str], Intervals]
) -> RuleConditions:
    def all_of(names: Sequence[str]) -> tuple[Intervals, ...]:
        return tuple(named(name) for name in names)

    groups = (rule.active_time_intervals, camera.active_time_intervals)
    return RuleConditions(
        active=tuple(all_of(names) for names in groups if names),
        mute=all_of([*rule.mute_time_intervals, *camera.mute_time_intervals]),
        inhibited_by=tuple(dict.fromkeys([*rule.inhibited_by, *camera.inhibited_by])),
        thresholds=tuple(
            OtherThreshold(
                threshold=other.threshold,
                during=None if other.during is None else named(other.during),
                signal=other.signal,
            )
            for other in rule.thresholds
        ),
    )
