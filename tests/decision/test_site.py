"""Agreement between cameras that see one place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Config
from monitor.decision.decider import Decider
from monitor.decision.rule_set import HAZARD
from monitor.decision.settings import DecisionSettings, SmoothingSettings
from monitor.decision.site import SiteBoard, SiteSettings, site_settings
from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState, Transition
from monitor.inference.scored import ScoredFrame
from tests.support.decisions import LABELS, frame, rules

CAMERAS = ("north", "south", "east")
STALE_AFTER = 4.0
WITHIN = 6.0
CERTAIN = 0.95


def board(agree: int = 2, cameras: Sequence[str] = CAMERAS, at: float = 0.0) -> SiteBoard:
    made = SiteBoard(SiteSettings("hall", agree, WITHIN))
    for name in cameras:
        made.join(name, STALE_AFTER, [HAZARD], at)
    return made


def see(
    made: SiteBoard, camera: str, at: float, *, active: bool = False, able: bool = True
) -> None:
    made.saw(camera, at, able=[HAZARD] if able else [], active=[HAZARD] if active else [])


def held(made: SiteBoard, camera: str, at: float) -> bool:
    return HAZARD in made.held(camera, [HAZARD], at)


def test_a_camera_alone_is_held_and_a_second_one_that_agrees_frees_both() -> None:
    made = board()
    for name in CAMERAS:
        see(made, name, 1.0)
    assert held(made, "north", 2.0)
    see(made, "south", 2.0, active=True)
    assert not held(made, "north", 2.5)


def test_agreement_lasts_no_longer_than_within() -> None:
    made = board()
    see(made, "south", 1.0, active=True)
    for name in CAMERAS:
        see(made, name, 7.0)
    assert not held(made, "north", 7.0)
    assert held(made, "north", 7.1)


def test_cameras_that_are_stale_or_blind_need_not_agree() -> None:
    made = board()
    see(made, "south", 1.0)
    see(made, "east", 1.0)
    assert held(made, "north", 5.0)
    assert not held(made, "north", 5.1)
    see(made, "south", 6.0)
    assert held(made, "north", 6.0)
    made.blind("south")
    assert not held(made, "north", 6.0)


def test_one_of_three_that_is_blind_leaves_two_that_must_agree() -> None:
    made = board(agree=3)
    see(made, "south", 1.0, active=True)
    see(made, "east", 1.0)
    assert held(made, "north", 1.0)
    made.blind("east")
    assert not held(made, "north", 1.0)


def test_a_camera_whose_rule_does_not_hold_need_not_agree() -> None:
    made = board(cameras=CAMERAS[:2])
    see(made, "south", 1.0, able=False)
    assert not held(made, "north", 1.0)


def test_a_camera_that_has_just_joined_is_waited_for() -> None:
    made = board(cameras=CAMERAS[:2], at=100.0)
    assert held(made, "north", 100.0 + STALE_AFTER)
    assert not held(made, "north", 100.1 + STALE_AFTER)


def test_a_camera_that_left_counts_no_more() -> None:
    made = board(cameras=CAMERAS[:2])
    made.leave("south")
    assert not held(made, "north", 0.0)
    assert not held(made, "south", 0.0)


def test_a_site_without_agreement_holds_nothing() -> None:
    assert not held(board(agree=1), "north", 0.0)


def test_settings_are_of_sites_that_ask_for_agreement_and_have_enabled_cameras() -> None:
    config = Config.model_validate(
        {
            "cameras": [
                {"name": "a", "url": "rtsp://h/a", "site": "hall"},
                {"name": "b", "url": "rtsp://h/b", "site": "yard"},
                {"name": "c", "url": "rtsp://h/c", "site": "roof", "enabled": False},
                {"name": "d", "url": "rtsp://h/d"},
            ],
            "sites": [
                {"name": "hall", "agree": 2, "within": "20s"},
                {"name": "yard", "agree": 1},
                {"name": "roof", "agree": 2},
            ],
        }
    )
    assert site_settings(config) == {"hall": SiteSettings("hall", 2, 20.0)}


@dataclass(frozen=True)
class Look:
    """A frame of one camera."""

    camera: str
    scored: ScoredFrame


class Hall:
    """Three cameras with their deciders and the board between them, as the watch runs them."""

    def __init__(self, agree: int, hold: float = 1.0) -> None:
        self.agree = agree
        self.hold = hold
        self.board = board(agree)
        self.deciders = {name: self._decider(name) for name in CAMERAS}
        self.active: dict[str, float] = {}
        self.seen = dict.fromkeys(CAMERAS, 0.0)

    def _decider(self, camera: str) -> Decider:
        settings = DecisionSettings(smoothing=SmoothingSettings(half_life=0.0), certain=CERTAIN)
        return Decider(camera, rules(self.hold, 3.0), LABELS, settings)

    def look(self, camera: str, scored: ScoredFrame) -> list[Transition]:
        mine = self.deciders[camera]
        at = scored.captured_monotonic
        held = self.board.held(camera, mine.incidents, at)
        found = mine.update(scored, (), held)
        active = any(mine.states().values()) or bool(found)
        self.board.saw(camera, at, able={HAZARD}, active={HAZARD} if active else set())
        self.seen[camera] = at
        if active:
            self.active[camera] = at
        return found

    def restart(self, at: float) -> None:
        """As the watch does: decisions from their snapshots, the board from what is stored."""
        kept = {name: mine.snapshot().to_json() for name, mine in self.deciders.items()}
        self.board = board(self.agree, at=at)
        for name, text in kept.items():
            self.deciders[name] = self._decider(name)
            self.deciders[name].restore(DeciderSnapshot.from_json(text))
            if name in self.active:
                self.board.recall(name, HAZARD, self.active[name])

    def others(self, camera: str, at: float) -> tuple[int, int]:
        """How many others agree, and how many could."""
        rest = [name for name in CAMERAS if name != camera]
        agreeing = sum(at - self.active.get(name, -100.0) <= WITHIN for name in rest)
        return agreeing, sum(at - self.seen[name] <= STALE_AFTER for name in rest)


@st.composite
def sightings(draw: st.DrawFn) -> list[Look]:
    """Frames of three cameras in turn at irregular times, with any shares of fire and smoke."""
    at = 0.0
    found = []
    looks = st.tuples(
        st.sampled_from(CAMERAS),
        st.sampled_from([0.125, 0.25, 0.5, 1.0, 3.0, 8.0]),
        st.sampled_from([0.0, 0.2, 0.7, 0.9, 1.0]),
        st.booleans(),
    )
    for camera, step, score, is_fire in draw(st.lists(looks, min_size=1, max_size=60)):
        at += step
        scored = frame(at, score, 0.0) if is_fire else frame(at, 0.0, score)
        found.append(Look(camera, ScoredFrame(camera, 0, 1e9 + at, at, scored.regions)))
    return found


def fired(transitions: Iterable[Transition]) -> list[Transition]:
    return [t for t in transitions if t.state is AlertState.FIRING]


@given(sightings(), st.integers(2, 3))
def test_nothing_fires_without_agreement_unless_it_is_certain(
    scene: list[Look], agree: int
) -> None:
    hall = Hall(agree)
    for sight in scene:
        at = sight.scored.captured_monotonic
        agreeing, able = hall.others(sight.camera, at)
        for transition in fired(hall.look(sight.camera, sight.scored)):
            assert transition.score >= CERTAIN or 1 + agreeing >= min(agree, 1 + able)


@given(sightings(), st.integers(1, 3))
def test_a_certain_fire_fires_at_any_camera_within_for_and_one_sample(
    scene: list[Look], agree: int
) -> None:
    hall = Hall(agree)
    for sight in scene:
        hall.look(sight.camera, sight.scored)
    at = scene[-1].scored.captured_monotonic
    for step in range(1, 4):
        scored = frame(at + step, fire=1.0)
        hall.look("north", ScoredFrame("north", 0, 1e9 + at, at + step, scored.regions))
    assert hall.deciders["north"].states()["fire"] is AlertState.FIRING


@given(sightings(), st.integers(2, 3))
def test_a_site_never_fires_before_its_cameras_would_alone(scene: list[Look], agree: int) -> None:
    """Agreement only ever delays: what fires with it fired without it by then."""
    alone, together = Hall(1), Hall(agree)
    begun: set[tuple[str, str]] = set()
    for sight in scene:
        begun |= {(t.camera, t.incident) for t in fired(alone.look(sight.camera, sight.scored))}
        for transition in fired(together.look(sight.camera, sight.scored)):
            assert (transition.camera, transition.incident) in begun


@given(sightings(), st.integers(2, 3), st.sets(st.integers(0, 59), max_size=4))
def test_restart_at_any_point_forgets_no_agreement(
    scene: list[Look], agree: int, restarts: set[int]
) -> None:
    """A restart may make a camera wait for those that it has not seen again, and nothing else."""
    hall = Hall(agree)
    for index, sight in enumerate(scene):
        at = sight.scored.captured_monotonic
        agreeing, _ = hall.others(sight.camera, at)
        if index in restarts:
            hall.restart(at)
        held = HAZARD in hall.board.held(sight.camera, [HAZARD], at)
        if 1 + agreeing >= agree:
            assert not held
        hall.look(sight.camera, sight.scored)


@given(sightings(), st.integers(2, 3), st.sets(st.sampled_from(CAMERAS)))
def test_blind_cameras_only_ever_lower_what_is_needed(
    scene: list[Look], agree: int, gone: set[str]
) -> None:
    hall = Hall(agree)
    for sight in scene:
        hall.look(sight.camera, sight.scored)
    at = scene[-1].scored.captured_monotonic
    before = {name for name in CAMERAS if HAZARD in hall.board.held(name, [HAZARD], at)}
    for name in gone:
        hall.board.blind(name)
    after = {name for name in CAMERAS if HAZARD in hall.board.held(name, [HAZARD], at)}
    assert after <= before
    if len(gone) == len(CAMERAS):
        assert not after
