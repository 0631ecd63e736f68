"""What holds for all tests."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: time is measured by the benchmark, not by property tests.
settings.register_profile("emberwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emberwatch")

LONGEST = (
    "trainer/test_train.py",
    "systemd/test_real_systemd.py",
    "faults/test_stream_faults.py",
    "integration/test_daemon.py",
    "faults/test_worker_faults.py",
    "ingest/test_supervisor.py",
    "faults/test_short_soak.py",
    "faults/test_engine_faults.py",
    "trainer/test_killed.py",
    "ingest/test_storm.py",
    "faults",
    "integration",
    "bench",
    "inference",
    "ingest",
    "trainer",
)
"""Files and folders of which tests take minutes, the longest first: where several processes share
the files, none of these may begin when the others have nothing left to do."""

_HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A test that sets up the log, as each command does, leaves no trace of it to the next."""
    yield
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; everything else stays in its order."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    if not path.is_relative_to(_HERE):
        return len(LONGEST)
    inside = path.relative_to(_HERE)
    return next((n for n, name in enumerate(LONGEST) if inside.is_relative_to(name)), len(LONGEST))
