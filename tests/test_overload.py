"""How far cameras slow down: enough, evenly, never to nothing, and back again."""

import itertools

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.overload import (
    BORNE_LOSS,
    LATE_SECONDS,
    LONGEST_WINDOW_SECONDS,
    Governor,
    Load,
    Wanted,
    rates,
)

STEP = 0.5


class Machine:
    """Cameras, and a machine that scores so many of their frames a second and loses the rest."""

    def __init__(self, fps: list[float], capacity: float) -> None:
        self.wanted = {f"camera-{n}": Wanted(rate, 15.0) for n, rate in enumerate(fps)}
        self.capacity = capacity
        self.governor = Governor()
        self.now = 1000.0
        self.sampled = self.lost = self.scored = 0.0
        self.shares: list[float] = []

    @property
    def asked(self) -> float:
        return sum(camera.fps for camera in self.wanted.values())

    @property
    def rate(self) -> float:
        share = self.governor.share
        return sum(camera.rate(share) for camera in self.wanted.values())

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            sampled = self.rate * STEP
            scored = min(sampled, self.capacity * STEP)
            self.sampled += sampled
            self.scored += scored
            self.lost += sampled - scored
            load = Load(int(self.sampled), int(self.lost), 0.0)
            self.shares.append(self.governor.update(load, self.now))


FPS = st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0]), min_size=1, max_size=100)


@given(FPS, st.floats(0.3, 4.0))
@settings(deadline=None, max_examples=30)
def test_what_is_asked_settles_just_below_what_the_machine_carries(
    fps: list[float], part: float
) -> None:
    machine = Machine(fps, part * sum(fps))
    assume(machine.capacity > 1.1 * sum(camera.rate(0.0) for camera in machine.wanted.values()))
    machine.run(180)
    sampled, lost, scored = machine.sampled, machine.lost, machine.scored
    machine.run(240)
    assert machine.lost - lost <= 2 * BORNE_LOSS * (machine.sampled - sampled) + 2
    assert machine.scored - scored >= 0.75 * min(machine.capacity, machine.asked) * 240
    if part >= 1.0:
        assert min(machine.shares) == 1.0


@given(FPS, st.floats(0.3, 0.8))
@settings(deadline=None, max_examples=15)
def test_a_machine_that_carries_all_again_is_asked_for_all_again(
    fps: list[float], part: float
) -> None:
    machine = Machine(fps, part * sum(fps))
    machine.run(120)
    assert machine.governor.share < 1.0
    machine.capacity = 2 * machine.asked
    machine.run(600)
    assert machine.governor.share == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1), st.floats(0, 20)), max_size=200),
    st.floats(0.001, 1.0),
)
def test_the_share_stays_between_nothing_and_all_whatever_happens(
    story: list[tuple[int, float, float]], step: float
) -> None:
    governor, sampled, lost = Governor(), 0, 0
    for index, (frames, part, delay) in enumerate(story):
        sampled += frames
        lost += int(frames * part)
        assert 0.0 < governor.update(Load(sampled, lost, delay), 100.0 + index * step) <= 1.0


@given(st.floats(0.01, 1.0), st.dictionaries(st.text(min_size=1), st.floats(0.01, 30.0)))
def test_all_cameras_slow_down_alike_and_none_below_what_keeps_it_from_looking_blind(
    share: float, fps: dict[str, float]
) -> None:
    wanted = {name: Wanted(rate, 15.0) for name, rate in fps.items()}
    ordered = rates(wanted, share, (), 5.0)
    for name, camera in wanted.items():
        rate = ordered.get(name, camera.fps)
        assert rate <= camera.fps
        assert rate == camera.fps * share or rate == min(camera.fps, 3 / 15.0)
        assert rate >= camera.fps * share


def test_a_burst_gives_way_but_never_below_the_usual_rate() -> None:
    wanted = {"dock": Wanted(1.0, 15.0), "yard": Wanted(1.0, 15.0)}
    assert rates(wanted, 1.0, {"dock"}, 5.0) == {"dock": 5.0}
    assert rates(wanted, 0.5, {"dock"}, 5.0) == {"dock": 2.5, "yard": 0.5}
    assert rates(wanted, 0.1, {"dock"}, 5.0) == {"yard": 0.2}


def test_frames_that_come_late_for_want_of_processors_slow_all_down() -> None:
    governor = Governor()
    for second in range(30):
        governor.update(Load(20 * second, 0, LATE_SECONDS + 0.1), float(second))
    assert governor.share < 0.5


def test_what_was_lost_while_the_machine_was_suspended_says_nothing() -> None:
    governor = Governor()
    for second in range(10):
        governor.update(Load(20 * second, 0, 0.0), float(second))
    governor.update(Load(400, 100, 0.0), 3600.0)
    for second in range(10):
        governor.update(Load(400 + 20 * second, 100, 0.0), 3601.0 + second)
    assert governor.share == 1.0


def test_a_step_up_that_was_too_much_is_tried_again_ever_more_seldom() -> None:
    machine = Machine([1.0] * 40, 20.0)
    machine.run(1200)
    shares = machine.shares
    late = [index for index in range(1, len(shares)) if shares[index] > shares[index - 1]]
    last = [index * STEP for index in late if index * STEP > 600]
    gaps = [after - before for before, after in itertools.pairwise(last)]
    assert min(gaps) > 6 * LONGEST_WINDOW_SECONDS


def lossy(governor: Governor, seconds: range, *, opening: bool) -> float:
    """Half of 20 frames a second are lost, every second."""
    for second in seconds:
        governor.update(Load(20 * second, 10 * second, 0.0, opening=opening), float(second))
    return governor.share


def test_what_is_lost_while_cameras_are_opened_slows_nobody_down() -> None:
    governor = Governor()
    assert lossy(governor, range(100, 120), opening=True) == 1.0
    assert lossy(governor, range(120, 125), opening=False) < 1.0


def test_cameras_that_come_and_go_all_the_time_are_part_of_the_load() -> None:
    governor = Governor()
    lossy(governor, range(100, 140), opening=True)
    assert governor.share < 1.0


def test_one_step_up_takes_one_step_down_back() -> None:
    governor = Governor()
    governor.update(Load(0, 0, 0.0), 0.0)
    governor.update(Load(100, 6, 0.0), 2.0)
    assert governor.share == 0.9
    for second in range(3, 20):
        governor.update(Load(100 + 20 * second, 6, 0.0), float(second))
    assert governor.share == 1.0
