"""The metrics of scoring: batches, stages, the engine and the model."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import Histogram, Info
from prometheus_client.metrics_core import Metric

from monitor.metrics_counted import Counted

STAGE_BUCKETS: Mapping[str, tuple[float, ...]] = {
    "cut": (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
    "engine": (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    "decide": (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05),
    "capture_to_decision": (
        *(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.75),
        *(1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
    ),
}
"""Upper bounds in seconds for each stage. They differ by three orders of magnitude, so each stage
has its own: ``histogram_quantile`` by ``stage`` and ``le`` works as ever. Where a loaded machine's
slowest verdicts lie they are close together: with one bucket from 0.3 to 0.5 s the quantile of 99 %
read 0.48 s where it was 0.38."""

BATCH_BUCKETS: tuple[float, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class PipelineMetrics:
    """Counts what is scored, for all cameras together; may be called from any thread."""

    def __init__(self) -> None:
        counted = self._counted = Counted()
        self._batches = counted.counter(
            "emberwatch_batches", "Batches handed to the engine, failed ones too."
        )
        self._engine_failures = counted.counter(
            "emberwatch_engine_failures",
            "Tries that the engine failed on; a batch is tried at most twice.",
        )
        self._second_looks = counted.counter(
            "emberwatch_second_looks",
            "Pictures that were scored again by the exact form, as int8 left them in doubt.",
        )
        self._second_look_failures = counted.counter(
            "emberwatch_second_look_failures",
            "Batches whose doubtful pictures kept their first scores, as the exact form failed.",
        )
        self._batch_size = counted.keep(
            Histogram(
                "emberwatch_batch_size",
                "Pictures in a batch, before padding.",
                buckets=BATCH_BUCKETS,
                registry=None,
            )
        )
        self._stages = {
            stage: Histogram(
                "emberwatch_stage_duration_seconds",
                "Time that a stage took; capture_to_decision is from receipt of a frame to the "
                "verdict on it.",
                ["stage"],
                buckets=buckets,
                registry=None,
            )
            for stage, buckets in STAGE_BUCKETS.items()
        }
        self._sampling_share = counted.gauge(
            "emberwatch_sampling_share",
            "Share of its wanted rate at which each camera is sampled now; below 1, more is asked "
            "of the machine than it carries.",
        )
        self._sampling_share.set(1.0)
        self._model = counted.keep(
            Info("emberwatch_model", "The model that scores.", registry=None)
        )
        for stage, histogram in self._stages.items():
            histogram.labels(stage)

    def observe_stage(self, stage: str, seconds: float) -> None:
        """Time that one pass of a stage took; ``stage`` is a key of STAGE_BUCKETS."""
        self._stages[stage].labels(stage).observe(seconds)

    def count_batch(self, size: int) -> None:
        """A batch goes to the engine; call it before the outcome is known."""
        self._batches.inc()
        self._batch_size.observe(size)

    def count_second_looks(self, count: int) -> None:
        """So many pictures of a batch were scored twice."""
        self._second_looks.inc(count)

    def count_second_look_failure(self) -> None:
        """The exact form failed on the doubtful pictures of a batch."""
        self._second_look_failures.inc()

    def count_engine_failure(self) -> None:
        """The engine failed on a batch, or on its repetition."""
        self._engine_failures.inc()

    def set_sampling_share(self, share: float) -> None:
        """The share that all cameras have of their wanted rates, 0 to 1."""
        self._sampling_share.set(share)

    def set_model(
        self, *, sha256: str, engine: str, device: str, labels: Sequence[str], geometry: str
    ) -> None:
        """Which model scores, and on what. The hash is shown by its first twelve digits."""
        self._model.info(
            {
                "bundle": sha256[:12],
                "engine": engine,
                "device": device,
                "labels": ",".join(labels),
                "geometry": geometry,
            }
        )

    def families(self) -> Iterator[Metric]:
        """All families, for one scrape."""
        yield from self._counted.families()
        stages, *others = (family for h in self._stages.values() for family in h.collect())
        stages.samples.extend(sample for family in others for sample in family.samples)
        yield stages
