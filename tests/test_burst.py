"""Who gets a burst, for how long, and within which budget."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.burst import LINGER_SECONDS, Bursts, BurstSettings

NAMES = ("dock", "yard", "hall", "roof")
USUAL = dict.fromkeys(NAMES, 1.0)


def test_a_camera_is_in_a_burst_while_its_alert_is_pending_and_a_moment_longer() -> None:
    bursts = Bursts(BurstSettings())
    assert bursts.update([], USUAL, 0.0) == set()
    assert bursts.update(["dock"], USUAL, 1.0) == {"dock"}
    assert bursts.update([], USUAL, 1.0 + LINGER_SECONDS) == {"dock"}
    assert bursts.update([], USUAL, 1.1 + LINGER_SECONDS) == set()


def test_no_more_than_the_budget_and_first_come_first_served() -> None:
    bursts = Bursts(BurstSettings(cameras=2))
    assert bursts.update(["yard"], USUAL, 0.0) == {"yard"}
    assert bursts.update(["yard", "dock", "hall"], USUAL, 1.0) >= {"yard"}
    bursts.update(["yard", "dock", "hall", "roof"], USUAL, 2.0)
    later = bursts.update(["dock", "hall", "roof"], USUAL, 5.0)
    assert later == {"dock", "hall"}
    assert bursts.update(["roof"], USUAL, 8.0) == {"roof"}


def test_a_burst_ends_after_its_longest_time_and_makes_room_for_the_next() -> None:
    bursts = Bursts(BurstSettings(cameras=1, max_seconds=10.0))
    assert bursts.update(["dock"], USUAL, 0.0) == {"dock"}
    assert bursts.update(["dock", "yard"], USUAL, 9.9) == {"dock"}
    assert bursts.update(["dock", "yard"], USUAL, 10.0) == {"yard"}
    assert bursts.update(["dock"], USUAL, 12.1) == set(), "it has had its burst"
    bursts.update([], USUAL, 15.0)
    assert bursts.update(["dock"], USUAL, 16.0) == {"dock"}, "another alert, another burst"


def test_a_camera_whose_burst_took_its_longest_time_has_another_for_its_next_alert() -> None:
    bursts = Bursts(BurstSettings(max_seconds=30.0))

    def come_round(pending: list[str], now: float) -> set[str]:
        """As the daemon's loop does, which is idle where nothing is to be handed out."""
        return bursts.update(pending, USUAL, now) if pending or not bursts.idle else set()

    assert come_round(["dock"], 0.0) == {"dock"}
    assert come_round(["dock"], 40.0) == set(), "it has had its burst"
    for now in (41.0, 43.0):
        assert come_round([], now) == set()
    assert bursts.idle
    assert come_round(["dock"], 4000.0) == {"dock"}


def test_a_camera_that_is_sampled_as_often_anyway_takes_no_place() -> None:
    bursts = Bursts(BurstSettings(fps=5.0, cameras=1))
    assert bursts.update(["fast", "dock"], USUAL | {"fast": 5.0}, 0.0) == {"dock"}


def test_a_camera_that_is_gone_gives_its_place_back() -> None:
    bursts = Bursts(BurstSettings(cameras=1))
    assert bursts.update(["dock", "yard"], {"dock": 1.0}, 0.0) == {"dock"}
    assert bursts.update(["yard"], {"yard": 1.0}, 0.5) == {"yard"}


def test_zero_switches_it_off() -> None:
    assert Bursts(BurstSettings(fps=0.0)).update(NAMES, USUAL, 0.0) == set()


@given(
    st.lists(st.tuples(st.sets(st.sampled_from(NAMES)), st.floats(0.0, 20.0)), max_size=40),
    st.integers(1, 4),
)
def test_the_budget_holds_whatever_happens(rounds: list[tuple[set[str], float]], most: int) -> None:
    bursts, now = Bursts(BurstSettings(cameras=most, max_seconds=15.0)), 0.0
    began: dict[str, float] = {}
    for pending, seconds in rounds:
        now += seconds
        active = bursts.update(pending, USUAL, now)
        assert len(active) <= most
        began = {name: began.get(name, now) for name in active}
        assert all(now - at < 15.0 for at in began.values())
