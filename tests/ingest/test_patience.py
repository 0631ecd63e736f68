"""How long a camera may be silent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.patience import pictureless_seconds
from monitor.ingest.sampler import Sampler


@given(rate=st.floats(1 / 86_400, 30.0), interval=st.floats(0.2, 20.0))
def test_a_stream_that_is_seldom_sampled_is_not_taken_for_one_without_pictures(
    rate: float, interval: float
) -> None:
    sampler = Sampler(rate)
    limit = pictureless_seconds(sampler.fps, None)
    now = decoded_at = 0.0
    for _ in range(50):
        now += interval
        if sampler.packet(now, True):
            decoded_at = now
            sampler.picture(now)
        limit = pictureless_seconds(sampler.fps, sampler.key_interval_seconds)
        assert now - decoded_at <= limit


@pytest.mark.parametrize(
    ("fps", "key_interval", "seconds"),
    [(1.0, None, 60.0), (1.0, 2.0, 60.0), (1.0, 40.0, 120.0), (1 / 120, 2.0, 360.0)],
)
def test_packets_without_pictures_are_borne_for_some_periods(
    fps: float, key_interval: float | None, seconds: float
) -> None:
    assert pictureless_seconds(fps, key_interval) == pytest.approx(seconds)
