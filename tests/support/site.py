"""All rooms of the daemon in this process, with an engine of the test's own; workers are real."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from prometheus_client import CollectorRegistry

from monitor.alerts.keeper import Keeper
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.credentials import feeds
from monitor.inference.batcher import Batcher
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine
from monitor.inference.scorer import Scorer
from monitor.ingest.limits import Limits
from monitor.ingest.supervisor import Supervisor
from monitor.metrics import Metrics
from monitor.sampling import Sampling
from monitor.watch import Watch


class Site:
    """Cameras that are watched; :meth:`run` drives them as the daemon's loop does."""

    def __init__(self, folder: Path, config: Config, bundle: Bundle, engine: Engine) -> None:
        clock = SystemClock()
        self.supervisor = Supervisor(
            feeds(config), Limits(workers=2), clock=clock, random=Random(1)
        )
        self.registry = CollectorRegistry()
        self.metrics = Metrics(
            self.registry,
            cameras=(),
            labels=bundle.labels,
            statuses=self.supervisor.statuses,
            clock=clock,
            version="test",
        )
        self.keeper = Keeper(folder / "events.db", clock=clock, count=lambda *_: None)
        scorer = Scorer(engine, bundle.geometry, observe=self.metrics.pipeline.observe_stage)
        batch = config.inference.batch
        self.watch = Watch(
            bundle.labels,
            scorer,
            Batcher(batch.max_size, batch.max_wait),
            keeper=self.keeper,
            metrics=self.metrics,
            clock=clock,
        )
        self.sampling = Sampling(
            config, self.supervisor, self.watch, metrics=self.metrics, clock=clock
        )
        self.watch.apply(config)

    def step(self) -> None:
        """Once around the loop."""
        due = self.watch.due_in()
        pause = 0.1 if due is None else min(due, 0.1)
        self.watch.take(self.supervisor.wait(pause, self.watch.wants))
        self.watch.score()
        self.watch.tend(self.supervisor.statuses())
        self.sampling.tend()

    def run(self, seconds: float) -> None:
        """Watch for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Watch until it holds; fails after ``seconds``."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
            self.step()

    def value(self, name: str, **labels: str) -> float:
        """A sample of the metrics, without the prefix; it must be there."""
        value = self.registry.get_sample_value(f"emberwatch_{name}", labels)
        assert value is not None, (name, labels)
        return value

    def values(self, name: str, cameras: Sequence[str], **labels: str) -> list[float]:
        """The same for several cameras."""
        return [self.value(name, camera=camera, **labels) for camera in cameras]


@contextmanager
def running_site(folder: Path, config: Config, bundle: Bundle, engine: Engine) -> Iterator[Site]:
    """A site whose workers run; everything ends with it."""
    site = Site(folder, config, bundle, engine)
    site.supervisor.start()
    try:
        yield site
    finally:
        site.supervisor.stop(4.0)
        site.keeper.close()
        engine.close()
