"""The decision for one camera: scored frames in, changes of state out.

Pure: the same frames give the same transitions. Time comes in with each frame, nothing is read
from a clock, a file or a global.
"""

from collections.abc import Collection, Mapping, Sequence

from monitor.decision.baseline import Baseline
from monitor.decision.conditions import Standing
from monitor.decision.evidence import EvidencePlan
from monitor.decision.observed import ObservedTime
from monitor.decision.rule_set import Change, RuleSet
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState, Explanation, RuleLevels, Transition
from monitor.decision.strongest import Strongest
from monitor.decision.thresholds import RegionThresholds
from monitor.inference.locate import box_of
from monitor.inference.scored import ScoredFrame


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
        self._rules = RuleSet(rules, self._plan.ranks, self._settings)
        self._thresholds = RegionThresholds(dict(self._settings.region_thresholds))
        self._time = ObservedTime(period, period * self._settings.max_step_periods)
        self._baseline: Baseline | None = None
        if rules and self._settings.baseline.enabled:
            self._baseline = Baseline(
                self._settings.baseline,
                self._plan.columns(),
                self._plan.joint,
                min(rule.threshold for rule in rules),
                self._settings.region_thresholds,
            )
        self._strongest = Strongest(
            self._plan,
            [rule.threshold for rule in rules],
            self._thresholds,
            self._settings,
            self._baseline,
        )

    @property
    def scores(self) -> Mapping[str, float]:
        """Each label's newest score in :attr:`region`; empty before the first frame."""
        # The hazard stands behind the labels.
        return dict(zip(self._labels, self._strongest.raw, strict=False))

    @property
    def usual(self) -> Mapping[str, float]:
        """What the view usually shows now by label, and by ``hazard``: the highest of all regions,
        0 to 1, 0 where nothing is known; empty where the baseline is switched off."""
        return {} if self._baseline is None else self._baseline.shown

    @property
    def region(self) -> str:
        """The region of the newest frame with the strongest evidence; empty before the first."""
        return self._strongest.region

    @property
    def captured_at(self) -> float | None:
        """Unix time of the newest frame; None before the first."""
        return self._time.last_wall

    @property
    def incidents(self) -> tuple[str, ...]:
        """The incident that each rule belongs to, in the order of the rules."""
        return self._rules.incidents

    def states(self) -> Mapping[str, AlertState]:
        """The state of each alert, by the name of its rule."""
        return self._rules.states()

    def levels(self) -> tuple[RuleLevels, ...]:
        """What each rule stands at in the newest frame; empty before the first.

        A firing alert for a hazard label is held by the hazard, whatever label leads, so that is
        what is told of it.
        """
        if not self.region:
            return ()
        sample = self._strongest.newest
        told = []
        for index, machine in enumerate(self._rules.machines):
            firing = machine.state is AlertState.FIRING
            by_hazard = machine.rank >= 0 and firing
            what = sample.of(index, by_hazard=by_hazard)
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
                    baseline=self._usual(what.region, index, by_hazard),
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
        self._rules.stand(standings)
        look = self._baseline
        if look is not None and not look.due(scored.captured_at, step):
            look = None  # once a minute is often enough
        if look is not None and self._rules.settled:
            look.refresh()
        sample = self._strongest.update(raws, step, elapsed)
        changes = self._rules.update(sample, step, elapsed, held)
        if look is not None:
            if self._rules.all_hold:
                look.learn(raws, self._rules.undecided)
            else:
                # What nobody judges, such as welding in welding hours, must not become the usual.
                look.skip()
        return [self._transition(scored, change) for change in changes]

    def _transition(self, scored: ScoredFrame, change: Change) -> Transition:
        rule = self._rules.machines[change.rule]
        what = self._strongest.newest.of(change.rule, by_hazard=change.by_hazard)
        box = None
        if change.state is not AlertState.INACTIVE:
            box = box_of(scored, what.region, self._plan.meant[change.rule])
        return Transition(
            camera=self._camera,
            alert=rule.settings.name,
            label=rule.settings.label,
            previous=change.previous,
            state=change.state,
            captured_at=scored.captured_at,
            captured_monotonic=scored.captured_monotonic,
            score=what.smoothed,
            why=Explanation(
                threshold=self._thresholds.now(
                    what.region, rule.settings.threshold, rule.threshold
                ),
                score=what.raw,
                smoothed=what.smoothed,
                baseline=self._usual(what.region, change.rule, change.by_hazard),
                region=what.region,
                frames=change.frames,
                seconds=change.seconds,
                evidence=self._strongest.history(change.rule, by_hazard=change.by_hazard),
            ),
            incident=self.incidents[change.rule],
            box=box,
        )

    def _usual(self, region: str, rule: int, by_hazard: bool) -> float:
        """The evidence for a rule, or of the hazard, that a region usually shows."""
        usual = [] if self._baseline is None else self._baseline.usual(region)
        return self._plan.evidence(usual)[-1 if by_hazard else rule] if usual else 0.0

    def snapshot(self) -> DeciderSnapshot:
        """All that must survive a restart."""
        return DeciderSnapshot(
            camera=self._camera,
            captured_at=self.captured_at,
            labels=self._labels,
            smoothing=self._settings.smoothing.kind,
            rules=self._rules.dump(),
            regions=self._strongest.dump_regions(),
            baseline=None if self._baseline is None else self._baseline.dump(),
            recent=self._strongest.dump_recent(),
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
        if self._rules.load(snapshot.rules):
            self._strongest.load_recent(snapshot.recent)
        self._time.last = None
        self._time.last_wall = snapshot.captured_at
        if self._baseline is not None and snapshot.baseline is not None:
            self._baseline.load(snapshot.baseline, snapshot.captured_at)
        same_kind = snapshot.smoothing == self._settings.smoothing.kind
        if same_kind and snapshot.labels == self._labels:
            self._strongest.load_regions(snapshot.regions)
