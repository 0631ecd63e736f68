"""From frames to alerts: scores what comes in, decides, and tells store, log and metrics.

Ingest is before this, and signals, reloads and supervision are around it, in
:mod:`monitor.daemon`.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from monitor.alert_log import log_transition
from monitor.alerts.keeper import Keeper
from monitor.alerts.silences import Silence
from monitor.clock import Clock
from monitor.config import Config
from monitor.decision.state import AlertState, Transition
from monitor.errors import EngineError
from monitor.evidence import Seen
from monitor.freshness import is_current
from monitor.inference.batcher import Batch, Batcher
from monitor.inference.masks import join_views
from monitor.inference.scored import ScoredFrame
from monitor.inference.scorer import Scorer
from monitor.ingest.frame import Frame, Glimpse, Health
from monitor.ingest.status import CameraStatus
from monitor.metrics import Metrics
from monitor.outages import OutageWatch
from monitor.post import Post, Work
from monitor.quiet import Quiet
from monitor.roster import Roster
from monitor.scoring_health import ScoringHealth
from monitor.shadow import Judged, Shadow
from monitor.sites import Sites
from monitor.state_saver import StateSaver
from monitor.still_scene import highest_hazard
from monitor.web.view import CameraView


class Watch:
    """The decisions of all cameras. For one thread; :meth:`views` may be called from any."""

    def __init__(
        self,
        labels: Sequence[str],
        scorer: Scorer,
        batcher: Batcher,
        *,
        keeper: Keeper,
        metrics: Metrics,
        clock: Clock,
        model: str = "",
        shadow: Shadow | None = None,
        witness: Callable[[Seen, Sequence[Transition]], None] | None = None,
        signals: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """
        Args:
            labels: of the model, in the order of its scores.
            scorer: gives the scores.
            batcher: collects frames of all cameras.
            keeper: keeps changes of state and the state of the decisions.
            metrics: where everything is counted; cameras are added and removed here.
            clock: the machine's.
            model: a name for the model, such as its hash: what views usually score is learned
                anew for another.
            shadow: is offered what was scored and decided on.
            witness: told of each frame that changed the state of alerts, once that is recorded;
                must not block.
            signals: names of the signals from outside that are on; must not block.
        """
        self._labels = tuple(labels)
        self._model = model
        self._scorer = scorer
        self._batcher = batcher
        self._keeper = keeper
        self._metrics = metrics
        self._clock = clock
        self._shadow = shadow
        self._witness = witness
        self._signals = signals
        self._sites = Sites(keeper=keeper, clock=clock)
        self._quiet = Quiet(keeper=keeper, clock=clock)
        open_since = keeper.open_since()
        self._outages = OutageWatch(
            keeper=keeper, quiet=self._quiet, clock=clock, open_alerts=open_since
        )
        self._roster = Roster(
            keeper=keeper, batcher=batcher, metrics=metrics, open_since=open_since
        )
        self._saver = StateSaver(keeper, clock)
        self._health = ScoringHealth(clock)
        self.pending: set[str] = set()
        """Cameras with an alert that is pending."""
        self.in_burst: Collection[str] = ()
        """Cameras that are sampled faster now: each frame of theirs is scored."""
        self._passed: list[Glimpse] = []
        self.frames_scored = 0
        """Frames that were scored and decided on."""

    def use(self, labels: Sequence[str], scorer: Scorer, model: str = "") -> None:
        """Score with another model from now on; :meth:`apply` must follow."""
        self._labels = tuple(labels)
        self._model = model
        self._scorer = scorer
        self._metrics.set_labels(self._labels)
        self._health.engine_fault = ""

    def apply(self, config: Config) -> None:
        """Watch the enabled cameras of a configuration; those unchanged go on undisturbed."""
        self._quiet.announce_anew()
        batch = config.inference.batch
        self._batcher.limit(batch.max_size, batch.max_wait)
        gone = self._roster.apply(config, self._labels, self._model)
        posts = self._roster.posts
        self._sites.apply(config, [post.seat for post in posts.values()])
        self._roster.dismiss(gone)
        self._outages.apply(config, posts)
        alive = self._outages.firing() | {
            (name, alert)
            for name, post in posts.items()
            for alert, state in post.decider.states().items()
            if state
        }
        self._keeper.settle(posts, alive)
        self.pending = {name for name, post in posts.items() if _is_pending(post)}

    def take(self, frames: Iterable[Frame]) -> None:
        """Let frames wait for their batch; those that say nothing of the scene now are dropped."""
        passed, self._passed = self._passed, []
        for glimpse in passed:
            self._carry(glimpse)
        for frame in frames:
            post = self._roster.posts.get(frame.camera)
            if post is None:
                continue
            now = self._clock.monotonic()
            unscorable = frame.unscorable
            if not unscorable:
                self._health.came()
            if unscorable:
                self._metrics.count_dropped(frame.camera, unscorable)
                post.attend()
                self._withdraw(post)
            elif now - frame.captured_monotonic > post.camera.stale_after:
                self._metrics.count_dropped(frame.camera, "stale")
                post.lose()
            else:
                regions = post.choose(frame, in_burst=frame.camera in self.in_burst)
                self._metrics.count_carried(frame.camera, len(post.regions) - len(regions))
                if self._batcher.add(frame, regions, now) is not None:
                    self._metrics.count_dropped(frame.camera, "overwritten")
                    post.lose()

    def wants(self, glimpse: Glimpse) -> bool:
        """Whether the picture of a frame is needed; of another, the last score is its score.

        What is not needed is decided on with the next :meth:`take`, but never before a frame that
        waits for its score: what looks calm neither overtakes nor replaces it.
        """
        post = self._roster.posts.get(glimpse.camera)
        if post is None or post.newest is None or glimpse.camera in self.in_burst:
            return True
        if not glimpse.health.scorable or post.scores is None:
            return True
        if post.still.needs_score(glimpse.gist, glimpse.captured_monotonic):
            return True
        self._metrics.count_unchanged(glimpse.camera)
        if self._batcher.holds(glimpse.camera):
            post.attend()
        else:
            self._passed.append(glimpse)
        return False

    def due_in(self) -> float | None:
        """Seconds until a batch is due; None if nothing waits."""
        return self._batcher.due_in(self._clock.monotonic())

    def score(self) -> bool:
        """Score the batch that is due, and decide; whether there was one and all went well.

        One batch a call: the daemon must come round between two, however slow the engine is.
        """
        batch = self._batcher.take(self._clock.monotonic())
        if batch is None:
            return False
        self._metrics.pipeline.count_batch(len(batch))
        try:
            scores = self._scorer.score(batch)
        except EngineError as error:
            for frame in self._batcher.fail(batch):
                self._metrics.count_dropped(frame.camera, "engine")
            self._health.failed(error)
            return False
        self._health.scored()
        self._metrics.pipeline.count_second_looks(scores.second_looks)
        if scores.second_look_fault:
            self._metrics.pipeline.count_second_look_failure()
            self._health.second_look_failed(scores.second_look_fault)
        for scored in self._batcher.complete(batch, scores):
            self._scored(batch, join_views(scored, self._labels))
            self._offer(batch, scored)
        return True

    @property
    def fault(self) -> str:
        """Why frames that arrive are not scored; empty if they are."""
        return self._health.fault

    def tend(self, statuses: Mapping[str, CameraStatus]) -> None:
        """Withdraw scores that tell of nothing that is seen now; keep states; look for silences;
        retry the store."""
        now = self._clock.monotonic()
        for name, post in self._roster.posts.items():
            status = statuses.get(name)
            if post.scores is not None and (
                (status is not None and not status.up)
                or not is_current(
                    post.scores.captured_monotonic,
                    now=now,
                    stale_after_seconds=post.camera.stale_after,
                    status=status,
                )
            ):
                self._withdraw(post)
        self._outages.tend(self._roster.posts, statuses)
        self._quiet.tend(
            [
                *((name, alert, alert) for name, alert in self._outages.firing()),
                *(
                    (name, rule.name, rule.label)
                    for name, post in self._roster.posts.items()
                    for rule, state in zip(post.rules, post.decider.states().values(), strict=True)
                    if state is AlertState.FIRING
                ),
            ]
        )
        self._saver.tend(self._roster.posts.values())
        self._keeper.tend()

    def work(self) -> Mapping[str, Work]:
        """What became of the frames of each camera."""
        return {name: post.work for name, post in self._roster.posts.items()}

    def show_sampling(self, ratios: Mapping[str, float]) -> None:
        """How often frames of cameras are scored, of how often they are wanted; NaN: unknown."""
        for name, post in self._roster.posts.items():
            post.sampling_ratio = ratios.get(name, math.nan)
            self._metrics.set_sampling_ratio(name, post.sampling_ratio)

    def save(self) -> None:
        """Keep the state of every decision."""
        self._saver.save(self._roster.posts.values())

    def firing(self) -> list[tuple[str, str]]:
        """Camera and alert of all that fire now."""
        return [
            (name, alert)
            for name, post in self._roster.posts.items()
            for alert, state in post.decider.states().items()
            if state is AlertState.FIRING
        ]

    def silences(self) -> tuple[Silence, ...]:
        """Those in force at cameras that are watched. For any thread."""
        return tuple(s for s in self._quiet.now() if s.camera in self._roster.posts)

    def views(self, statuses: Mapping[str, CameraStatus]) -> tuple[CameraView, ...]:
        """What the pages show, in the order of the configuration."""
        wall, signals, silences = self._clock.wall(), self._signals(), self._quiet.now()
        return tuple(
            post.view(statuses.get(name), at=wall, signals=signals, silences=silences)
            for name, post in self._roster.posts.items()
        )

    def _scored(self, batch: Batch, scored: ScoredFrame) -> None:
        """A frame comes back from the engine."""
        post = self._roster.posts.get(scored.camera)
        if post is None:
            return
        scored = post.plan.complete(scored)
        frame = batch.frame_of(scored.camera, scored.sequence)
        transitions = self._decide(post, scored, frame.health)
        if transitions and self._witness is not None:
            seen = Seen(frame, scored, self._labels, post.settings.hazards)
            self._witness(seen, transitions)
        self.frames_scored += 1
        self._metrics.count_scored(scored.camera)
        late = self._clock.monotonic() - scored.captured_monotonic
        self._metrics.pipeline.observe_stage("capture_to_decision", late)
        hazard = highest_hazard(scored, post.alerting)
        post.still.scored(scored.sequence, scored.captured_monotonic, hazard, alert=post.alert)

    def _carry(self, glimpse: Glimpse) -> None:
        """Decide on a frame that shows what was scored last: its scores are the same."""
        post = self._roster.posts.get(glimpse.camera)
        if post is None or post.newest is None:
            return
        at, monotonic = glimpse.captured_at, glimpse.captured_monotonic
        same = replace(
            post.newest, sequence=glimpse.sequence, captured_at=at, captured_monotonic=monotonic
        )
        self._decide(post, same, glimpse.health)

    def _decide(self, post: Post, scored: ScoredFrame, health: Health) -> list[Transition]:
        """Take the scores of a frame; the changes of state that it brings."""
        started = self._clock.monotonic()
        at = scored.captured_monotonic
        standings = post.standings(scored.captured_at, self._signals())
        transitions = post.decider.update(scored, standings, self._sites.held(post.seat, at))
        self._sites.saw(post.seat, at, standings, transitions, sees=health.sees_place)
        ended = self._clock.monotonic()
        self._metrics.pipeline.observe_stage("decide", ended - started)
        post.attend()
        if post.decider.captured_at != scored.captured_at:
            return []  # it came late, and was left out
        values = post.decider.scores
        post.newest = scored
        post.saw(values, scored.captured_at, scored.captured_monotonic)
        self._metrics.set_scores(scored.camera, values, scored.captured_monotonic)
        self._metrics.set_usual(scored.camera, post.decider.usual)
        if transitions:
            transitions = [self._marked(post, transition) for transition in transitions]
        for transition in transitions:
            self._tell(post, transition)
        if transitions:
            self._keeper.record(transitions, post.decider.snapshot())
            if _is_pending(post):
                self.pending.add(scored.camera)
            else:
                self.pending.discard(scored.camera)
        return transitions

    def _offer(self, batch: Batch, scored: ScoredFrame) -> None:
        """Offer a frame to the candidate model, after all that its alerts wait for is done."""
        post = self._roster.posts.get(scored.camera)
        if self._shadow is None or post is None:
            return
        if not self._shadow.wants(scored.camera, scored.sequence):
            return
        if self._batcher.due_in(self._clock.monotonic()) == 0.0:
            self._shadow.skip()  # more is due than fits a batch
            return
        frame = batch.frame_of(scored.camera, scored.sequence)
        judged = Judged(post.rules, post.settings, self._labels)
        regions = tuple(part.region for part in scored.regions)
        self._shadow.offer(frame, regions, join_views(scored, self._labels), judged)

    def _marked(self, post: Post, transition: Transition) -> Transition:
        """The transition, with what the decision does not know: site and silence."""
        silenced = self._quiet.covers(transition.camera, transition.label)
        return replace(transition, site=post.camera.site or "", silenced=silenced)

    def _tell(self, post: Post, transition: Transition) -> None:
        post.since[transition.alert] = transition.captured_at
        post.strength[transition.alert] = transition.score
        self._metrics.record_transition(transition)
        log_transition(transition)

    def _withdraw(self, post: Post) -> None:
        self._sites.blind(post.camera.name)
        if post.scores is not None:
            post.withdraw()
            self._metrics.withdraw_scores(post.camera.name)


def _is_pending(post: Post) -> bool:
    return AlertState.PENDING in post.decider.states().values()
