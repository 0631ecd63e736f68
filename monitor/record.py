"""``emberwatch record``: keeps the scores of live cameras, to tune rules on what they really show.

It reads the cameras itself, beside a daemon or without one, and raises no alert. Pictures are
scored and forgotten.
"""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from monitor.clock import Clock, SystemClock
from monitor.daemon_signals import handled
from monitor.decision.settings import alert_labels
from monitor.inference.batcher import Batcher
from monitor.inference.load import load_engine
from monitor.inference.masks import camera_regions, join_views
from monitor.inference.scorer import Scorer
from monitor.ingest.supervisor import Supervisor
from monitor.recording import Recorder, RecordingError, Source
from monitor.settings import Settings, ingest_limits, read_settings

WRITE_SECONDS = 60.0
"""How often what was scored is written, and the progress told."""

_LOOP_SECONDS = 0.25
_STOP_SECONDS = 2.0


def record(
    config_path: Path,
    output: Path,
    *,
    hours: float,
    err: TextIO,
    clock: Clock | None = None,
) -> int:
    """Record the scores of all enabled cameras of a configuration.

    Ends by itself after ``hours``, or on SIGTERM or Ctrl-C; what was scored is written then.

    Args:
        config_path: the daemon's configuration file.
        output: the folder to write to; one that holds a recording is added to.
        hours: how long.
        err: where progress and faults go.
        clock: the machine's where it is left out.

    Returns:
        The exit status: 0, or 1 where a camera gave nothing or something could not be written.

    Raises:
        ConfigError: the configuration is wrong.
        BundleError: the bundle is broken.
        EngineError: the engine cannot run here, or failed.
        RecordingError: the folder cannot be written to.
    """
    settings = read_settings(config_path)
    recorder = Recorder(output)
    with _asked_to_stop() as asked:
        session = _Session(settings, recorder, clock or SystemClock(), err)
        return session.run(hours * 3600, asked)


class _Session:
    """One recording, from its start to its end."""

    def __init__(self, settings: Settings, recorder: Recorder, clock: Clock, err: TextIO) -> None:
        config, bundle = settings.config, settings.bundle
        inference = config.inference
        self._recorder = recorder
        self._clock = clock
        self._err = err
        self._cameras = {camera.name: camera for camera in config.cameras if camera.enabled}
        self._regions = {
            name: camera_regions(camera, alert_labels(config, camera, bundle.labels))
            for name, camera in self._cameras.items()
        }
        self._engine = load_engine(
            bundle,
            inference.engine,
            precision=inference.precision,
            threads=inference.threads,
            max_batch=inference.batch.max_size,
        )
        self._sources = {
            name: Source(
                tuple(bundle.labels),
                tuple(r.name for r in self._regions[name] if not r.view_of),
                bundle.sha256,
                camera.fps,
            )
            for name, camera in self._cameras.items()
        }
        self._scorer = Scorer(self._engine, bundle.geometry)
        self._batcher = Batcher(inference.batch.max_size, inference.batch.max_wait)
        self._supervisor = Supervisor(
            settings.feeds,
            ingest_limits(config),
            clock=clock,
            random=random.Random(),  # noqa: S311 - jitter
        )
        self._unwritten = ""

    def run(self, seconds: float, asked: Callable[[], bool]) -> int:
        began = self._clock.monotonic()
        end = began + seconds
        next_write = began + WRITE_SECONDS
        self._supervisor.start()
        try:
            while not asked() and self._clock.monotonic() < end:
                self._round()
                if self._clock.monotonic() >= next_write:
                    next_write += WRITE_SECONDS
                    self._write()
                    self._tell(self._clock.monotonic() - began)
        finally:
            self._supervisor.stop(_STOP_SECONDS)
            self._engine.close()
            self._write()
        self._tell(self._clock.monotonic() - began)
        silent = [name for name in self._cameras if not self._recorder.frames.get(name)]
        for name in silent:
            self._say(f"camera '{name}' gave nothing: {self._why(name)}")
        return 1 if silent or self._unwritten else 0

    def _round(self) -> None:
        due = self._batcher.due_in(self._clock.monotonic())
        wait = _LOOP_SECONDS if due is None else min(due, _LOOP_SECONDS)
        for frame in self._supervisor.wait(wait):
            camera = self._cameras[frame.camera]
            now = self._clock.monotonic()
            # As in the daemon: what says nothing of the scene now is not scored.
            if not frame.unscorable and now - frame.captured_monotonic <= camera.stale_after:
                self._batcher.add(frame, self._regions[frame.camera], now)
        self._supervisor.events()
        for scored in self._scorer.step(self._batcher, self._clock.monotonic()):
            source = self._sources[scored.camera]
            self._recorder.add(join_views(scored, source.labels), source)

    def _write(self) -> None:
        """A full disk may be freed: what could not be written is kept for the next time."""
        try:
            self._recorder.flush()
        except RecordingError as error:
            self._unwritten = str(error)
            self._say(self._unwritten)
        else:
            self._unwritten = ""

    def _tell(self, seconds: float) -> None:
        statuses = self._supervisor.statuses()
        down = [name for name in self._cameras if name in statuses and not statuses[name].up]
        frames = sum(self._recorder.frames.values())
        text = f"{seconds / 60:.0f} min: {frames} frames of {len(self._recorder.frames)} cameras"
        self._say(text + (f"; down: {', '.join(down)}" if down else ""))

    def _why(self, name: str) -> str:
        status = self._supervisor.statuses().get(name)
        return status.detail if status is not None and status.detail else "no picture came in time"

    def _say(self, text: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(self._clock.wall()))
        self._err.write(f"{stamp} {text}\n")
        self._err.flush()


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """SIGTERM and Ctrl-C end the recording in order."""
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

    with handled({signal.SIGTERM: stop, signal.SIGINT: stop}):
        yield lambda: bool(stopped)
