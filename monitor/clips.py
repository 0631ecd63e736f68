"""Recorded clips through the daemon's own pipeline, in media time, as fast as the machine goes.

Source, regions, engine and decision are those of the daemon. Four things differ: no frame is
dropped, files do not run in their own time, every picture is decoded unless the configuration
asks for key frames, and a picture that stands still is scored too, where the daemon would call
the camera frozen.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from monitor.clock import Clock, SystemClock
from monitor.config import Camera, Config
from monitor.config_file import load_config
from monitor.decision.decider import Decider
from monitor.decision.settings import alert_labels, decision_settings, rule_settings
from monitor.decision.state import AlertState, RuleLevels, Transition
from monitor.errors import SourceError
from monitor.inference.bundle import load_bundle, require_labels
from monitor.inference.load import load_engine
from monitor.inference.masks import camera_regions, join_views
from monitor.inference.scored import ScoredFrame
from monitor.inference.scorer import Scorer, score_frames
from monitor.ingest.frame import Frame, Health
from monitor.ingest.gist import gist
from monitor.ingest.health import thumbnail
from monitor.ingest.source import open_source
from monitor.ingest.status import SourceSettings
from monitor.still_scene import StillScene, highest_hazard, still_settings


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What the pipeline made of one clip."""

    clip: Path
    frames_scored: int
    seconds: float
    """Media time of the last frame scored; 0 where there is none."""
    max_scores: dict[str, float]
    """Each label's highest score in any frame and region; empty where no frame was scored."""
    transitions: tuple[Transition, ...]
    error: str | None
    """Why the clip could not be read to its end, as a sentence; None where it was."""

    def first_firing(self) -> dict[str, float]:
        """Media time at which each alert fired first, by its name, in the order they fired."""
        times: dict[str, float] = {}
        for transition in self.transitions:
            if transition.state is AlertState.FIRING:
                times.setdefault(transition.alert, transition.captured_monotonic)
        return times


class ClipPipeline:
    """Scores and judges clips with one loaded model. A context manager; frees the engine."""

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        """Load the model.

        The clips are taken as recordings of the first camera in the configuration: its ``fps``,
        ``tiles``, ``masks``, ``zones``, ``decode`` and ``rules`` hold for them.

        Raises:
            ConfigError: a rule names a label that the model does not have.
            BundleError: the bundle is broken.
            EngineError: the engine cannot run here.
        """
        self.camera: Camera = config.cameras[0]
        self._config = config
        self._clock = clock or SystemClock()
        self._rules = rule_settings(config, self.camera)
        self._max_batch = config.inference.batch.max_size
        bundle = load_bundle(config.inference.bundle)
        require_labels(bundle, [rule.label for rule in self._rules])
        engine = load_engine(
            bundle,
            config.inference.engine,
            precision=config.inference.precision,
            threads=config.inference.threads,
            max_batch=self._max_batch,
        )
        self.labels = engine.labels
        wanted = alert_labels(config, self.camera, self.labels)
        self._regions = camera_regions(self.camera, wanted)
        self._scorer = Scorer(engine, bundle.geometry)
        self._alerting = tuple(self.labels.index(label) for label in wanted)
        self._still = still_settings(
            config.inference.still_interval,
            self.camera.stale_after,
            self._rules,
            decision_settings(config, self.camera),
        )

    def __enter__(self) -> "ClipPipeline":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._scorer.engine.close()

    def scored_frames(self, clip: Path) -> Iterator[ScoredFrame]:
        """The scores of a clip, frame by frame; all times are media time.

        Raises:
            SourceError: the clip cannot be opened, or breaks off; what came before was given.
            EngineError: the engine failed.
        """
        for _, scored in self._pairs(clip):
            yield scored

    def _pairs(self, clip: Path) -> Iterator[tuple[Frame, ScoredFrame]]:
        waiting: list[Frame] = []
        pictures = 0
        try:
            for frame in self._frames(clip):
                waiting.append(frame)
                pictures += len(self._regions)
                if pictures >= self._max_batch:
                    yield from self._score(waiting)
                    waiting, pictures = [], 0
        except SourceError:
            yield from self._score(waiting)
            raise
        yield from self._score(waiting)

    def decider(self, clip: Path) -> Decider:
        """A decision for a clip that begins anew."""
        settings = decision_settings(self._config, self.camera)
        return Decider(str(clip), self._rules, self.labels, settings)

    def run(
        self,
        clip: Path,
        on_transition: Callable[[Transition], None] | None = None,
        on_frame: Callable[[float, tuple[RuleLevels, ...], Sequence[Transition]], None]
        | None = None,
    ) -> ClipResult:
        """Run a clip from its beginning to its end.

        Args:
            clip: a video file or a folder of pictures.
            on_transition: told each transition as it comes.
            on_frame: told of each frame its media time, what the rules stand at after it, and what
                it changed.

        Raises:
            EngineError: the engine failed. A clip that cannot be read is no error here, see
                :attr:`ClipResult.error`.
        """
        decider = self.decider(clip)
        still = StillScene(self._still)
        newest: ScoredFrame | None = None
        transitions: list[Transition] = []
        highest: dict[str, float] = {}
        frames = 0
        seconds = 0.0
        problem = None
        try:
            for frame, scored in self._pairs(clip):
                seconds = frame.captured_monotonic
                frames += 1
                if frame.unscorable:
                    continue  # as in the daemon
                # All are scored, in batches; what the daemon would have passed over has the scores
                # that it had there.
                passed = newest is not None and not still.needs_score(frame.gist, seconds)
                newest = _carried(newest, frame) if newest is not None and passed else scored
                _raise_to(highest, self.labels, newest)
                brought = decider.update(newest)
                if not passed:
                    still.offered(frame.sequence, frame.gist)
                    hazard = highest_hazard(scored, self._alerting)
                    alert = any(decider.states().values())
                    still.scored(frame.sequence, seconds, hazard, alert=alert)
                for transition in brought:
                    transitions.append(transition)
                    if on_transition is not None:
                        on_transition(transition)
                if on_frame is not None:
                    on_frame(seconds, decider.levels(), brought)
        except SourceError as error:
            problem = str(error)
        if problem is None and not frames:
            problem = f"{clip}: holds no picture; give a video file or a folder of pictures"
        return ClipResult(clip, frames, seconds, highest, tuple(transitions), problem)

    def _frames(self, clip: Path) -> Iterator[Frame]:
        settings = SourceSettings(
            camera=clip.name or str(clip),
            url=f"file:{quote(str(clip.absolute()))}",
            fps=self.camera.fps,
            decode="key" if self.camera.decode == "key" else "all",
            paced=False,
            max_side=self._config.ingest.max_side,
        )
        source = open_source(
            settings, clock=self._clock, progress=_no_watch, stop=threading.Event()
        )
        try:
            for number, decoded in enumerate(source.frames()):
                yield Frame(
                    camera=str(clip),
                    sequence=number,
                    image=decoded.image,
                    captured_at=decoded.media_seconds,
                    captured_monotonic=decoded.media_seconds,
                    media_seconds=decoded.media_seconds,
                    health=Health.OK,
                    gist=gist(thumbnail(decoded.image)),
                )
        finally:
            source.close()

    def _score(self, frames: Sequence[Frame]) -> list[tuple[Frame, ScoredFrame]]:
        pairs = [(frame, self._regions) for frame in frames]
        scores = score_frames(self._scorer, pairs, self._max_batch)
        joined = [join_views(scored, self.labels) for scored in scores]
        return list(zip(frames, joined, strict=True))


def clip_config(path: Path | None) -> Config:
    """The configuration that clips are judged by: the file, or the defaults.

    Raises:
        ConfigError: the file is wrong.
    """
    if path is not None:
        return load_config(path)
    return Config.model_validate({"cameras": [{"name": "clip", "url": "clip"}]})


def _raise_to(highest: dict[str, float], labels: Sequence[str], scored: ScoredFrame) -> None:
    for part in scored.regions:
        for label, score in zip(labels, part.scores.tolist(), strict=True):
            highest[label] = max(highest.get(label, 0.0), score)


def _carried(newest: ScoredFrame, frame: Frame) -> ScoredFrame:
    return replace(
        newest,
        sequence=frame.sequence,
        captured_at=frame.captured_at,
        captured_monotonic=frame.captured_monotonic,
    )


def _no_watch() -> None:
    """Nobody watches a clip for progress: it is read in this process."""
