"""The decision for one camera: scored frames in, changes of state out.

Pure: the same frames give the same transitions. Time comes in with each frame, nothing is read
from a clock, a file or a global.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.decision.baseline import Baseline
from monitor.decision.conditions import Standing
from monitor.decision.evidence import EvidencePlan
from monitor.decision.observed import ObservedTime
from monitor.decision.rules import RuleMachine, Stretch
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.decision.smoothing import Smoother, make_smoother
from monitor.decision.snapshot import (
    DeciderSnapshot,
    RegionSnapshot,
    RuleSnapshot,
    StretchSnapshot,
)
from monitor.decision.state import AlertState, Explanation, RuleLevels, Transition
from monitor.decision.thresholds import RegionThresholds
from monitor.inference.locate import find_box, heat_map
from monitor.inference.scored import Box, ScoredFrame

HAZARD = "hazard"
"""The incident that all alerts for hazard labels of one camera belong to."""

OLD_NEWS_SECONDS = 86400.0
"""An alert that has been firing for longer is held to what is usual, as new evidence is."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """The newest score of a label."""

    raw: float
    smoothed: float


EVIDENCE_SAMPLES = 20
"""So many samples up to a change of state are kept in its explanation."""


@dataclass(slots=True)
class _Found:
    """The strongest evidence for a rule over all regions of a frame."""

    stands: float = -1.0
    """What counts against the rule's threshold."""
    raw: float = 0.0
    smoothed: float = 0.0
    """What counts against the region's own threshold, where it has one."""
    region: str = ""


class Decider:
    """Smoothing, evidence and rules of one camera."""

    def __init__(
        self,
        camera: str,
        rules: Sequence[RuleSettings],
        labels: Sequence[str],
        settings: DecisionSettings | None = None,
    ) -> None:
        """Begin with all alerts inactive.

        Args:
            camera: the camera's name; frames of another are refused.
            rules: the rules that hold for it.
            labels: the labels of the model, in the order of its scores.
            settings: everything else; the defaults where it is left out.

        Raises:
            ConfigError: a rule is for a label that the model does not have.
        """
        self._camera = camera
        self._labels = tuple(labels)
        self._settings = settings or DecisionSettings()
        self._plan = EvidencePlan(rules, labels, self._settings.hazards)
        period = self._settings.sample_seconds
        slack = self._slack_of(period)
        self._machines = [
            RuleMachine(rule, rank, self._settings.clear_ratio, slack)
            for rule, rank in zip(rules, self._plan.ranks, strict=True)
        ]
        # Grave rules first: what they come to decides about the milder ones of the same event.
        self._order = sorted(range(len(rules)), key=lambda index: -self._plan.ranks[index])
        self._thresholds = RegionThresholds(dict(self._settings.region_thresholds))
        self._time = ObservedTime(period, period * self._settings.max_step_periods)
        self._smoothers: dict[str, Smoother] = {}
        self._baseline: Baseline | None = None
        if rules and self._settings.baseline.enabled:
            self._baseline = Baseline(
                self._settings.baseline,
                self._plan.columns(),
                self._plan.joint,
                min(rule.threshold for rule in rules),
                self._settings.region_thresholds,
            )
        self._region = ""
        self._raw: list[float] = []
        self._smoothed: list[float] = []
        # Of the last frames: seconds since the one before, and the evidence and the hazard as they
        # stood against each rule.
        self._recent: deque[tuple[float, list[_Found], list[_Found]]] = deque(
            maxlen=EVIDENCE_SAMPLES
        )

    @property
    def scores(self) -> Mapping[str, LabelScore]:
        """Each label's newest scores in :attr:`region`; empty before the first frame."""
        return {
            label: LabelScore(raw, smoothed)
            for label, raw, smoothed in zip(
                self._labels, self._raw, self._smoothed, strict=False
            )  # the hazard stands behind the labels
        }

    @property
    def usual(self) -> Mapping[str, float]:
        """What the view usually shows now by label, and by ``hazard``: the highest of all regions,
        0 to 1, 0 where nothing is known; empty where the baseline is switched off."""
        return {} if self._baseline is None else self._baseline.shown

    @property
    def region(self) -> str:
        """The region of the newest frame with the strongest evidence; empty before the first."""
        return self._region

    def states(self) -> Mapping[str, AlertState]:
        """The state of each alert, by the name of its rule."""
        return {machine.settings.name: machine.state for machine in self._machines}

    def levels(self) -> tuple[RuleLevels, ...]:
        """What each rule stands at in the newest frame; empty before the first.

        A firing alert for a hazard label is held by the hazard, whatever label leads, so that is
        what is told of it.
        """
        if not self._region:
            return ()
        _, found, hazards = self._recent[-1]
        told = []
        for index, machine in enumerate(self._machines):
            firing = machine.state is AlertState.FIRING
            by_hazard = machine.rank >= 0 and firing
            what = hazards[index] if by_hazard else found[index]
            own = machine.settings.threshold
            clearing = machine.hold_level if firing else machine.clear_level
            told.append(
                RuleLevels(
                    alert=machine.settings.name,
                    state=machine.state,
                    holds=machine.standing.holds,
                    region=what.region,
                    score=what.raw,
                    smoothed=what.smoothed,
                    baseline=self._usual(what.region, -1 if by_hazard else index),
                    threshold=self._thresholds.now(what.region, own, machine.threshold),
                    clear_level=self._thresholds.now(what.region, own, clearing),
                )
            )
        return tuple(told)

    def update(
        self,
        scored: ScoredFrame,
        standings: Sequence[Standing] = (),
        held: Collection[str] = (),
    ) -> list[Transition]:
        """Take the scores of a frame; give the changes of state that it brings, in their order.

        A frame that is not newer than the one before changes nothing.

        Args:
            scored: the frame.
            standings: how each rule stands at its time, in the order of the rules; as usual where
                it is left out.
            held: incidents of which no alert may begin to fire in this frame, because other
                cameras must agree first. Evidence that is certain fires all the same.

        Raises:
            ValueError: the frame is of another camera, or its scores are no probabilities. Nothing
                has changed then.
        """
        if scored.camera != self._camera:
            raise ValueError(f"a frame of camera '{scored.camera}' for '{self._camera}'")
        raws = [
            (part.region.name, self._plan.values(part.scores.tolist())) for part in scored.regions
        ]
        if not raws:
            return []
        times = self._time.advance(scored.captured_monotonic, scored.captured_at)
        if times is None:
            return []
        step, elapsed = times
        for machine, standing in zip(self._machines, standings, strict=False):
            if standing is not machine.standing:
                machine.stand(standing)
        look = self._baseline
        if look is not None and not look.due(scored.captured_at, step):
            look = None  # once a minute is often enough
        if look is not None and self._settled():
            look.refresh()
        found, hazards = self._strongest(raws, step)
        self._recent.append((round(elapsed, 3), found, hazards))
        slack = self._slack_of(step)
        for machine, evidence, hazard in zip(self._machines, found, hazards, strict=True):
            machine.slack = slack
            machine.observe(evidence.stands, hazard.stands, step, elapsed)
        transitions = self._decide(scored, found, hazards, step, held)
        if look is not None:
            if all(machine.standing.holds for machine in self._machines):
                look.learn(raws, self._undecided())
            else:
                # What nobody judges, such as welding in welding hours, must not become the usual.
                look.skip()
        return transitions

    def _settled(self) -> bool:
        """No alert is up but such as have been for so long that they are no news."""
        return all(
            machine.state is AlertState.INACTIVE
            or (machine.state is AlertState.FIRING and machine.elapsed >= OLD_NEWS_SECONDS)
            for machine in self._machines
        )

    def _undecided(self) -> AlertState:
        """Pending if any alert is, else firing if any is, else inactive."""
        states = [machine.state for machine in self._machines]
        return AlertState.PENDING if AlertState.PENDING in states else max(states)

    def _strongest(
        self, raws: list[tuple[str, list[float]]], step: float
    ) -> tuple[list[_Found], list[_Found]]:
        """Smooth every region; the strongest evidence for each rule, and of the hazard as it counts
        against each rule's threshold."""
        if len(raws) < len(self._smoothers):
            # The camera has other regions than before: what is not seen any more is forgotten.
            names = {name for name, _ in raws}
            self._smoothers = {n: s for n, s in self._smoothers.items() if n in names}
            if self._baseline is not None:
                self._baseline.keep(names)
        baseline = self._baseline
        found = [_Found() for _ in self._machines]
        hazards = [_Found() for _ in self._machines]
        strongest = -1.0
        for name, raw in raws:
            smoother = self._smoothers.get(name)
            if smoother is None:
                smoother = self._smoothers[name] = make_smoother(self._settings.smoothing)
            counted = raw if baseline is None else baseline.lowered(name, raw)
            smoothed = smoother.update(counted, step)
            now = self._plan.evidence(raw)
            then = [
                new if new >= self._settings.certain and new > old else old
                for new, old in zip(now, self._plan.evidence(smoothed), strict=True)
            ]
            total = then[-1]
            for index, machine in enumerate(self._machines):
                threshold = machine.settings.threshold
                for best, column in ((found[index], index), (hazards[index], -1)):
                    stands = self._thresholds.lift(name, then[column], threshold)
                    if stands > best.stands:
                        best.stands, best.raw, best.region = stands, now[column], name
                        best.smoothed = then[column]
                    total = max(total, stands)
            if total > strongest:
                strongest = total
                self._region, self._raw, self._smoothed = name, raw, smoothed
        return found, hazards

    def _slack_of(self, step: float) -> float:
        """How far durations may fall short in a frame after a step of so many seconds.

        In a burst frames come much faster than usual, and none has to be waited for: a part of the
        usual period would be a large part of ``for`` for a camera that is seldom sampled.
        """
        period = self._settings.sample_seconds
        return self._settings.slack_periods * (step if 0 < step < period / 2 else period)

    def _decide(
        self,
        scored: ScoredFrame,
        found: list[_Found],
        hazards: list[_Found],
        step: float,
        held: Collection[str],
    ) -> list[Transition]:
        """Run the rules, grave ones first."""
        if all(
            machine.state is AlertState.INACTIVE and evidence.stands < machine.threshold
            for machine, evidence in zip(self._machines, found, strict=True)
        ):
            return []  # nearly all frames: nothing is there, and nothing was
        transitions = []
        event_open = any(m.rank >= 0 and m.state is AlertState.FIRING for m in self._machines)
        # The highest state among rules graver than those of the rank at hand.
        graver = highest = AlertState.INACTIVE
        rank = -1
        for index in self._order:
            machine = self._machines[index]
            if machine.rank != rank:
                rank, graver = machine.rank, highest
            joint = machine.rank >= 0
            previous = machine.state
            evidence = found[index].stands
            for state in machine.decide(
                evidence,
                hazards[index].stands,
                step,
                event_open=joint and event_open,
                graver=graver if joint else AlertState.INACTIVE,
                may_fire=self._incident(machine) not in held
                or found[index].smoothed >= self._settings.certain,
            ):
                by_hazard = joint and previous is AlertState.FIRING
                what = hazards[index] if by_hazard else found[index]
                why = self._why(machine, index, what, by_hazard=by_hazard)
                transitions.append(self._transition(scored, index, previous, state, what, why))
                previous = state
            if joint:
                highest = max(highest, machine.state)
                event_open = event_open or machine.state is AlertState.FIRING
        # What begins comes before what ends: an event that goes on never looks ended in between.
        transitions.sort(key=lambda transition: transition.state is AlertState.INACTIVE)
        return transitions

    def _usual(self, region: str, column: int) -> float:
        """The evidence for a rule, or of the hazard, that a region usually shows."""
        usual = [] if self._baseline is None else self._baseline.usual(region)
        return self._plan.evidence(usual)[column] if usual else 0.0

    def _transition(
        self,
        scored: ScoredFrame,
        index: int,
        previous: AlertState,
        state: AlertState,
        what: _Found,
        why: Explanation,
    ) -> Transition:
        machine = self._machines[index]
        machine.frames = 0
        machine.elapsed = 0.0
        return Transition(
            camera=self._camera,
            alert=machine.settings.name,
            label=machine.settings.label,
            previous=previous,
            state=state,
            captured_at=scored.captured_at,
            captured_monotonic=scored.captured_monotonic,
            score=what.smoothed,
            why=why,
            box=None if state is AlertState.INACTIVE else self._box(scored, index, what.region),
            incident=self._incident(machine),
        )

    def _why(
        self, machine: RuleMachine, index: int, what: _Found, *, by_hazard: bool
    ) -> Explanation:
        """The numbers of a rule in this frame, or of the hazard where that is what decides."""
        evidence = []
        age = 0.0
        for elapsed, found, hazards in reversed(self._recent):
            then = (hazards if by_hazard else found)[index]
            evidence.append((0.0 - round(age, 3), round(then.smoothed, 3)))
            age += elapsed
        return Explanation(
            threshold=self._thresholds.now(
                what.region, machine.settings.threshold, machine.threshold
            ),
            score=what.raw,
            smoothed=what.smoothed,
            baseline=self._usual(what.region, -1 if by_hazard else index),
            region=what.region,
            frames=machine.frames,
            seconds=machine.elapsed,
            evidence=tuple(reversed(evidence)),
        )

    def _box(self, scored: ScoredFrame, index: int, region: str) -> Box | None:
        """Where the region shows what a rule is about."""
        meant = self._plan.meant[index]
        for part in scored.regions:
            if part.region.name == region and part.cells is not None:
                if len(meant) == len(self._labels):
                    return None  # all labels are hazards: there is nothing to tell them from
                return find_box(heat_map(part.cells, meant), part.region)
        return None

    @property
    def incidents(self) -> tuple[str, ...]:
        """The incident that each rule belongs to, in the order of the rules."""
        return tuple(self._incident(machine) for machine in self._machines)

    @staticmethod
    def _incident(machine: RuleMachine) -> str:
        return HAZARD if machine.rank >= 0 else machine.settings.name

    def snapshot(self) -> DeciderSnapshot:
        """All that must survive a restart."""
        return DeciderSnapshot(
            camera=self._camera,
            captured_at=self._time.last_wall,
            labels=self._labels,
            smoothing=self._settings.smoothing.kind,
            rules=tuple(
                RuleSnapshot(
                    name=machine.settings.name,
                    label=machine.settings.label,
                    state=machine.state.label,
                    above=_frozen(machine.above),
                    hazard=_frozen(machine.hazard),
                    below=_frozen(machine.below),
                    frames=machine.frames,
                    elapsed=machine.elapsed,
                )
                for machine in self._machines
            ),
            regions=tuple(
                RegionSnapshot(name, tuple(tuple(row) for row in smoother.dump()))
                for name, smoother in self._smoothers.items()
            ),
            baseline=None if self._baseline is None else self._baseline.dump(),
            recent=tuple(
                (elapsed, *(round(what.smoothed, 3) for what in (*found, *hazards)))
                for elapsed, found, hazards in self._recent
            ),
        )

    def restore(self, snapshot: DeciderSnapshot) -> None:
        """Go on from a snapshot; to be called before the first frame.

        A rule that is gone, or is now for another label, begins anew. Smoothed scores are taken
        over where the model has the same labels and the smoothing is of the same kind, and what is
        usual where it was learned from the same model.

        Raises:
            ValueError: the snapshot is of another camera.
        """
        if snapshot.camera != self._camera:
            raise ValueError(f"a snapshot of camera '{snapshot.camera}' for '{self._camera}'")
        kept = {(rule.name, rule.label): rule for rule in snapshot.rules}
        for machine in self._machines:
            rule = kept.get((machine.settings.name, machine.settings.label))
            if rule is None:
                continue
            machine.state = AlertState[rule.state.upper()]
            machine.above = Stretch(rule.above.running, rule.above.seconds)
            machine.hazard = Stretch(rule.hazard.running, rule.hazard.seconds)
            machine.below = Stretch(rule.below.running, rule.below.seconds)
            machine.frames = rule.frames
            machine.elapsed = rule.elapsed
        count = len(self._machines)
        if [*kept] == [(m.settings.name, m.settings.label) for m in self._machines]:
            for elapsed, *values in snapshot.recent:
                whats = [_Found(smoothed=value) for value in values]
                self._recent.append((elapsed, whats[:count], whats[count:]))
        self._time.last = None
        self._time.last_wall = snapshot.captured_at
        if self._baseline is not None and snapshot.baseline is not None:
            self._baseline.load(snapshot.baseline, snapshot.captured_at)
        self._smoothers = {}
        same_kind = snapshot.smoothing == self._settings.smoothing.kind
        if not same_kind or snapshot.labels != self._labels:
            return
        for region in snapshot.regions:
            smoother = make_smoother(self._settings.smoothing)
            smoother.load(region.rows)
            self._smoothers[region.name] = smoother


def _frozen(stretch: Stretch) -> StretchSnapshot:
    return StretchSnapshot(stretch.running, stretch.seconds)
