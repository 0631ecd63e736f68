"""One camera that is watched: what it is judged by, what was last seen, and how pages show it."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.alerts.silences import Silence, covering
from monitor.config import Camera
from monitor.decision.conditions import CameraConditions, RuleConditions, Standing
from monitor.decision.decider import Decider
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.inference.scored import Region, ScoredFrame
from monitor.ingest.frame import Frame
from monitor.ingest.status import CameraStatus
from monitor.region_plan import RegionPlan
from monitor.score_trace import ScoreTrace
from monitor.sites import Seat
from monitor.still_scene import StillScene, StillSettings
from monitor.web.view import AlertView, CameraView, ScoresView


@dataclass(frozen=True, slots=True)
class Work:
    """What became of the frames of a camera since it is watched."""

    attended: int = 0
    """Scored, or seen to need no score."""
    lost: int = 0
    """Replaced by a newer one, or too old, before they could be scored."""


@dataclass(slots=True)
class Post:
    """One camera that is watched. For the watch's thread, apart from :meth:`view`."""

    rules: tuple[RuleSettings, ...]
    labels: tuple[str, ...]
    settings: DecisionSettings
    regions: tuple[Region, ...]
    seat: Seat
    conditions: tuple[RuleConditions, ...]
    """When each rule holds, in the order of the rules."""
    alerting: tuple[int, ...] = ()
    """Positions of the labels that can raise an alert."""
    scores: ScoresView | None = None
    since: dict[str, float] = field(default_factory=dict)
    """Unix time at which each alert entered its state."""
    strength: dict[str, float] = field(default_factory=dict)
    """What stood against the threshold then."""
    work: Work = Work()
    sampling_ratio: float = math.nan
    """Of its wanted rate; NaN while nothing is known."""
    still: StillScene = field(default_factory=lambda: StillScene(StillSettings(0.0, 0.0)))
    """Whether its frames must be scored."""
    plan: RegionPlan = field(default_factory=lambda: RegionPlan((), (), None))
    """Which of its regions must be scored."""
    newest: ScoredFrame | None = None
    """The last one that was decided on."""
    trace: ScoreTrace = field(default_factory=ScoreTrace)
    """What was seen of the rules' labels lately."""
    _times: CameraConditions = field(init=False)

    def __post_init__(self) -> None:
        self._times = CameraConditions(self.conditions)

    @property
    def camera(self) -> Camera:
        return self.seat.camera

    @property
    def decider(self) -> Decider:
        return self.seat.decider

    def saw(
        self, values: Mapping[str, float], captured_at: float, captured_monotonic: float
    ) -> None:
        """Take the scores of a frame, by label, and when it was captured: Unix and monotonic
        time."""
        self.scores = ScoresView(values, captured_at, captured_monotonic)
        self.trace.add(captured_monotonic, (values[rule.label] for rule in self.rules))

    def withdraw(self) -> None:
        """What was scored tells of nothing that is seen now: the next frame is scored whole."""
        self.scores = None
        self.still.disturb()
        self.plan.forget()

    def standings(self, at: float, signals: frozenset[str]) -> tuple[Standing, ...]:
        """How the rules stand at a Unix time, with these signals on."""
        return self._times.standings(at, signals)

    def choose(self, frame: Frame, *, in_burst: bool) -> tuple[Region, ...]:
        """The regions of a frame that are to be scored."""
        self.still.offered(frame.sequence, frame.gist)
        return self.plan.choose(
            frame.sequence,
            frame.gist,
            frame.captured_monotonic,
            self.still.settings,
            everything=in_burst or self.alert,
        )

    @property
    def alert(self) -> bool:
        """Whether an alert is pending or firing."""
        return any(self.decider.states().values())

    def attend(self) -> None:
        """Count a frame that was scored, or that needs no score."""
        self.work = replace(self.work, attended=self.work.attended + 1)

    def lose(self) -> None:
        """Count a frame that nobody came to score."""
        self.work = replace(self.work, lost=self.work.lost + 1)

    def view(
        self,
        status: CameraStatus | None,
        *,
        at: float,
        signals: Collection[str],
        silences: Sequence[Silence],
    ) -> CameraView:
        """The camera for the pages. For any thread.

        Args:
            status: what ingest knows of it.
            at: Unix time now.
            signals: names of those that are on.
            silences: all that are in force.
        """
        name = self.camera.name
        return CameraView(
            name=name,
            stale_after_seconds=self.camera.stale_after,
            status=status,
            scores=self.scores,
            alerts=tuple(self._alerts(at, signals, silences)),
            site=self.camera.site or "",
            silences=tuple(silence for silence in silences if silence.camera == name),
            sampling_ratio=None if math.isnan(self.sampling_ratio) else self.sampling_ratio,
            trace=self.trace.points,
        )

    def _alerts(
        self, at: float, signals: Collection[str], silences: Sequence[Silence]
    ) -> Iterator[AlertView]:
        states = self.decider.states().values()
        for rule, state, condition in zip(self.rules, states, self.conditions, strict=True):
            standing = condition.standing(at, signals)
            other = standing.threshold
            yield AlertView(
                alert=rule.name,
                label=rule.label,
                state=state,
                since=self.since.get(rule.name),
                score_at_change=self.strength.get(rule.name) if self.scores is not None else None,
                threshold=rule.threshold if other is None else other,
                holds=standing.holds,
                note=standing.cause,
                silenced=covering(silences, self.camera.name, rule.label) is not None,
            )
