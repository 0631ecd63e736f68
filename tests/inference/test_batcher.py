"""The batcher: batches across cameras, the latency bound, and newest frame wins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from monitor.config import Tiles
from monitor.inference.batcher import Batch, Batcher
from monitor.inference.regions import full_view, plan_regions
from monitor.inference.scored import Region, ScoredFrame, Scores
from tests.support.frames import frame

FULL = (full_view(),)
TILED = plan_regions(Tiles(rows=2, columns=2))


def complete(batcher: Batcher, batch: Batch | None) -> list[ScoredFrame]:
    """Hand in scores that name the picture: sequence and place of the region."""
    assert batch is not None
    rows = [(p.frame.sequence, hash(p.region.name) % 1000) for p in batch.pictures]
    return batcher.complete(batch, Scores(np.array(rows, np.float32).reshape(len(batch), 2)))


def test_nothing_waits_at_first() -> None:
    batcher = Batcher(4, 0.05)
    assert batcher.due_in(0.0) is None
    assert batcher.take(0.0, force=True) is None
    assert len(batcher) == 0


def test_full_batch_is_due_at_once_across_cameras() -> None:
    batcher = Batcher(2, 0.05)
    batcher.add(frame("a"), FULL, 10.0)
    assert batcher.take(10.0) is None
    batcher.add(frame("b"), FULL, 10.0)
    assert batcher.due_in(10.0) == 0.0
    batch = batcher.take(10.0)
    assert batch is not None
    assert [picture.frame.camera for picture in batch.pictures] == ["a", "b"]


def test_lone_frame_waits_no_longer_than_allowed() -> None:
    batcher = Batcher(16, 0.05)
    batcher.add(frame("a"), FULL, 10.0)
    assert batcher.due_in(10.02) == pytest.approx(0.03)
    assert batcher.take(10.049) is None
    batch = batcher.take(10.051)
    assert batch is not None
    assert batch.oldest_wait_seconds == pytest.approx(0.051)


def test_force_takes_what_is_not_due() -> None:
    batcher = Batcher(16, 10.0)
    batcher.add(frame("a"), FULL, 0.0)
    assert batcher.take(0.0) is None
    assert len(complete(batcher, batcher.take(0.0, force=True))) == 1


def test_newer_frame_replaces_the_unscored_one_and_keeps_its_turn() -> None:
    batcher = Batcher(16, 0.05)
    old, new = frame("a", 1), frame("a", 2)
    assert batcher.add(old, FULL, 0.0) is None
    batcher.add(frame("b", 7), FULL, 0.01)
    assert batcher.add(new, FULL, 0.04) is old
    batch = batcher.take(0.05)  # due by the age of the replaced frame
    assert [scored.sequence for scored in complete(batcher, batch)] == [2, 7]


def test_frame_in_the_engine_is_not_replaced() -> None:
    batcher = Batcher(1, 0.0)
    batcher.add(frame("a", 1), FULL, 0.0)
    batch = batcher.take(0.0)
    assert batcher.add(frame("a", 2), FULL, 0.1) is None
    assert [scored.sequence for scored in complete(batcher, batch)] == [1]
    assert [scored.sequence for scored in complete(batcher, batcher.take(0.2))] == [2]


def test_frame_over_several_batches_is_one_scored_frame_in_region_order() -> None:
    batcher = Batcher(2, 0.0)
    batcher.add(frame("a", 3, at=9.5), TILED, 0.0)
    assert complete(batcher, batcher.take(0.0)) == []
    assert complete(batcher, batcher.take(0.0)) == []
    (scored,) = complete(batcher, batcher.take(0.0))
    assert tuple(part.region for part in scored.regions) == TILED
    assert scored.captured_monotonic == 9.5
    for part in scored.regions:
        assert part.scores.tolist() == [3, hash(part.region.name) % 1000]


def test_camera_with_more_regions_than_a_batch_is_finished_under_constant_new_frames() -> None:
    batcher = Batcher(2, 0.0)
    done: list[int] = []
    for sequence in range(12):
        batcher.add(frame("a", sequence), TILED, float(sequence))
        done += [s.sequence for s in complete(batcher, batcher.take(float(sequence)))]
    assert done == sorted(done)
    assert len(done) == 12 * 2 // len(TILED)


def test_scores_do_not_keep_the_batch_in_memory() -> None:
    batcher = Batcher(4, 0.0)
    batcher.add(frame("a"), FULL, 0.0)
    (scored,) = complete(batcher, batcher.take(0.0))
    assert scored.regions[0].scores.base is None


def test_failed_batch_gives_up_its_frames_alone() -> None:
    batcher = Batcher(2, 0.0)
    batcher.add(frame("a", 1), TILED, 0.0)
    batch = batcher.take(0.0)
    assert batch is not None
    batcher.add(frame("b", 2), FULL, 0.0)
    assert [lost.camera for lost in batcher.fail(batch)] == ["a"]
    assert [scored.camera for scored in complete(batcher, batcher.take(0.1))] == ["b"]
    assert len(batcher) == 0


def test_removed_camera_is_forgotten_also_in_the_engine() -> None:
    batcher = Batcher(2, 0.0)
    batcher.add(frame("a", 1), TILED, 0.0)
    batch = batcher.take(0.0)
    batcher.add(frame("a", 2), FULL, 0.0)
    batcher.forget("a")
    assert complete(batcher, batch) == []
    assert len(batcher) == 0


def test_sequence_that_begins_again_mixes_nothing_up() -> None:
    batcher = Batcher(3, 0.0)
    batcher.add(frame("a", 1, at=1.0), TILED, 0.0)
    first = batcher.take(0.0)
    batcher.add(frame("a", 1, at=2.0), TILED, 0.1)
    second = batcher.take(0.1)
    assert complete(batcher, first) == []
    assert [s.captured_monotonic for s in complete(batcher, second)] == [1.0]


def test_wrong_use_fails_at_once() -> None:
    with pytest.raises(ValueError, match="max_size"):
        Batcher(0, 0.05)
    batcher = Batcher(1, 0.05)
    with pytest.raises(ValueError, match="without regions"):
        batcher.add(frame("a"), (), 0.0)
    batcher.add(frame("a"), FULL, 0.0)
    batch = batcher.take(1.0)
    assert batch is not None
    with pytest.raises(ValueError, match="2 rows of scores for 1 pictures"):
        batcher.complete(batch, Scores(np.zeros((2, 3), np.float32)))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 0.2)), max_size=60), st.integers(1, 5))
def test_no_frame_waits_beyond_the_bound_when_taken_when_due(
    arrivals: list[tuple[int, float]], max_size: int
) -> None:
    batcher, now = Batcher(max_size, 0.05), 0.0
    for sequence, (camera, pause) in enumerate(arrivals):
        until = now + pause
        while (due := batcher.due_in(now)) is not None and now + due <= until:
            now += due
            batch = batcher.take(now, force=True)
            assert batch is not None
            assert len(batch) <= max_size
            assert batch.oldest_wait_seconds <= 0.05 + 1e-9
            complete(batcher, batch)
        now = until
        batcher.add(frame(f"c{camera}", sequence), FULL, now)


class AnyOrder(RuleBasedStateMachine):
    """Frames come and batches go in any order; each frame ends once: scored, replaced or failed."""

    def __init__(self) -> None:
        super().__init__()
        self.batcher = Batcher(3, 0.05)
        self.now = 0.0
        self.sequence = 0
        self.open: dict[int, tuple[Region, ...]] = {}
        self.newest: dict[str, int] = {}

    @rule(camera=st.sampled_from("abc"), tiled=st.booleans())
    def arrives(self, camera: str, tiled: bool) -> None:
        self.sequence += 1
        regions = TILED if tiled else FULL
        self.open[self.sequence] = regions
        replaced = self.batcher.add(frame(camera, self.sequence), regions, self.now)
        if replaced is not None:
            del self.open[replaced.sequence]

    @rule(seconds=st.floats(0, 0.1))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(force=st.booleans())
    def scored(self, force: bool) -> None:
        batch = self.batcher.take(self.now, force=force)
        if batch is None:
            return
        assert 1 <= len(batch) <= 3
        for done in complete(self.batcher, batch):
            assert tuple(part.region for part in done.regions) == self.open.pop(done.sequence)
            assert self.newest.get(done.camera, 0) < done.sequence
            self.newest[done.camera] = done.sequence

    @rule()
    def fails(self) -> None:
        batch = self.batcher.take(self.now, force=True)
        if batch is not None:
            for lost in self.batcher.fail(batch):
                del self.open[lost.sequence]

    @invariant()
    def all_that_is_open_waits(self) -> None:
        assert len(self.batcher) <= sum(len(regions) for regions in self.open.values())
        assert (len(self.batcher) == 0) == (not self.open)


TestAnyOrder = AnyOrder.TestCase
