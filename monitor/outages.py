"""Outages in the running daemon: cameras that are not watched are told of like alerts, so that
people hear of them by the same sinks."""

from collections.abc import Collection, Mapping

import structlog

from monitor.alerts.keeper import Keeper
from monitor.clock import Clock
from monitor.config import Config
from monitor.decision.outage import OUTAGE, OutageChange, OutageJudge
from monitor.decision.state import AlertState, Explanation, Transition
from monitor.ingest.frame import Health
from monitor.ingest.status import CameraStatus
from monitor.post import Post
from monitor.quiet import Quiet

log = structlog.get_logger(__name__)

_MAY_BE_BLANK = (Health.DARK, Health.COVERED)
"""What a picture is called in which there is nothing to be seen, and which is not scored for it."""


class OutageWatch:
    """The outages of all cameras. For the watch's thread."""

    def __init__(
        self,
        *,
        keeper: Keeper,
        quiet: Quiet,
        clock: Clock,
        open_alerts: Collection[tuple[str, str]],
    ) -> None:
        self._keeper = keeper
        self._quiet = quiet
        self._clock = clock
        self._after = 0.0
        self._judges: dict[str, OutageJudge] = {}
        self._open = {camera for camera, alert in open_alerts if alert == OUTAGE}
        """What the process before this one left."""

    def apply(self, config: Config, cameras: Collection[str]) -> None:
        """Judge these cameras from now on; with outages switched off, none."""
        self._after = config.outages.after
        now, before = self._clock.monotonic(), self._judges
        self._judges = {
            name: before.get(name) or OutageJudge(now, out=name in self._open)
            for name in (cameras if config.outages.tell else ())
        }
        self._open.clear()

    def firing(self) -> set[tuple[str, str]]:
        """Camera and name of all that were told of and are not over."""
        return {(name, OUTAGE) for name, judge in self._judges.items() if judge.out}

    def tend(self, posts: Mapping[str, Post], statuses: Mapping[str, CameraStatus]) -> None:
        """Record what begins and what is over; to be called after the scores of cameras that are
        not seen were withdrawn."""
        now = self._clock.monotonic()
        for name, post in posts.items():
            judge = self._judges.get(name)
            if judge is None:
                continue
            change = judge.update(post.scores is not None, now, self._after)
            if change is not None:
                self._record(post, change, _cause(statuses.get(name)))

    def _record(self, post: Post, change: OutageChange, cause: str) -> None:
        camera = post.camera.name
        silenced = self._quiet.covers(camera, OUTAGE)
        if change.out:
            say = log.warning if silenced else log.error
            say("camera_outage", camera=camera, cause=cause, seconds=round(change.seconds))
        else:
            log.info("camera_outage_over", camera=camera, seconds=round(change.seconds))
        states = (AlertState.INACTIVE, AlertState.FIRING)
        previous, state = states if change.out else states[::-1]
        self._keeper.record(
            [
                Transition(
                    camera=camera,
                    alert=OUTAGE,
                    label=OUTAGE,
                    previous=previous,
                    state=state,
                    captured_at=self._clock.wall(),
                    captured_monotonic=self._clock.monotonic(),
                    score=1.0 if change.out else 0.0,
                    why=Explanation(1.0, 1.0, 1.0, 0.0, cause, 0, change.seconds),
                    incident=OUTAGE,
                    site=post.camera.site or "",
                    silenced=silenced,
                )
            ],
            post.decider.snapshot(),
        )


def _cause(status: CameraStatus | None) -> str:
    """Why the camera is not watched, in the words of the metrics."""
    if status is None:
        return "unknown"
    if not status.up:
        return status.reason or "starting"
    if not status.health.scorable or status.health in _MAY_BE_BLANK:
        return status.health.label
    return "unscored"
