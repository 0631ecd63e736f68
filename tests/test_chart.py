import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.chart import HEIGHT, WIDTH, Axis, Line, Mark, chart, fitting, peaks, ticks

numbers = st.floats(-1e6, 1e6)


@given(numbers, st.floats(1e-6, 1e6))
def test_ticks_are_a_few_round_numbers_on_the_axis(low: float, span: float) -> None:
    found = ticks(Axis("x", low, low + span))
    assert len(found) <= 7
    # Numbers of that size have no more digits.
    margin = span * 1e-6 + 4 * math.ulp(max(abs(low), abs(low + span)))
    assert all(low - margin <= value <= low + span + margin for value in found)


def test_ticks_of_shares_are_in_steps_of_a_fifth() -> None:
    drawn = chart("t", Axis("x", 0, 1, percent=True), Axis("y", 0, 1), [])
    assert [tick.text for tick in drawn.x_ticks] == [
        "0 %", "20 %", "40 %", "60 %", "80 %", "100 %"
    ]  # fmt: skip
    assert (drawn.x_ticks[0].at, drawn.x_ticks[-1].at) == (0, WIDTH)
    assert (drawn.y_ticks[0].at, drawn.y_ticks[-1].at) == (HEIGHT, 0)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=700))
def test_every_line_stays_inside_and_keeps_its_ends(points: list[tuple[float, float]]) -> None:
    (line,) = chart(
        "t", Axis("x", -10, 10), Axis("y", 0, 5), [Line("a", tuple(points))]
    ).lines  # fmt: skip
    placed = [tuple(map(float, pair.split(","))) for pair in line.path.split()]
    assert len(placed) == min(len(points), 300)
    assert all(0 <= across <= WIDTH and 0 <= down <= HEIGHT for across, down in placed)
    whole = chart("t", Axis("x", -10, 10), Axis("y", 0, 5), [Line("a", (points[0], points[-1]))])
    ends = [tuple(map(float, pair.split(","))) for pair in whole.lines[0].path.split()]
    assert [placed[0], placed[-1]] == ends


def test_what_is_no_number_is_left_out_and_a_lone_point_is_dotted() -> None:
    lines = [
        Line("gap", ((0, 1), (1, math.nan), (2, 2))),
        Line("none", ((math.inf, 0),)),
        Line("one", ((1, 1),)),
    ]
    drawn = chart("t", Axis("x", 0, 2), Axis("y", 0, 2), lines, [Mark("here", (1, 1))])
    assert [line.name for line in drawn.lines] == ["gap", "one"]
    assert len(drawn.lines[0].path.split()) == 2
    assert drawn.lines[1].dots == ((WIDTH / 2, HEIGHT / 2),)
    assert drawn.marks[0].at == (WIDTH / 2, HEIGHT / 2)


@pytest.mark.parametrize(
    ("values", "percent", "low", "high"),
    [([0.5, 2.0], False, 0, 2.1), ([0.0], False, 0, 1), ([], False, 0, 1),
     ([0.87, 0.99], True, 0.8, 1), ([1.0], True, 0.9, 1), ([math.nan, 0.5], True, 0.5, 1)],
)  # fmt: skip
def test_an_axis_fits_its_values(
    values: list[float], percent: bool, low: float, high: float
) -> None:
    axis = fitting("y", values, percent=percent)
    assert [axis.low, axis.high] == pytest.approx([low, high])


def test_a_logarithmic_axis_shows_zero_apart_and_the_powers_of_ten() -> None:
    axis = Axis("false alarms", 0.1, 100, logarithmic=True)
    assert ticks(axis) == pytest.approx([0, 0.1, 1, 10, 100])
    places = [axis.place(value) for value in (0, 0.1, 1, 10, 100)]
    assert places[0] == 0
    assert places[-1] == pytest.approx(1)
    steps = [later - earlier for earlier, later in itertools.pairwise(places[1:])]
    assert steps == pytest.approx([steps[0]] * 3)
    assert places[1] > 0


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=500), st.integers(1, 40))
def test_no_peak_of_a_line_is_lost(points: list[tuple[float, float]], stretches: int) -> None:
    kept = peaks(points, stretches)
    assert len(kept) <= 4 * stretches or len(kept) == len(points)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    for choose in (min, max):
        assert choose(y for _, y in kept) == choose(y for _, y in points)
