"""The cameras that are watched, made from one configuration after the other.

A camera whose settings are as before keeps its post and goes on undisturbed; one that changed gets
a new post with the decision's state of the old one.
"""

from collections.abc import Mapping, Sequence

import structlog

from monitor.alert_log import log_ended
from monitor.alerts.keeper import Keeper
from monitor.config import Camera, Config
from monitor.decision.conditions import conditions
from monitor.decision.decider import Decider
from monitor.decision.settings import alert_labels, decision_settings, rule_settings
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState
from monitor.inference.batcher import Batcher
from monitor.inference.masks import camera_regions
from monitor.metrics import Metrics
from monitor.metrics_cameras import Watched
from monitor.post import Post
from monitor.region_plan import Demand, RegionPlan, allot
from monitor.sites import Seat
from monitor.still_scene import StillScene, still_settings

log = structlog.get_logger(__name__)


class Roster:
    """The posts of all watched cameras. For the watch's thread; :attr:`posts` may be read by any.

    Args:
        keeper: what the decisions of cameras stood at before the daemon started.
        batcher: holds frames of cameras; those of a camera that changed are dropped.
        metrics: cameras are added and removed here.
        open_since: what :meth:`Keeper.open_since` gave.
    """

    def __init__(
        self,
        *,
        keeper: Keeper,
        batcher: Batcher,
        metrics: Metrics,
        open_since: Mapping[tuple[str, str], float],
    ) -> None:
        self._batcher = batcher
        self._metrics = metrics
        self._kept: dict[str, DeciderSnapshot] = keeper.load_states()
        self._open_since = dict(open_since)
        self.posts: Mapping[str, Post] = {}
        """By camera, in the order of the configuration; never changed, but replaced."""

    def apply(self, config: Config, labels: Sequence[str], model: str) -> Mapping[str, Post]:
        """Take the enabled cameras of a configuration.

        Args:
            config: the whole configuration.
            labels: of the model, in the order of its scores.
            model: a name for it.

        Returns:
            The posts of cameras that are watched no more; :meth:`dismiss` ends them.
        """
        wanted = {camera.name: camera for camera in config.cameras if camera.enabled}
        before = self.posts
        # In one step: views are read from other threads.
        self.posts = {
            name: self._post(config, camera, tuple(labels), model)
            for name, camera in wanted.items()
        }
        self._kept.clear()
        self._share(config.inference.budget)
        return {name: post for name, post in before.items() if name not in wanted}

    def _share(self, budget: float) -> None:
        """Share the budget of inferences among all cameras."""
        demands = {
            name: Demand(post.camera.fps, len(post.regions) - 1)
            for name, post in self.posts.items()
        }
        allotted = allot(budget, demands) if budget > 0 else {}
        for name, post in self.posts.items():
            post.plan.tiles_per_frame = allotted.get(name)

    def dismiss(self, gone: Mapping[str, Post]) -> None:
        """Show cameras no more that are watched no more."""
        for name, post in gone.items():
            self._batcher.forget(name)
            self._metrics.remove_camera(name)
            log_ended(name, post.decider.states(), "the camera is watched no more")

    def _post(self, config: Config, camera: Camera, labels: tuple[str, ...], model: str) -> Post:
        rules = rule_settings(config, camera)
        settings = decision_settings(config, camera, model)
        before = self.posts.get(camera.name)
        alerting = alert_labels(config, camera, labels)
        columns = tuple(labels.index(label) for label in alerting)
        regions = camera_regions(camera, alerting)
        interval = config.inference.still_interval
        still = still_settings(interval, camera.stale_after, rules, settings)
        held_under = conditions(config, camera)
        watched = Watched(camera.name, tuple(rule.name for rule in rules), camera.stale_after)
        if before is not None:
            basis = (
                before.camera, before.rules, before.labels, before.settings, before.conditions
            )  # fmt: skip
            if basis == (camera, rules, labels, settings, held_under):
                before.still.settings = still
                return before
            self._kept[camera.name] = before.decider.snapshot()
            self._batcher.forget(camera.name)
        decider = Decider(camera.name, rules, labels, settings)
        kept = self._kept.pop(camera.name, None)
        if kept is not None:
            decider.restore(kept)
        self._metrics.add_camera(watched)
        post = Post(
            rules,
            labels,
            settings,
            regions,
            Seat(camera, decider),
            held_under,
            alerting=columns,
            still=StillScene(still),
            plan=RegionPlan(regions, columns, None, fps=camera.fps),
        )
        for alert, state in decider.states().items():
            self._metrics.set_alert_state(camera.name, alert, state)
            if state is AlertState.FIRING and before is None:
                log.warning("alert_still_firing", camera=camera.name, alert=alert)
            since = self._open_since.pop((camera.name, alert), None)
            if state and since is not None:
                post.since[alert] = since
        if before is not None:
            self._succeed(post, before)
        return post

    def _succeed(self, post: Post, before: Post) -> None:
        """Take over from the camera's post under other settings."""
        left = post.decider.states()
        post.work, post.sampling_ratio = before.work, before.sampling_ratio
        post.since = {alert: at for alert, at in before.since.items() if alert in left}
        self._metrics.withdraw_scores(post.camera.name)
        lost = {k: v for k, v in before.decider.states().items() if v and not left.get(k)}
        log_ended(post.camera.name, lost, "its rule is gone or is for another label now")
