"""The daemon: wires the rooms together; start, loop, reload, stop.

The loop belongs to one thread. It takes the newest frames from the supervisor, lets
:class:`monitor.watch.Watch` score and decide, and proves its progress to systemd. Pages and metrics
are served by a thread of the web server, which only reads.
"""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version as version_of
from pathlib import Path
from types import FrameType

import structlog
from prometheus_client import CollectorRegistry

from monitor.alerts.keeper import Keeper
from monitor.clock import Clock, SystemClock
from monitor.config import Config
from monitor.config_file import load_config
from monitor.credentials import feeds, secrets_of
from monitor.daemon_state import DaemonState
from monitor.errors import ConfigError, Problem
from monitor.inference.batcher import Batcher
from monitor.inference.bundle import Bundle, load_bundle, require_labels, resolve_bundle
from monitor.inference.engine import Engine
from monitor.inference.load import load_engine
from monitor.inference.scorer import Scorer
from monitor.ingest.status import CameraEvent, SourceSettings
from monitor.ingest.supervisor import Limits, Supervisor
from monitor.logs import Throttle, configure_logs
from monitor.metrics import Metrics
from monitor.systemd_notify import Notifier
from monitor.watch import Watch
from monitor.web.server import WebServer
from monitor.web.view import Fault, ModelView

LOOP_SECONDS = 0.25
"""Longest time that the loop waits for a frame; signals and reloads are seen after it."""

STATUS_SECONDS = 5.0
"""How often ``systemctl status`` gets a new line."""

STOP_SECONDS = 2.0
"""What workers are given to close their cameras; the whole stop stays under 5 s."""

_FIXED_SECTIONS = ("listen", "state_dir", "inference")
"""Settings that are read at the start alone."""

_NEWS_LEVELS = {"down": "warning", "worker_lost": "warning", "quarantined": "warning"}

log = structlog.get_logger(__name__)


def run(config_path: Path) -> int:
    """Watch the cameras of a configuration until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after a stop that was asked for.

    Raises:
        ConfigError: the configuration is wrong, or its address is in use.
        EmberwatchError: the bundle or the engine cannot be loaded.
    """
    warnings: list[Problem] = []
    config = load_config(config_path, warn=warnings.append)
    settings = feeds(config, warn=warnings.append)
    configure_logs(config.log, secrets=secrets_of(settings))
    for warning in warnings:
        _warn(warning)
    with ExitStack() as stack:
        return _Daemon(config_path, config, settings, stack).run()


class _Daemon:
    """Everything of one run; whatever is opened is closed by the stack, the newest first."""

    def __init__(
        self, path: Path, config: Config, settings: list[SourceSettings], stack: ExitStack
    ) -> None:
        self._path = path
        self._config = config
        self._clock: Clock = SystemClock()
        self._version = version_of("emberwatch")
        self._stop = False
        self._reload = False
        stack.enter_context(self._signals())
        self._notifier = Notifier()
        self._throttle = Throttle()
        self._reload_fault = ""
        bundle = load_bundle(resolve_bundle(config.inference.bundle))
        require_labels(bundle, (rule.label for rule in config.rules))

        self._supervisor = Supervisor(
            settings,
            _limits(config),
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
        self._web = WebServer(config.listen, self._state, registry, version=self._version)
        stack.callback(self._web.stop)
        self._keeper = Keeper(
            config.state_dir / "events.db",
            clock=self._clock,
            count=lambda operation, failed: self._metrics.count_store(operation, failed=failed),
        )
        stack.callback(self._keeper.close)
        # Workers connect to their cameras while the model is being loaded.
        stack.callback(self._supervisor.stop, STOP_SECONDS)
        self._supervisor.start()
        self._web.start()
        self._engine = _engine(config, bundle)
        stack.callback(self._engine.close)
        self._watch = self._make_watch(bundle)

    def run(self) -> int:
        """Loop until a signal says stop."""
        self._watch.apply(self._config)
        log.info(
            "started",
            version=self._version,
            url=self._web.url,
            cameras=sum(camera.enabled for camera in self._config.cameras),
            engine=self._engine.name,
            device=self._engine.device,
        )
        self._come_round()
        self._notifier.ready(self._summary())
        next_status = self._clock.monotonic() + STATUS_SECONDS
        counted = 0
        while not self._stop:
            if self._reload:
                self._reload = False
                self._apply_reload()
            due = self._watch.due_in()
            self._watch.take(
                self._supervisor.wait(LOOP_SECONDS if due is None else min(due, LOOP_SECONDS))
            )
            self._watch.score()
            self._come_round()
            if self._clock.monotonic() >= next_status:
                next_status = self._clock.monotonic() + STATUS_SECONDS
                rate = (self._watch.frames_scored - counted) / STATUS_SECONDS
                counted = self._watch.frames_scored
                self._notifier.status(f"{self._summary()}; {rate:.1f} frames/s")
        self._notifier.stopping()
        self._watch.save()
        log.info("stopped")
        return 0

    def _come_round(self) -> None:
        """What is done in each round, whether or not there was a frame."""
        statuses = self._supervisor.statuses()
        for event in self._supervisor.events():
            self._tell(event)
        self._metrics.set_workers(len(self._supervisor.worker_pids()))
        self._watch.tend(statuses)
        self._metrics.set_store(on_disk=not self._keeper.fault, waiting=self._keeper.waiting)
        faults = tuple(self._faults())
        self._state.came_round(faults)
        # Proof of progress: the loop came round, nothing that was due went unscored, and somebody
        # can read about it. Anything else starves the watchdog, and systemd restarts the daemon.
        if not self._watch.engine_fault and self._web.alive:
            self._notifier.watchdog()

    def _faults(self) -> Iterator[Fault]:
        if self._watch.engine_fault:
            yield Fault("engine", self._watch.engine_fault)
        if self._keeper.fault:
            # Watching goes on and alerts are raised: this is no reason to call it not ready.
            yield Fault("store", self._keeper.fault, critical=False)
        if self._reload_fault:
            yield Fault("config", self._reload_fault, critical=False)

    def _make_watch(self, bundle: Bundle) -> Watch:
        inference = self._config.inference
        scorer = Scorer(
            self._engine,
            bundle.geometry,
            observe=self._metrics.observe_stage,
            on_failure=lambda _error: self._metrics.count_engine_failure(),
        )
        watch = Watch(
            bundle.labels,
            scorer,
            Batcher(inference.batch.max_size, inference.batch.max_wait),
            keeper=self._keeper,
            metrics=self._metrics,
            clock=self._clock,
        )
        geometry = bundle.geometry
        self._metrics.set_model(
            sha256=bundle.sha256,
            engine=self._engine.name,
            device=self._engine.device,
            labels=bundle.labels,
            geometry=f"{geometry.mode} {geometry.width}x{geometry.height}",
        )
        model = ModelView(bundle.sha256[:12], self._engine.name, self._engine.device, bundle.labels)
        self._state.loaded(watch, model)
        return watch

    def _apply_reload(self) -> None:
        """Read the file anew; what is wrong leaves everything as it is."""
        self._notifier.reloading(self._clock.monotonic())
        try:
            config = load_config(self._path, warn=_warn)
            settings = feeds(config, warn=_warn)
            _require_known_labels(config, self._engine)
            result = self._supervisor.apply(settings)
        except ConfigError as error:
            self._reload_fault = f"the last reload was refused: {error}"
            self._metrics.count_reload(failed=True)
            log.error("reload_refused", error=str(error))
        else:
            configure_logs(config.log, secrets=secrets_of(settings))
            self._watch.apply(config)
            self._reload_fault = ""
            self._metrics.count_reload()
            ignored = [
                key for key in _FIXED_SECTIONS if getattr(config, key) != getattr(self._config, key)
            ]
            if _limits(config) != _limits(self._config):
                ignored.append("ingest")
            self._config = config
            log.info(
                "reloaded",
                added=result.added,
                removed=result.removed,
                changed=result.changed,
                unchanged=len(result.unchanged),
            )
            if ignored:
                log.warning(
                    "restart_needed", keys=ignored, cause="these are read at the start alone"
                )
        self._notifier.ready(self._summary())

    def _tell(self, event: CameraEvent) -> None:
        """Log what ingest says; a fault that repeats is told ever less often."""
        if event.kind == "worker_lost" and event.reason in ("hang", "worker_lost"):
            self._metrics.count_worker_restart(event.reason)
        kept_back: int | None = 0
        if event.kind == "down":
            kept_back = self._throttle.admit(
                f"{event.camera}:{event.reason}", self._clock.monotonic()
            )
        if kept_back is None:
            return
        say = log.warning if event.kind in _NEWS_LEVELS else log.info
        fields = {"camera": event.camera, "reason": event.reason, "detail": event.detail}
        kind = event.kind if event.kind.startswith("worker") else f"camera_{event.kind}"
        say(kind, **{k: v for k, v in fields.items() if v}, **_if_any(kept_back))

    def _summary(self) -> str:
        """One line for ``systemctl status``."""
        statuses = self._supervisor.statuses()
        up = sum(status.up for status in statuses.values())
        firing = self._watch.firing()
        alerts = ", ".join(f"{alert} at {camera}" for camera, alert in firing[:3])
        more = f" and {len(firing) - 3} more" if len(firing) > 3 else ""
        return f"{up}/{len(statuses)} cameras up" + (f"; FIRING: {alerts}{more}" if firing else "")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stop = True

        def reload(_number: int, _frame: FrameType | None) -> None:
            self._reload = True

        handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _engine(config: Config, bundle: Bundle) -> Engine:
    inference = config.inference
    engine = load_engine(
        bundle,
        inference.engine,
        precision=inference.precision,
        threads=inference.threads,
        max_batch=inference.batch.max_size,
        cache_dir=_cache_dir(config),
    )
    engine.warm_up()
    return engine


def _cache_dir(config: Config) -> Path:
    """Where compiled models are kept: systemd's CacheDirectory, else beside the state."""
    given = os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else config.state_dir / "cache"


def _limits(config: Config) -> Limits:
    return Limits(
        workers=config.ingest.workers,
        hang_timeout_seconds=config.ingest.hang_timeout,
        max_back_off_seconds=config.ingest.max_back_off,
    )


def _require_known_labels(config: Config, engine: Engine) -> None:
    unknown = sorted({rule.label for rule in config.rules} - set(engine.labels))
    if unknown:
        raise ConfigError(
            f"rules: the model has no label {', '.join(unknown)}; it has {', '.join(engine.labels)}"
        )


def _if_any(kept_back: int) -> dict[str, int]:
    return {"kept_back": kept_back} if kept_back else {}


def _warn(problem: Problem) -> None:
    log.warning("config", problem=str(problem))
