"""A candidate model beside the one in use: loads it, offers it frames, counts where it differs.

So a new model proves itself on one's own cameras before it is trusted: see what it would have
raised and what it would have missed, then name it as ``inference.bundle``.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from monitor.clock import Clock
from monitor.config import Config
from monitor.config import Shadow as ShadowSection
from monitor.decision.compare import Comparison
from monitor.decision.settings import DecisionSettings, RuleSettings
from monitor.errors import BundleError, EmberwatchError
from monitor.inference.bundle import load_bundle, resolve_bundle
from monitor.inference.load import load_engine
from monitor.inference.manifest import MANIFEST_NAME
from monitor.inference.scored import Region, ScoredFrame
from monitor.inference.shadow import Sample, ShadowScorer, is_chosen
from monitor.inference.swap import Loaded
from monitor.ingest.frame import Frame
from monitor.metrics_shadow import ShadowMetrics
from monitor.model import cache_dir

SUMMARY_SECONDS = 600.0
"""How often the log tells how the two compare."""

MAX_BATCH = 4
"""Frames come one by one, each with few regions; larger batches would take memory for nothing."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the frames of a camera are judged by."""

    rules: tuple[RuleSettings, ...]
    settings: DecisionSettings
    labels: tuple[str, ...]
    """Of the model in use, in the order of its scores."""


@dataclass(slots=True)
class _Tally:
    """What was found since the last summary."""

    frames: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    total: float = 0.0
    largest: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a candidate follows from; where it changes, it is loaded anew."""

    bundle: str
    manifest: str
    engine: str
    precision: str
    needed: tuple[str, ...]


class Shadow:
    """The candidate of the daemon, if one is configured. For the daemon's thread."""

    def __init__(self, metrics: ShadowMetrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._scorer: ShadowScorer | None = None
        self._wanted: _Wanted | None = None
        self._share = 0.0
        self._tally = _Tally()
        self._lock = threading.Lock()
        self._next_summary = 0.0

    @property
    def fault(self) -> str:
        """Why there is no candidate though one is configured; empty else."""
        if self._scorer is None or not self._scorer.fault:
            return ""
        return f"the shadow model was given up: {self._scorer.fault}; reload to try again"

    def apply(self, config: Config, labels: Sequence[str]) -> None:
        """Load, exchange or end the candidate as the configuration says; does not wait for it.

        Args:
            config: the configuration in force.
            labels: of the model in use.
        """
        section = config.inference.shadow
        if section is None:
            if self._scorer is not None:
                self.close()
                self._metrics.end()
                log.info("shadow_ended")
            return
        self._share = section.share
        counts = {*config.decision.hazards, *(rule.label for rule in config.rules)}
        needed = tuple(label for label in labels if label in counts)
        wanted = _Wanted(
            bundle=section.bundle,
            manifest=_manifest(section),
            engine=config.inference.engine,
            precision=config.inference.precision,
            needed=needed,
        )
        if self._scorer is not None and wanted == self._wanted and not self._scorer.fault:
            return
        self.close()
        self._wanted = wanted
        self._metrics.begin()
        self._next_summary = self._clock.monotonic() + SUMMARY_SECONDS
        self._scorer = ShadowScorer(
            partial(_load, config, section.bundle, needed),
            on_ready=self._ready,
            on_failure=self._failed,
        )

    def wants(self, camera: str, sequence: int) -> bool:
        """Whether a frame is one of the share, and there is a candidate to score it."""
        up = self._scorer is not None and self._scorer.up
        return up and is_chosen(camera, sequence, self._share)

    def skip(self) -> None:
        """A frame that it wants is left out, as the daemon is behind."""
        self._metrics.skip("behind")

    def offer(
        self, frame: Frame, regions: Sequence[Region], scored: ScoredFrame, judged: Judged
    ) -> None:
        """Hand over a frame with what the model in use says of it; never waits."""
        tell = partial(self._compare, scored, judged)
        if self._scorer is None or not self._scorer.offer(Sample(frame, tuple(regions), tell)):
            self._metrics.skip("busy")

    def tend(self) -> None:
        """Tell now and then how the two compare."""
        if self._scorer is not None and self._clock.monotonic() >= self._next_summary:
            self._next_summary = self._clock.monotonic() + SUMMARY_SECONDS
            self._summarise()

    def close(self, timeout_seconds: float = 0.0) -> None:
        """End the candidate, if there is one, and wait so long for it."""
        if self._scorer is not None:
            self._scorer.close(timeout_seconds)
            self._scorer = self._wanted = None
            self._summarise()

    def _compare(
        self,
        scored: ScoredFrame,
        judged: Judged,
        candidate: ScoredFrame,
        candidate_labels: tuple[str, ...],
    ) -> None:
        """In the candidate's thread: count how the two differ about a frame."""
        comparison = Comparison(judged.rules, judged.settings, judged.labels, candidate_labels)
        found = comparison.compare(scored, candidate)
        kinds = [kind for kind in ("label", "raised", "missed") if getattr(found, kind)]
        self._metrics.compare(scored.camera, kinds, found.scores)
        largest = max(found.scores.values(), default=0.0)
        with self._lock:
            self._tally.frames += 1
            self._tally.kinds.update(kinds)
            self._tally.total += largest
            self._tally.largest = max(self._tally.largest, largest)
        if kinds:
            log.debug("shadow_differs", camera=scored.camera, kinds=kinds, by=round(largest, 4))

    def _summarise(self) -> None:
        with self._lock:
            tally, self._tally = self._tally, _Tally()
        if tally.frames:
            log.info(
                "shadow_compared",
                frames=tally.frames,
                other_label=tally.kinds["label"],
                raised=tally.kinds["raised"],
                missed=tally.kinds["missed"],
                mean_difference=round(tally.total / tally.frames, 4),
                largest_difference=round(tally.largest, 4),
            )

    def _ready(self, loaded: Loaded) -> None:
        bundle, engine = loaded.bundle.sha256[:12], loaded.engine
        self._metrics.show(
            bundle=bundle, engine=engine.name, device=engine.device, labels=engine.labels
        )
        log.info("shadow_started", bundle=bundle, engine=engine.name, device=engine.device)

    def _failed(self, error: EmberwatchError, given_up: bool) -> None:
        self._metrics.fail(given_up=given_up)
        if not given_up:
            log.warning("shadow_failing", error=str(error))


def _load(config: Config, name: str, needed: Sequence[str]) -> Loaded:
    """The candidate on one core, warm.

    Raises:
        BundleError: it is broken, or lacks a label that an alert needs.
        EngineError: it cannot run here.
    """
    bundle = load_bundle(name)
    missing = [label for label in needed if label not in bundle.labels]
    if missing:
        raise BundleError(
            f"bundle {bundle.path}: it has no label {' and no '.join(missing)}, which the rules "
            "need; train the candidate on the same classes"
        )
    engine = load_engine(
        bundle,
        config.inference.engine,
        precision=config.inference.precision,
        threads=1,
        max_batch=MAX_BATCH,
        cache_dir=cache_dir(config),
    )
    engine.warm_up()
    return Loaded(bundle, engine)


def _manifest(section: ShadowSection) -> str:
    """The hash of the candidate's manifest as it lies there now; empty where it cannot be read."""
    try:
        path = resolve_bundle(section.bundle) / MANIFEST_NAME
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (BundleError, OSError):
        return ""
