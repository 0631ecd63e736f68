"""The state machine of one rule: inactive, pending, firing.

The only edges are inactive → pending → firing → inactive, and pending → inactive. A rule with
``for: 0`` passes through pending within one frame.

Three zones stand against a rule. At or above the threshold the time above runs; below the
clearing level (threshold times ``clear_ratio``) it is lost; between the two it is kept and
stands still. So more evidence never means a later alert, and evidence that wavers about the
threshold does not make an alert flap.

A rule may not hold for a time, or have another threshold. While it does not hold nothing is
collected for it and it does not fire anew; what fires already is held and resolved by its pictures
as ever. The clearing level of what fires is that of the rule's lowest threshold.
"""

from dataclasses import dataclass, field

from monitor.decision.conditions import AS_USUAL, Standing
from monitor.decision.settings import RuleSettings
from monitor.decision.snapshot import RuleSnapshot, StretchSnapshot
from monitor.decision.state import AlertState


@dataclass(slots=True)
class Stretch:
    """For how long something has been so, in observed seconds."""

    running: bool = False
    seconds: float = 0.0

    def extend(self, step: float) -> None:
        """It is so in this frame too; the first frame starts the stretch at 0."""
        if self.running:
            self.seconds += step
        else:
            self.running = True
            self.seconds = 0.0

    def end(self) -> None:
        self.running = False
        self.seconds = 0.0

    def lasted(self, seconds: float, slack: float) -> bool:
        """Whether it has been so for ``seconds``, or falls short by no more than ``slack``."""
        return self.running and self.seconds >= seconds - slack

    def dump(self) -> StretchSnapshot:
        return StretchSnapshot(self.running, self.seconds)

    def load(self, snapshot: StretchSnapshot) -> None:
        self.running, self.seconds = snapshot.running, snapshot.seconds


@dataclass(slots=True)
class RuleMachine:
    """One rule of one camera, between two frames."""

    settings: RuleSettings
    rank: int
    """How grave the label is among those that share evidence, 0 the mildest; -1: shares none."""
    clear_ratio: float
    """The clearing level is the threshold times this."""
    slack: float
    """Durations may fall short by these seconds: frames do not come on the dot."""
    state: AlertState = AlertState.INACTIVE
    above: Stretch = field(default_factory=Stretch)
    """The rule's own evidence has been at or above the threshold."""
    hazard: Stretch = field(default_factory=Stretch)
    """The hazard has been at or above the threshold, whatever label led."""
    below: Stretch = field(default_factory=Stretch)
    """What holds the alert has been below the clearing level."""
    frames: int = 0
    """Frames since the state before began."""
    elapsed: float = 0.0
    """Seconds since then, gaps included."""
    standing: Standing = AS_USUAL
    """How it stands in this frame."""
    threshold: float = field(init=False)
    clear_level: float = field(init=False)
    hold_level: float = field(init=False)
    """The clearing level of a firing alert."""

    def __post_init__(self) -> None:
        lowest = min(self.settings.threshold, *self.settings.other_thresholds, 1.0)
        self.hold_level = lowest * self.clear_ratio
        self.stand(self.standing)

    def stand(self, standing: Standing) -> None:
        """How the rule stands from now on."""
        self.standing = standing
        other = standing.threshold
        self.threshold = self.settings.threshold if other is None else other
        self.clear_level = self.threshold * self.clear_ratio

    def observe(self, evidence: float, hazard: float, step: float, elapsed: float) -> None:
        """Let the stretches run on by one frame."""
        self.frames += 1
        self.elapsed += elapsed
        if not self.standing.holds:
            self.above.end()
            self.hazard.end()
            return
        threshold = self.threshold
        if evidence >= threshold:
            self.above.extend(step)
        elif evidence < self.clear_level:
            self.above.end()
        if self.rank < 0:
            return
        if hazard >= threshold:
            self.hazard.extend(step)
        elif hazard < self.clear_level:
            self.hazard.end()

    def decide(
        self,
        evidence: float,
        hazard: float,
        step: float,
        *,
        event_open: bool,
        graver: AlertState,
        may_fire: bool = True,
    ) -> tuple[AlertState, ...]:
        """The states that the rule goes through in this frame; empty where it stays.

        Args:
            evidence: what stands against the threshold, 0 to 1.
            hazard: what holds a firing alert of a hazard label, 0 to 1.
            step: observed seconds that the frame adds.
            event_open: an alert that shares its evidence with this one is firing.
            graver: the highest state among alerts for graver labels that share evidence.
            may_fire: whether it may begin to fire now; it stays pending where not.
        """
        if self.state is AlertState.FIRING:
            return self._decide_firing(hazard if self.rank >= 0 else evidence, step)
        if not self.standing.holds:
            return self._enter(AlertState.INACTIVE) if self.state else ()
        if graver is AlertState.FIRING:
            # The event is called by its gravest label, and that alert holds it by the hazard.
            return self._enter(AlertState.INACTIVE) if self.state else ()
        path: tuple[AlertState, ...] = ()
        if self.state is AlertState.INACTIVE:
            if evidence < self.threshold or graver is AlertState.PENDING:
                return ()
            path = self._enter(AlertState.PENDING)
        elif evidence < self.clear_level:
            return self._enter(AlertState.INACTIVE)
        if evidence >= self.threshold and may_fire and self._confirmed(event_open):
            path += self._enter(AlertState.FIRING)
        return path

    def dump(self) -> RuleSnapshot:
        """All that must survive a restart."""
        return RuleSnapshot(
            name=self.settings.name,
            label=self.settings.label,
            state=self.state.label,
            above=self.above.dump(),
            hazard=self.hazard.dump(),
            below=self.below.dump(),
            frames=self.frames,
            elapsed=self.elapsed,
        )

    def load(self, snapshot: RuleSnapshot) -> None:
        """Go on from what :meth:`dump` gave."""
        self.state = AlertState[snapshot.state.upper()]
        self.above.load(snapshot.above)
        self.hazard.load(snapshot.hazard)
        self.below.load(snapshot.below)
        self.frames = snapshot.frames
        self.elapsed = snapshot.elapsed

    def _confirmed(self, event_open: bool) -> bool:
        """Above for long enough; a new event counts the whole hazard's time, whoever led."""
        seconds = self.settings.hold_seconds
        if self.above.lasted(seconds, self.slack):
            return True
        return self.rank >= 0 and not event_open and self.hazard.lasted(seconds, self.slack)

    def _decide_firing(self, holding: float, step: float) -> tuple[AlertState, ...]:
        if holding >= self.hold_level:
            self.below.end()
            return ()
        self.below.extend(step)
        if not self.below.lasted(self.settings.keep_firing_seconds, self.slack):
            return ()
        self.above.end()
        self.hazard.end()
        return self._enter(AlertState.INACTIVE)

    def _enter(self, state: AlertState) -> tuple[AlertState, ...]:
        self.state = state
        self.below.end()
        return (state,)
