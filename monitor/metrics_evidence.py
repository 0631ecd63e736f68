"""The metrics of evidence: pictures and clips of alerts on disk."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from monitor.metrics_counted import Counted

KINDS: tuple[str, ...] = ("snapshot", "original", "clip")
RESULTS: tuple[str, ...] = ("written", "failed")
DROP_REASONS: tuple[str, ...] = ("queue", "disk", "store", "no_video", "worker_lost", "unfit")
"""Why there is no evidence: too much was to be written at once; the disk is full or cannot be
written; the event is not in the store; the camera's ring held nothing; the worker died; no file
holds such a stream."""
DELETE_REASONS: tuple[str, ...] = ("age", "size", "disk")


class EvidenceMetrics:
    """Counts evidence; all methods may be called from any thread."""

    def __init__(self) -> None:
        counted = self._counted = Counted()
        self._bytes = counted.gauge("emberwatch_evidence_bytes", "What the evidence on disk takes.")
        self._up = counted.gauge(
            "emberwatch_evidence_up", "Whether the disk took the last evidence."
        )
        self._files = counted.counter(
            "emberwatch_evidence_files",
            "Files of evidence that were to be written.",
            ["kind", "result"],
        )
        self._dropped = counted.counter(
            "emberwatch_evidence_dropped", "Evidence that there is not.", ["reason"]
        )
        self._deleted = counted.counter(
            "emberwatch_evidence_deleted", "Files of evidence that were deleted.", ["reason"]
        )
        self._up.set(1)
        for kind in KINDS:
            for result in RESULTS:
                self._files.labels(kind, result)
        for reason in DROP_REASONS:
            self._dropped.labels(reason)
        for reason in DELETE_REASONS:
            self._deleted.labels(reason)

    def set_bytes(self, size: int) -> None:
        """What all files take."""
        self._bytes.set(size)

    def set_up(self, up: bool) -> None:
        """Whether the disk takes evidence."""
        self._up.set(1 if up else 0)

    def count_file(self, kind: str, *, failed: bool = False) -> None:
        """A file was written, or could not be; ``kind`` is one of KINDS."""
        self._files.labels(kind, "failed" if failed else "written").inc()

    def count_dropped(self, reason: str) -> None:
        """Some evidence will not be there; ``reason`` is one of DROP_REASONS."""
        self._dropped.labels(reason).inc()

    def count_deleted(self, reason: str, files: int) -> None:
        """Files were deleted; ``reason`` is one of DELETE_REASONS."""
        self._deleted.labels(reason).inc(files)

    def families(self) -> Iterator[Metric]:
        """All families for one scrape."""
        yield from self._counted.families()
