"""What decisions stand at over time, collected and drawn."""

import re
from collections.abc import Iterable
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decision.decider import Decider
from monitor.decision.state import AlertState, RuleLevels
from monitor.errors import EmberwatchError
from monitor.explain import MOST_SAMPLES, Timeline, TimelineCollector
from monitor.explain_picture import HEIGHT, WIDTH, picture, timeline_svg
from monitor.inference.scored import ScoredFrame
from tests.support.decisions import decider, frame

_SVG = "{http://www.w3.org/2000/svg}"


def timeline_of(camera: Decider, frames: Iterable[ScoredFrame], title: str = "yard") -> Timeline:
    collector = TimelineCollector(title, unix=False)
    for scored in frames:
        transitions = camera.update(scored)
        collector.add(scored.captured_monotonic, camera.levels(), transitions)
    return collector.timeline()


def burning() -> Timeline:
    """Ten seconds of nothing, ten of fire, twenty of nothing."""
    frames = [frame(at, 0.9 if 10 <= at < 20 else 0.02) for at in range(40)]
    return timeline_of(decider(half_life=1.0), frames)


def test_states_of_an_alert_are_drawn_as_one_strip_without_a_hole() -> None:
    fire, smoke = picture(burning()).panels
    assert [span.kind for span in fire.states] == ["inactive", "pending", "firing", "inactive"]
    assert smoke.states[0].kind == "inactive"
    for before, after in pairwise(fire.states):
        assert before.at + before.width == pytest.approx(after.at, abs=0.11)
    assert fire.states[0].at == 0
    assert fire.states[-1].at + fire.states[-1].width == pytest.approx(WIDTH, abs=0.11)


def test_each_change_of_state_is_told_with_its_numbers() -> None:
    timeline = burning()
    fire = picture(timeline).panels[0]
    told = [m.transition for m in timeline.moments if m.transition.alert == "fire"]
    assert [badge.kind for badge in fire.badges] == [t.state.label for t in told]
    for badge, transition in zip(fire.badges, told, strict=True):
        assert transition.event in badge.text
        assert f"{transition.why.smoothed:.3f} against {transition.why.threshold:.3f}" in badge.text
        assert f"region {transition.why.region}" in badge.text


def test_the_file_is_complete_in_itself_and_can_be_read_aloud() -> None:
    text = timeline_svg(burning())
    root = ElementTree.fromstring(text)  # noqa: S314 - written by this program
    assert root.get("role") == "img"
    assert root.findtext(f"{_SVG}title") == "Why the alerts changed: yard"
    assert "fire 11.00 s  pending" in (root.findtext(f"{_SVG}desc") or "")
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"href|url\(|@import|<script", text)
    words = {element.text for element in root.iter(f"{_SVG}text")}
    assert {"score", "smoothed", "threshold", "clearing level", "evidence"} <= words
    assert "seconds of the clip" in words


def test_the_name_of_a_clip_is_text_and_never_markup() -> None:
    timeline = timeline_of(decider(), [frame(0.0)], title="<script>&.mp4")
    root = ElementTree.fromstring(timeline_svg(timeline))  # noqa: S314 - written by this program
    assert "<script>&.mp4" in [element.text for element in root.iter(f"{_SVG}text")]


def test_regions_are_shown_where_several_decided() -> None:
    frames = [
        frame(at, regions=[("full", 0.2 if at < 5 else 0.0, 0.0), ("gate", 0.1, 0.0)])
        for at in range(20)
    ]
    fire = picture(timeline_of(decider(), frames)).panels[0]
    assert [span.shown for span in fire.regions] == ["full", "gate"]
    assert picture(burning()).panels[0].regions == ()


def test_a_gap_is_not_drawn_over() -> None:
    frames = [frame(float(at), 0.1) for at in (*range(10), *range(60, 70))]
    lines = picture(timeline_of(decider(), frames)).panels[0].chart.lines
    assert sum(line.name == "smoothed" for line in lines) == 2


def test_a_spike_of_one_frame_in_a_long_stretch_is_seen() -> None:
    frames = [frame(float(at), 0.8 if at == 7001 else 0.0) for at in range(12000)]
    lines = picture(timeline_of(decider(), frames)).panels[0].chart.lines
    (score,) = (line for line in lines if line.name == "score")
    downs = [float(pair.split(",")[1]) for pair in score.path.split()]
    assert min(downs) == pytest.approx(0.2 * HEIGHT, abs=0.2)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(-5, 1e4), st.floats(0, 1)), min_size=1, max_size=40))
def test_whatever_comes_is_drawn_within_the_picture(rows: list[tuple[float, float]]) -> None:
    drawn = picture(timeline_of(decider(0.0, 0.0), [frame(at, fire) for at, fire in rows]))
    for panel in drawn.panels:
        for span in (*panel.states, *panel.regions):
            assert 0 <= span.at <= WIDTH
        for badge in panel.badges:
            assert 0 <= badge.at <= WIDTH
            assert 0 <= badge.up <= HEIGHT
            assert badge.label_at <= WIDTH


def test_a_timeline_without_a_frame_is_refused_and_one_too_long_as_well() -> None:
    collector = TimelineCollector("yard", unix=False)
    with pytest.raises(ValueError, match="without a frame"):
        picture(collector.timeline())
    levels = (RuleLevels("fire", AlertState.INACTIVE, True, "full", 0.1, 0.1, 0.0, 0.6, 0.48),)
    for at in range(MOST_SAMPLES):
        collector.add(float(at), levels, ())
    with pytest.raises(EmberwatchError, match="shorter stretch"):
        collector.add(0.0, levels, ())
