"""The rules of one camera, run together: grave ones first, and one event for labels that share
their evidence."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.decision.conditions import Standing
from monitor.decision.rules import RuleMachine
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.decision.snapshot import RuleSnapshot
from monitor.decision.state import AlertState
from monitor.decision.strongest import Sample

HAZARD = "hazard"
"""The incident that all alerts for hazard labels of one camera belong to."""

OLD_NEWS_SECONDS = 86400.0
"""An alert that has been firing for longer is held to what is usual, as new evidence is."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rule went from one state to another in a frame."""

    rule: int
    """Its place among the rules."""
    previous: AlertState
    state: AlertState
    by_hazard: bool
    """Whether the hazard decided, whatever label led, and not the rule's own evidence."""
    frames: int
    """Frames seen since the state before began."""
    seconds: float
    """Time since then."""


class RuleSet:
    """The rules of one camera between two frames."""

    def __init__(
        self,
        rules: Sequence[RuleSettings],
        ranks: Sequence[int],
        settings: DecisionSettings,
    ) -> None:
        """Begin with all of them inactive.

        Args:
            rules: the rules.
            ranks: how grave the label of each is among those that share evidence, 0 the mildest;
                -1: shares none.
            settings: what clears, what is certain, and how far durations may fall short.
        """
        self._settings = settings
        slack = self._slack_of(settings.sample_seconds)
        self.machines = tuple(
            RuleMachine(rule, rank, settings.clear_ratio, slack)
            for rule, rank in zip(rules, ranks, strict=True)
        )
        """One a rule, in the order of the rules."""
        self.incidents = tuple(
            HAZARD if machine.rank >= 0 else machine.settings.name for machine in self.machines
        )
        """The incident that each rule belongs to, in the order of the rules."""
        # Grave rules first: what they come to decides about the milder ones of the same event.
        self._order = sorted(range(len(rules)), key=lambda index: -ranks[index])

    def states(self) -> Mapping[str, AlertState]:
        """The state of each alert, by the name of its rule."""
        return {machine.settings.name: machine.state for machine in self.machines}

    @property
    def all_hold(self) -> bool:
        """Whether no rule is muted now."""
        return all(machine.standing.holds for machine in self.machines)

    @property
    def settled(self) -> bool:
        """No alert is up but such as have been for so long that they are no news."""
        return all(
            machine.state is AlertState.INACTIVE
            or (machine.state is AlertState.FIRING and machine.elapsed >= OLD_NEWS_SECONDS)
            for machine in self.machines
        )

    @property
    def undecided(self) -> AlertState:
        """Pending if any alert is, else firing if any is, else inactive."""
        states = [machine.state for machine in self.machines]
        return AlertState.PENDING if AlertState.PENDING in states else max(states)

    def stand(self, standings: Sequence[Standing]) -> None:
        """How the rules stand from now on, in their order; what is left out stays as it is."""
        for machine, standing in zip(self.machines, standings, strict=False):
            if standing is not machine.standing:
                machine.stand(standing)

    def update(
        self, sample: Sample, step: float, elapsed: float, held: Collection[str]
    ) -> list[Change]:
        """Take what a frame came to; give the changes of state, what begins before what ends.

        Args:
            sample: the frame's evidence.
            step: observed seconds that it adds.
            elapsed: seconds since the frame before, gaps included.
            held: incidents of which no alert may begin to fire in this frame, unless its evidence
                is certain.
        """
        slack = self._slack_of(step)
        quiet = True
        for machine, evidence, hazard in zip(
            self.machines, sample.found, sample.hazards, strict=True
        ):
            machine.slack = slack
            machine.observe(evidence.stands, hazard.stands, step, elapsed)
            if machine.state is not AlertState.INACTIVE or evidence.stands >= machine.threshold:
                quiet = False
        if quiet:
            return []  # nearly all frames: nothing is there, and nothing was
        changes = list(self._decide(sample, step, held))
        # An event that goes on never looks ended in between.
        changes.sort(key=lambda change: change.state is AlertState.INACTIVE)
        return changes

    def _decide(self, sample: Sample, step: float, held: Collection[str]) -> Iterable[Change]:
        event_open = any(m.rank >= 0 and m.state is AlertState.FIRING for m in self.machines)
        # The highest state among rules graver than those of the rank at hand.
        graver = highest = AlertState.INACTIVE
        rank = -1
        for index in self._order:
            machine = self.machines[index]
            if machine.rank != rank:
                rank, graver = machine.rank, highest
            joint = machine.rank >= 0
            previous = machine.state
            evidence = sample.found[index]
            for state in machine.decide(
                evidence.stands,
                sample.hazards[index].stands,
                step,
                event_open=joint and event_open,
                graver=graver if joint else AlertState.INACTIVE,
                may_fire=self.incidents[index] not in held
                or evidence.smoothed >= self._settings.certain,
            ):
                by_hazard = joint and previous is AlertState.FIRING
                yield Change(index, previous, state, by_hazard, machine.frames, machine.elapsed)
                previous = state
                machine.frames = 0
                machine.elapsed = 0.0
            if joint:
                highest = max(highest, machine.state)
                event_open = event_open or machine.state is AlertState.FIRING

    def _slack_of(self, step: float) -> float:
        """How far durations may fall short in a frame after a step of so many seconds.

        In a burst frames come much faster than usual, and none has to be waited for: a part of the
        usual period would be a large part of ``for`` for a camera that is seldom sampled.
        """
        period = self._settings.sample_seconds
        return self._settings.slack_periods * (step if 0 < step < period / 2 else period)

    def dump(self) -> tuple[RuleSnapshot, ...]:
        """All that must survive a restart."""
        return tuple(machine.dump() for machine in self.machines)

    def load(self, snapshots: Sequence[RuleSnapshot]) -> bool:
        """Go on from what :meth:`dump` gave; a rule that is gone, or is now for another label,
        begins anew.

        Returns:
            Whether the rules are the same as then, in the same order.
        """
        kept = {(rule.name, rule.label): rule for rule in snapshots}
        mine = [(machine.settings.name, machine.settings.label) for machine in self.machines]
        for machine, key in zip(self.machines, mine, strict=True):
            rule = kept.get(key)
            if rule is not None:
                machine.load(rule)
        return [*kept] == mine
