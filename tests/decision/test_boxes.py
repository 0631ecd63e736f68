"""Where a transition says that it was seen."""

import numpy as np

from monitor.decision.state import Transition
from monitor.inference.scored import Box, Region, ScoredFrame, ScoredRegion
from tests.support.decisions import LABELS, WALL, decider, feed, scores_of

FULL = Region("full")
RIGHT = Region("tile-0-1", 0.5, 0.0, 1.0, 1.0)


def seen(
    at: float,
    fire: float,
    smoke: float,
    *,
    region: Region = FULL,
    rows: dict[str, int] | None = None,
) -> ScoredFrame:
    """A frame of which the cells of one row each, of eight, say fire and smoke."""
    cells = np.zeros((8, 8, 3), np.float32)
    cells[..., LABELS.index("misc")] = 5.0
    for label, row in (rows or {}).items():
        cells[row, :, LABELS.index(label)] = 30.0
    part = ScoredRegion(region, np.array(scores_of(fire, smoke), np.float32), cells)
    return ScoredFrame("dock", 0, WALL + at, at, (part,))


def boxes(transitions: list[Transition]) -> dict[str, Box | None]:
    return {f"{t.alert} {t.event}": t.box for t in transitions}


def test_pending_and_firing_say_where_and_the_end_does_not() -> None:
    frames = [seen(t, 0.9, 0.0, rows={"fire": 0}) for t in range(4)]
    frames += [seen(t, 0.0, 0.0) for t in range(4, 12)]
    found = boxes(feed(decider(), frames))
    assert found.keys() == {"fire pending", "fire firing", "fire resolved"}
    assert found["fire resolved"] is None
    firing = found["fire firing"]
    assert firing is not None
    assert (firing.left, firing.top, firing.right) == (0.0, 0.0, 1.0)
    assert firing.bottom < 0.3


def test_smoke_is_where_smoke_and_fire_are() -> None:
    frames = [seen(t, 0.3, 0.6, rows={"fire": 6, "smoke": 5}) for t in range(4)]
    firing = boxes(feed(decider(), frames))["smoke firing"]
    assert firing is not None
    assert firing.top < 0.7
    assert firing.bottom > 0.8


def test_box_of_a_tile_is_in_that_tile() -> None:
    frames = [seen(t, 0.9, 0.0, region=RIGHT, rows={"fire": 3}) for t in range(4)]
    firing = boxes(feed(decider(), frames))["fire firing"]
    assert firing is not None
    assert (firing.left, firing.right) == (0.5, 1.0)


def test_smoothed_evidence_that_is_gone_from_the_picture_has_no_box() -> None:
    frames = [seen(0, 1.0, 0.0, rows={"fire": 3}), seen(1, 1.0, 0.0), seen(2, 1.0, 0.0)]
    found = boxes(feed(decider(hold=2.0), frames))
    assert found["fire pending"] is not None
    assert found["fire firing"] is None


def test_model_without_cells_gives_no_box() -> None:
    part = ScoredRegion(FULL, np.array(scores_of(0.9, 0.0), np.float32))
    frames = [ScoredFrame("dock", 0, WALL + t, t, (part,)) for t in range(4)]
    assert set(boxes(feed(decider(), frames)).values()) == {None}
