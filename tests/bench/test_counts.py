"""What a daemon has counted, read from its metrics."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.counts import Counts, parse_counts, quantile

PAGE = """
# TYPE emberwatch_frames counter
emberwatch_frames_total{camera="a"} 12
emberwatch_frames_total{camera="b"} 11
# TYPE emberwatch_frames_scored counter
emberwatch_frames_scored_total{camera="a"} 10
emberwatch_frames_scored_total{camera="b"} 9
# TYPE emberwatch_frames_dropped counter
emberwatch_frames_dropped_total{camera="a",reason="overwritten"} 1
emberwatch_frames_dropped_total{camera="b",reason="overwritten"} 1
# TYPE emberwatch_frames_unchanged counter
emberwatch_frames_unchanged_total{camera="b"} 5
# TYPE emberwatch_camera_up gauge
emberwatch_camera_up{camera="a"} 1
emberwatch_camera_up{camera="b"} 0
# TYPE emberwatch_batches counter
emberwatch_batches_total 5
# TYPE emberwatch_batch_size histogram
emberwatch_batch_size_bucket{le="+Inf"} 5
emberwatch_batch_size_count 5
emberwatch_batch_size_sum 19
# TYPE emberwatch_stage_duration_seconds histogram
emberwatch_stage_duration_seconds_bucket{stage="capture_to_decision",le="0.1"} 10
emberwatch_stage_duration_seconds_bucket{stage="capture_to_decision",le="0.2"} 18
emberwatch_stage_duration_seconds_bucket{stage="capture_to_decision",le="+Inf"} 20
emberwatch_stage_duration_seconds_count{stage="capture_to_decision"} 20
emberwatch_stage_duration_seconds_sum{stage="capture_to_decision"} 2
emberwatch_stage_duration_seconds_bucket{stage="engine",le="+Inf"} 5
emberwatch_stage_duration_seconds_count{stage="engine"} 5
emberwatch_stage_duration_seconds_sum{stage="engine"} 0.5
"""


@pytest.fixture
def counts() -> Counts:
    return parse_counts(PAGE)


def test_page_of_metrics_is_read(counts: Counts) -> None:
    assert counts.scored == {"a": 10, "b": 9}
    assert counts.up == {"a"}
    assert (counts.batches, counts.pictures, counts.engine_seconds) == (5, 19, 0.5)


def test_frames_of_unchanged_pictures_are_not_lost(counts: Counts) -> None:
    assert (counts.lost, counts.unchanged) == (2, {"b": 5})


def test_difference_counts_what_came_since(counts: Counts) -> None:
    later = parse_counts(PAGE.replace('scored_total{camera="a"} 10', 'scored_total{camera="a"} 15'))
    since = later.since(counts)
    assert since.scored == {"a": 5, "b": 0}
    assert since.lost == 0
    assert math.isnan(since.latency_quantile(0.5))


def test_quantile_is_linear_within_a_bucket(counts: Counts) -> None:
    assert counts.latency_quantile(0.25) == pytest.approx(0.05)
    assert counts.latency_quantile(0.7) == pytest.approx(0.15)
    assert counts.latency_quantile(0.99) == pytest.approx(0.2)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_grow_with_their_share(added: list[int], one: float, other: float) -> None:
    total, cumulative = 0, {}
    for bound, count in enumerate(added, 1):
        total += count
        cumulative[float(bound)] = float(total)
    cumulative[math.inf] = float(total)
    low, high = (quantile(cumulative, share) for share in sorted((one, other)))
    assert (math.isnan(low) and total == 0) or 0 <= low <= high <= len(added)
