"""The soak of ``make soak``, short: it ends well, and its summary says what it must."""

import pytest

from tests import soak

pytestmark = [pytest.mark.debian, pytest.mark.timeout(300)]


def test_eighty_seconds_with_six_cameras_lose_nobody_and_leave_nothing_behind() -> None:
    summary = soak.run(1.4, 6, seed=7, warm_up_minutes=0.5, calm_seconds=8.0)
    assert {
        "cameras", "minutes", "faults", "lost_cameras", "unnoticed_stale", "memory_growth_ratio",
        "fd_growth", "worst_recovery_seconds",
    } <= summary.keys()  # fmt: skip
    # Caches fill during the first minutes; how memory grows after that is for the long run to say.
    assert soak.failed(summary, memory_limit=0.05) == []
    assert isinstance(summary["faults"], int)
    assert summary["faults"] >= 5
