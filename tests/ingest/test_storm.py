"""Many cameras that come back at once do not stall those that are being read."""

from pathlib import Path

import pytest

from tests.support.fault_site import busy
from tests.support.storm import storm

pytestmark = pytest.mark.timeout(400)


def test_cameras_that_come_back_all_at_once_cost_the_healthy_ones_no_sample(tmp_path: Path) -> None:
    slow = busy()
    seen = storm(60, tmp_path, fps=0.5)
    # One sample a second: a gap of two would be a sample that is missing.
    assert seen.gap_in_storm < 1.0 + 0.9 * slow
    assert seen.back_after < 8.0 * slow, "the longest back-off is 4 s"
