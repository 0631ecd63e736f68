"""What holds for the decision whatever the frames are."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState, Transition
from monitor.inference.scored import ScoredFrame
from tests.support.decisions import WALL, decider, feed, fired, frame, rules

EDGES = {
    (AlertState.INACTIVE, AlertState.PENDING),
    (AlertState.PENDING, AlertState.FIRING),
    (AlertState.PENDING, AlertState.INACTIVE),
    (AlertState.FIRING, AlertState.INACTIVE),
}

# Multiples of powers of two: sums and differences of such times and scores are exact.
times = st.integers(1, 64).map(lambda eighths: eighths / 8)
shares = st.tuples(st.integers(0, 64), st.integers(0, 64)).map(
    lambda pair: (pair[0] / 64, min(pair[1], 64 - pair[0]) / 64)
)
holds = st.sampled_from([0.0, 0.5, 2.0, 5.0])
kinds = st.sampled_from(["exponential", "median", "k_of_n", "sequential"])
half_lives = st.sampled_from([0.0, 0.5, 1.0, 4.0])


@st.composite
def scenes(draw: st.DrawFn, size: int = 40) -> list[ScoredFrame]:
    """Frames at irregular times, gaps among them, with any shares of fire and smoke."""
    at = 0.0
    found = []
    for step, (fire, smoke) in draw(st.lists(st.tuples(times, shares), min_size=1, max_size=size)):
        at += step
        found.append(frame(at, fire, smoke))
    return found


@st.composite
def wild_scenes(draw: st.DrawFn) -> list[ScoredFrame]:
    """Frames whose times go anywhere."""
    found = []
    for at, wall, (fire, smoke) in draw(
        st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 2e9), shares), max_size=40)
    ):
        found.append(frame(at, fire, smoke, wall=wall))
    return found


def assert_edges(transitions: Sequence[Transition]) -> None:
    state: dict[str, AlertState] = {}
    for transition in transitions:
        assert transition.previous is state.get(transition.alert, AlertState.INACTIVE)
        assert (transition.previous, transition.state) in EDGES
        state[transition.alert] = transition.state


@given(scenes(), holds, holds, half_lives)
def test_states_move_along_the_allowed_edges(
    scene: list[ScoredFrame], hold: float, keep: float, half_life: float
) -> None:
    assert_edges(feed(decider(hold, keep, half_life=half_life), scene))


@given(wild_scenes(), holds, half_lives)
def test_time_that_goes_anywhere_harms_nothing(
    scene: list[ScoredFrame], hold: float, half_life: float
) -> None:
    camera = decider(hold, half_life=half_life)
    assert_edges(feed(camera, scene))
    last = scene[-1].captured_monotonic if scene else 0.0
    after = [frame(last + 10 + t, fire=1.0) for t in range(12)]
    feed(camera, after)
    assert camera.states()["fire"] is AlertState.FIRING


@given(scenes(), holds, half_lives)
def test_no_alert_without_evidence(scene: list[ScoredFrame], hold: float, half_life: float) -> None:
    weak = [frame(s.captured_monotonic, float(s.regions[0].scores[0]) / 2, 0.05) for s in scene]
    assert feed(decider(hold, half_life=half_life), weak) == []


@given(scenes(), holds, half_lives)
def test_smoke_alone_never_raises_fire(
    scene: list[ScoredFrame], hold: float, half_life: float
) -> None:
    smoke = [frame(s.captured_monotonic, 0.0, float(s.regions[0].scores[2])) for s in scene]
    assert "fire" not in fired(feed(decider(hold, half_life=half_life), smoke))


@given(scenes(), st.lists(shares, min_size=40, max_size=40), holds, half_lives)
def test_more_evidence_never_means_later(
    scene: list[ScoredFrame], extra: list[tuple[float, float]], hold: float, half_life: float
) -> None:
    stronger = []
    for scored, (more_fire, more_smoke) in zip(scene, extra, strict=False):
        fire, misc, smoke = (float(score) for score in scored.regions[0].scores)
        add = misc * more_fire
        stronger.append(
            frame(scored.captured_monotonic, fire + add, smoke + (misc - add) * more_smoke)
        )
    weak = fired(feed(decider(hold, half_life=half_life), scene))
    strong = fired(feed(decider(hold, half_life=half_life), stronger))
    if weak:
        assert strong
        assert min(strong.values()) <= min(weak.values())


@given(scenes(), st.lists(st.integers(0, 64), min_size=40, max_size=40), holds, half_lives)
def test_more_fire_never_means_fire_later(
    scene: list[ScoredFrame], extra: list[int], hold: float, half_life: float
) -> None:
    """The fire alert alone, on a camera without a rule for smoke."""
    only = rules(hold)[:1]
    stronger = []
    for scored, more in zip(scene, extra, strict=False):
        fire, misc, smoke = (float(score) for score in scored.regions[0].scores)
        stronger.append(frame(scored.captured_monotonic, fire + misc * more / 64, smoke))
    weak = fired(feed(decider(half_life=half_life, rule_set=only), scene))
    strong = fired(feed(decider(half_life=half_life, rule_set=only), stronger))
    if weak:
        assert strong["fire"] <= weak["fire"]


@given(scenes(), holds, half_lives, st.lists(st.integers(1, 8), min_size=60, max_size=60))
def test_certain_fire_fires_within_for_and_one_sample(
    scene: list[ScoredFrame], hold: float, half_life: float, gaps: list[int]
) -> None:
    camera = decider(hold, half_life=half_life)
    feed(camera, scene)
    already = camera.states()["fire"] is AlertState.FIRING
    at = began = scene[-1].captured_monotonic + 0.125
    certain = [frame(at, fire=1.0)]
    for eighths in gaps:
        at += eighths / 8
        certain.append(frame(at, fire=1.0))
    times_fired = fired(feed(camera, certain))
    assert already or times_fired["fire"] <= began + hold + 1.0


@given(scenes(), scenes(), st.floats(10, 1e6), half_lives)
def test_gap_alone_neither_confirms_nor_clears(
    before: list[ScoredFrame], after: list[ScoredFrame], gap: float, half_life: float
) -> None:
    """A gap does what one sample period would have done: its length does not matter."""
    last = before[-1].captured_monotonic

    def states(pause: float) -> list[tuple[str, str]]:
        late = [
            frame(
                last + pause + s.captured_monotonic - after[0].captured_monotonic,
                float(s.regions[0].scores[0]),
                float(s.regions[0].scores[2]),
            )
            for s in after
        ]
        transitions = feed(decider(2.0, 5.0, half_life=half_life), before + late)
        return [(t.alert, t.event) for t in transitions]

    assert states(1.0) == states(float(int(gap)))


@given(scenes(), st.lists(st.integers(0, 40), max_size=4), holds, half_lives, st.floats(-1e5, 1e5))
def test_restart_at_any_point_gives_the_same_alerts(
    scene: list[ScoredFrame],
    restarts: list[int],
    hold: float,
    half_life: float,
    boot: float,
) -> None:
    whole = feed(decider(hold, half_life=half_life), scene)
    camera = decider(hold, half_life=half_life)
    offset = 0.0
    parts: list[Transition] = []
    for index, scored in enumerate(scene):
        if index in restarts:
            text = camera.snapshot().to_json()
            camera = decider(hold, half_life=half_life)
            camera.restore(DeciderSnapshot.from_json(text))
            offset = float(int(boot))  # monotonic time begins anew at each boot
        at = scored.captured_monotonic
        parts += camera.update(ScoredFrame("dock", 0, WALL + at, at + offset, scored.regions))
    assert [(t.alert, t.event, t.captured_at, t.score, t.why) for t in parts] == [
        (t.alert, t.event, t.captured_at, t.score, t.why) for t in whole
    ]


@given(scenes(), half_lives)
def test_snapshot_survives_json(scene: list[ScoredFrame], half_life: float) -> None:
    camera = decider(half_life=half_life)
    feed(camera, scene)
    snapshot = camera.snapshot()
    assert DeciderSnapshot.from_json(snapshot.to_json()) == snapshot


@given(scenes(), st.lists(shares, min_size=40, max_size=40), holds, kinds)
def test_more_evidence_never_means_later_with_any_smoothing(
    scene: list[ScoredFrame], extra: list[tuple[float, float]], hold: float, kind: str
) -> None:
    stronger = []
    for scored, (more_fire, more_smoke) in zip(scene, extra, strict=False):
        fire, misc, smoke = (float(score) for score in scored.regions[0].scores)
        add = misc * more_fire
        stronger.append(
            frame(scored.captured_monotonic, fire + add, smoke + (misc - add) * more_smoke)
        )
    weak = fired(feed(decider(hold, kind=kind), scene))
    strong = fired(feed(decider(hold, kind=kind), stronger))
    if weak:
        assert strong
        assert min(strong.values()) <= min(weak.values())


@given(scenes(), holds, kinds)
def test_no_alert_without_evidence_with_any_smoothing(
    scene: list[ScoredFrame], hold: float, kind: str
) -> None:
    weak = [frame(s.captured_monotonic, float(s.regions[0].scores[0]) / 3, 0.05) for s in scene]
    assert feed(decider(hold, kind=kind), weak) == []


@given(wild_scenes(), scenes(), st.integers(0, 40), holds, kinds)
def test_restart_and_wild_times_harm_no_smoothing(
    wild: list[ScoredFrame], scene: list[ScoredFrame], restart: int, hold: float, kind: str
) -> None:
    assert_edges(feed(decider(hold, kind=kind), wild))
    whole = feed(decider(hold, kind=kind), scene)
    first = decider(hold, kind=kind)
    parts = feed(first, scene[:restart])
    second = decider(hold, kind=kind)
    second.restore(DeciderSnapshot.from_json(first.snapshot().to_json()))
    assert parts + feed(second, scene[restart:]) == whole
