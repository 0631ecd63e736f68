from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.ingest.placement import GroupKind, Move, Placement, PlacementLimits

LIMITS = PlacementLimits(workers=2, max_apart=3)


def placed(count: int, limits: PlacementLimits = LIMITS) -> Placement:
    placement = Placement(limits)
    for index in range(count):
        placement.add(f"c{index}", 0.0)
    return placement


def cameras(placement: Placement) -> list[list[str]]:
    return sorted(sorted(group.cameras) for group in placement.groups())


def kinds(placement: Placement) -> Sequence[GroupKind]:
    return [group.kind for group in placement.groups()]


def home(placement: Placement, camera: str) -> int:
    number = placement.group_of(camera)
    assert number is not None
    return number


def test_cameras_spread_evenly() -> None:
    assert cameras(placed(5)) == [["c0", "c2", "c4"], ["c1", "c3"]]


def test_there_are_never_more_groups_than_cameras() -> None:
    assert len(placed(3, PlacementLimits(workers=16)).groups()) == 3


def test_one_fault_moves_nobody() -> None:
    placement = placed(4)
    assert placement.fault(home(placement, "c0"), ["c0"], [], 10.0) == []


def test_a_second_fault_puts_a_camera_into_quarantine_alone() -> None:
    placement = placed(4)
    placement.fault(home(placement, "c0"), ["c0"], [], 10.0)
    moves = placement.fault(home(placement, "c0"), ["c0"], [], 300.0)
    assert moves == [Move("c0", GroupKind.QUARANTINE)]
    assert cameras(placement) == [["c0"], ["c1", "c3"], ["c2"]]


def test_faults_far_apart_move_nobody() -> None:
    placement = placed(4)
    for now in (0.0, 700.0, 1400.0):
        assert placement.fault(home(placement, "c0"), ["c0"], [], now) == []


def test_quarantine_ends_after_a_time_without_a_fault() -> None:
    placement = placed(4)
    for now in (10.0, 20.0):
        placement.fault(home(placement, "c0"), ["c0"], [], now)
    number = home(placement, "c0")
    placement.fault(number, ["c0"], [], 1000.0)
    assert placement.over(2799.0) == []
    assert placement.over(2800.0) == [number]
    assert placement.dissolve(number, 2800.0) == [Move("c0", GroupKind.SHARED)]
    assert cameras(placement) == [["c0", "c2"], ["c1", "c3"]]


def test_a_new_camera_is_never_put_beside_a_quarantined_one() -> None:
    placement = placed(2)
    for now in (10.0, 20.0):
        placement.fault(home(placement, "c0"), ["c0"], [], now)
    for index in range(2, 8):
        placement.add(f"c{index}", 30.0)
    assert ["c0"] in cameras(placement)


@pytest.mark.parametrize("guilty", ["c0", "c7", "c18"])
def test_a_crash_without_a_name_is_narrowed_down_to_the_guilty(guilty: str) -> None:
    placement = placed(20, PlacementLimits(workers=1))
    now, crashes = 0.0, 0
    while placement.groups() and cameras(placement) != [[f"c{n}"] for n in range(20)]:
        group = next(each for each in placement.groups() if guilty in each.cameras)
        if group.kind is GroupKind.QUARANTINE:
            break
        now += 5.0
        crashes += 1
        placement.fault(group.number, [], list(group.cameras), now)
        assert crashes < 12
    assert [guilty] in cameras(placement)
    for _ in range(10):
        now += 600.0
        placement.fault(home(placement, guilty), [guilty], [], now)
        for number in placement.over(now):
            placement.dissolve(number, now)
    assert len(placement.groups()) == 2, "only the guilty one stays apart"


def test_when_all_places_apart_are_taken_the_guilty_share_one() -> None:
    placement = placed(12)
    now = 0.0
    for index in range(6):
        for _ in range(2):
            now += 1.0
            placement.fault(home(placement, f"c{index}"), [f"c{index}"], [], now)
    apart = [group for group in placement.groups() if group.kind is not GroupKind.SHARED]
    assert len(apart) == 3
    assert sorted(name for group in apart for name in group.cameras) == [f"c{n}" for n in range(6)]


class Machine(RuleBasedStateMachine):
    """Any sequence of faults, returns and reloads keeps each camera in exactly one group."""

    def __init__(self) -> None:
        super().__init__()
        self.placement = Placement(LIMITS)
        self.names: set[str] = set()
        self.now = 0.0

    @rule(index=st.integers(0, 14))
    def add_or_remove(self, index: int) -> None:
        name = f"c{index}"
        if name in self.names:
            self.placement.remove(name)
        else:
            self.placement.add(name, self.now)
        self.names ^= {name}

    @precondition(lambda self: self.names)
    @rule(data=st.data(), known=st.booleans())
    def fault(self, data: st.DataObject, known: bool) -> None:
        group = data.draw(st.sampled_from(list(self.placement.groups())))
        chosen = data.draw(st.lists(st.sampled_from(sorted(group.cameras)), unique=True))
        before = {name: self.placement.group_of(name) for name in self.names}
        moves = (
            self.placement.fault(group.number, chosen, [], self.now)
            if known
            else self.placement.fault(group.number, [], chosen, self.now)
        )
        moved = {name for name in self.names if self.placement.group_of(name) != before[name]}
        assert moved <= {move.camera for move in moves}

    @rule(seconds=st.floats(0, 2000))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for number in self.placement.over(self.now):
            self.placement.dissolve(number, self.now)

    @rule()
    def be_well_for_long(self) -> None:
        self.pass_time(2000.0)
        assert set(kinds(self.placement)) <= {GroupKind.SHARED}

    @invariant()
    def each_camera_has_one_home(self) -> None:
        listed = [name for group in self.placement.groups() for name in group.cameras]
        assert sorted(listed) == sorted(self.names)
        for group in self.placement.groups():
            assert group.cameras
            assert all(self.placement.group_of(name) == group.number for name in group.cameras)

    @invariant()
    def the_groups_are_bounded(self) -> None:
        found = kinds(self.placement)
        assert sum(kind is GroupKind.SHARED for kind in found) <= LIMITS.workers
        assert sum(kind is not GroupKind.SHARED for kind in found) <= LIMITS.max_apart


TestPlacementMachine = Machine.TestCase
TestPlacementMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
