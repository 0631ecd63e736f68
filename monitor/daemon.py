"""The daemon: wires the rooms together; start, loop, reload, stop.

The loop belongs to one thread. It takes the newest frames from the supervisor, lets
:class:`monitor.watch.Watch` score and decide, and proves its progress to systemd. Pages and metrics
are served by a thread of the web server, which only reads.
"""

import random
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path

import cv2
import structlog
from prometheus_client import CollectorRegistry

from monitor.alerts.keeper import Keeper
from monitor.camera_news import CameraNews
from monitor.clock import Clock, SystemClock
from monitor.config import Config, Inference
from monitor.credentials import secrets_of
from monitor.daemon_round import ROUND_SECONDS, Round
from monitor.daemon_signals import Signals
from monitor.daemon_state import DaemonState
from monitor.daemon_web import open_web
from monitor.delivery import begin_delivery
from monitor.errors import EmberwatchError
from monitor.evidence import EVIDENCE_FOLDER, Evidence
from monitor.fatal import log_fatal
from monitor.inference.batcher import Batcher
from monitor.inference.scorer import Scorer
from monitor.inference.swap import EngineSwap, Loaded
from monitor.ingest.supervisor import Supervisor
from monitor.logs import configure_logs
from monitor.metrics import Metrics
from monitor.metrics_conditions import ConditionMetrics
from monitor.model import load_model
from monitor.sampling import Sampling
from monitor.settings import Settings, ingest_limits, read_settings
from monitor.shadow import Shadow
from monitor.signal_poller import SignalPoller
from monitor.sink_settings import secrets_of_sinks
from monitor.state_lock import state_lock
from monitor.systemd_notify import Notifier
from monitor.watch import Watch
from monitor.web.view import ModelView

MODEL_SECONDS = 900.0
"""What systemd is asked for while the first model loads: converting one takes minutes at worst."""

SHADOW_STOP_SECONDS = 0.5
"""What the candidate model is given to end; it may be loading."""

STOP_SECONDS = 2.0
"""What workers get to close their cameras; the whole stop stays under 5 s."""

_FIXED_SECTIONS = ("listen", "state_dir")
"""Settings that are read at the start alone."""

log = structlog.get_logger(__name__)


def run(config_path: Path) -> int:
    """Watch the cameras of a configuration until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after a stop that was asked for.

    Raises:
        ConfigError: the configuration is wrong, or its address is in use.
        EmberwatchError: the bundle or the engine cannot be loaded.
    """
    try:
        settings = read_settings(config_path)
        _set_up_logs(settings)
        # OpenCV's own threads would spin, for steps of 0.1 ms, on cores that have better to do.
        cv2.setNumThreads(1)
        with state_lock(settings.config.state_dir), ExitStack() as stack:
            return _Daemon(config_path, settings, stack).run()
    except EmberwatchError as error:
        log_fatal(config_path, error)
        raise
    except Exception:
        log.exception("crashed")
        raise


class _Daemon:
    """Everything of one run; whatever is opened is closed by the stack, the newest first."""

    def __init__(self, path: Path, settings: Settings, stack: ExitStack) -> None:
        config, bundle = settings.config, settings.bundle
        self._path = path
        self._config = self._started_with = config
        self._clock: Clock = SystemClock()
        self._version = version_of("emberwatch")
        self._signals = Signals()
        stack.enter_context(self._signals.caught())
        self._notifier = Notifier()
        self._supervisor = Supervisor(
            settings.feeds,
            ingest_limits(config),
            clock=self._clock,
            random=random.Random(),  # noqa: S311 - jitter
        )
        self._state = DaemonState(self._supervisor, clock=self._clock, version=self._version)
        registry = CollectorRegistry()
        self._metrics = Metrics(
            registry,
            cameras=(),
            labels=bundle.labels,
            statuses=self._supervisor.statuses,
            clock=self._clock,
            version=self._version,
        )
        self._poller = SignalPoller(clock=self._clock)
        stack.callback(self._poller.stop)
        registry.register(
            ConditionMetrics(
                lambda: self._state.snapshot().cameras, self._poller.states, clock=self._clock
            )
        )
        self._news = CameraNews(self._metrics, self._clock)
        self._web, desk = open_web(
            settings, self._state, self._supervisor, registry, clock=self._clock
        )
        stack.callback(self._web.stop)
        self._keeper = Keeper(
            config.state_dir / "events.db",
            clock=self._clock,
            count=lambda operation, failed: self._metrics.daemon.count_store(
                operation, failed=failed
            ),
        )
        stack.callback(self._keeper.close)
        self._evidence = Evidence(
            config, self._supervisor.clips, self._keeper, self._metrics.evidence, self._clock
        )
        stack.callback(self._evidence.close)
        self._delivery = begin_delivery(
            self._keeper,
            registry,
            settings,
            evidence=self._evidence,
            clock=self._clock,
            version=self._version,
        )
        stack.callback(self._delivery.stop)
        desk.kept_by(self._keeper, config.state_dir / EVIDENCE_FOLDER)
        # Workers connect to their cameras while the model is being loaded.
        stack.callback(self._supervisor.stop, STOP_SECONDS)
        self._supervisor.start()
        self._web.start()
        self._swap = EngineSwap()
        stack.callback(self._swap.stop, STOP_SECONDS)
        self._wanted: Settings | None = None
        self._notifier.extend_timeout(MODEL_SECONDS)
        self._model = load_model(config, bundle)
        stack.callback(lambda: self._model.engine.close())
        self._shadow = Shadow(self._metrics.shadow, self._clock)
        stack.callback(self._shadow.close, SHADOW_STOP_SECONDS)
        inference = config.inference
        self._watch = Watch(
            bundle.labels,
            self._scorer(),
            Batcher(inference.batch.max_size, inference.batch.max_wait),
            keeper=self._keeper,
            metrics=self._metrics,
            clock=self._clock,
            model=bundle.sha256[:12],
            shadow=self._shadow,
            witness=self._evidence.saw,
            signals=self._poller.on,
        )
        self._sampling = Sampling(
            config, self._supervisor, self._watch, metrics=self._metrics, clock=self._clock
        )
        self._round = Round(
            self._supervisor,
            self._watch,
            self._keeper,
            news=self._news,
            metrics=self._metrics,
            state=self._state,
            web=self._web,
            notifier=self._notifier,
            signals=self._poller.states,
            clock=self._clock,
            shadow=self._shadow,
            sampling=self._sampling,
            delivery=self._delivery,
            evidence=self._evidence,
        )
        self._poller.apply(config.signals)
        self._show_model()

    def run(self) -> int:
        """Loop until a signal says stop."""
        self._watch.apply(self._config)
        self._shadow.apply(self._config, self._model.bundle.labels)
        self._signals.ready = True
        log.info(
            "started",
            version=self._version,
            url=self._web.url,
            cameras=sum(camera.enabled for camera in self._config.cameras),
            engine=self._model.engine.name,
            device=self._model.engine.device,
        )
        self._round.come()
        self._notifier.ready(self._round.summary())
        while not self._signals.stop:
            if self._signals.take_reload():
                self._begin_reload()
            self._look_for_model()
            due = self._watch.due_in()
            pause = ROUND_SECONDS if due is None else min(due, ROUND_SECONDS)
            self._watch.take(self._supervisor.wait(pause, self._watch.wants))
            self._watch.score()
            self._sampling.tend()
            self._round.come()
        self._notifier.stopping()
        self._watch.save()
        log.info("stopped")
        return 0

    def _scorer(self) -> Scorer:
        return Scorer(
            self._model.engine,
            self._model.bundle.geometry,
            observe=self._metrics.pipeline.observe_stage,
            on_failure=lambda _error: self._metrics.pipeline.count_engine_failure(),
        )

    def _show_model(self) -> None:
        bundle, engine = self._model.bundle, self._model.engine
        geometry = bundle.geometry
        self._metrics.pipeline.set_model(
            sha256=bundle.sha256,
            engine=engine.name,
            device=engine.device,
            labels=bundle.labels,
            geometry=f"{geometry.mode} {geometry.width}x{geometry.height}",
        )
        model = ModelView(bundle.sha256[:12], engine.name, engine.device, bundle.labels)
        self._state.loaded(self._watch, model)

    def _begin_reload(self) -> None:
        """Read the file anew; what is wrong leaves everything as it is."""
        self._notifier.reloading(self._clock.monotonic())
        try:
            settings = read_settings(self._path)
            changed = _engine_part(settings.config) != _engine_part(self._config)
            if changed or settings.bundle.sha256 != self._model.bundle.sha256:
                # The rest waits for the model: rules may name labels that only the new one gives.
                self._wanted = settings
                self._swap.begin(partial(load_model, settings.config, settings.bundle))
                log.info("model_loading", bundle=settings.bundle.sha256[:12])
                return
            self._wanted = None
            self._apply(settings)
        except (EmberwatchError, OSError) as error:
            # A reload of before, which waits for its model, is not the file that stands there now.
            self._wanted = None
            self._refuse(error)

    def _look_for_model(self) -> None:
        """Exchange the engines, between two batches, once the new one is warm."""
        result = self._swap.poll()
        if result is None:
            return
        if self._wanted is None:  # a later reload wants the model that is in use
            if isinstance(result, Loaded):
                result.engine.close()
            return
        settings, self._wanted = self._wanted, None
        if isinstance(result, EmberwatchError):
            self._refuse(result)
            return
        before, self._model = self._model, result
        self._watch.use(result.bundle.labels, self._scorer(), result.bundle.sha256[:12])
        try:
            self._apply(settings)
        except (EmberwatchError, OSError) as error:
            self._model = before
            self._watch.use(before.bundle.labels, self._scorer(), before.bundle.sha256[:12])
            result.engine.close()
            self._refuse(error)
            return
        before.engine.close()
        self._show_model()
        log.info(
            "model_exchanged",
            before=before.bundle.sha256[:12],
            now=result.bundle.sha256[:12],
            engine=result.engine.name,
            device=result.engine.device,
        )

    def _apply(self, settings: Settings) -> None:
        """Put a configuration in force.

        Raises:
            ConfigError: its cameras cannot be read all at once; nothing was changed.
        """
        config = settings.config
        result = self._supervisor.apply(settings.feeds)
        self._sampling.apply(config)
        self._news.forget(result.removed)
        _set_up_logs(settings)
        self._web.apply(settings.web)
        self._poller.apply(config.signals)
        self._delivery.apply(config, settings.sinks)
        self._evidence.apply(config)
        self._watch.apply(config)
        self._shadow.apply(config, self._model.bundle.labels)
        self._round.reload_fault = ""
        self._metrics.daemon.count_reload()
        ignored = [
            key
            for key in _FIXED_SECTIONS
            if getattr(config, key) != getattr(self._started_with, key)
        ]
        if ingest_limits(config) != ingest_limits(self._started_with):
            ignored.append("ingest")
        self._config = config
        log.info(
            "reloaded",
            added=result.added,
            removed=result.removed,
            changed=result.changed,
            unchanged=len(result.unchanged),
        )
        self._round.restart_fault = (
            f"{', '.join(ignored)} changed, and takes a restart to be in force" if ignored else ""
        )
        if ignored:
            log.warning("restart_needed", keys=ignored, cause="these are read at the start alone")
        self._notifier.ready(self._round.summary())

    def _refuse(self, error: Exception) -> None:
        """A reload failed: the old configuration stays in force, and everybody is told."""
        self._round.reload_fault = f"the last reload was refused: {error}"
        self._metrics.daemon.count_reload(failed=True)
        log.error("reload_refused", error=str(error))
        self._notifier.ready(self._round.summary())


def _engine_part(config: Config) -> Inference:
    """What the engine follows from; a candidate comes and goes beside it."""
    return config.inference.model_copy(update={"shadow": None})


def _set_up_logs(settings: Settings) -> None:
    """Log as configured from now on, and tell what is probably not meant."""
    secrets = (*secrets_of(settings.feeds), *secrets_of_sinks(settings.sinks))
    configure_logs(settings.config.log, secrets=secrets)
    for warning in settings.warnings:
        log.warning("config", problem=str(warning))
