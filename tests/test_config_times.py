"""Time intervals in the configuration: what is read, and what is refused in which words."""

import pytest
from pydantic import ValidationError

from monitor.config_times import NamedIntervals, TimeInterval, parse_time


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:00", 0), ("6:30", 390), ("17:30", 1050), ("24:00", 1440), (1050, 1050)],
)
def test_times_of_day(text: object, minutes: int) -> None:
    assert parse_time(text) == minutes


@pytest.mark.parametrize("text", ["24:01", "25:00", "7", "7h", "", -1, 1441, True, None, 7.5])
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no time of day"):
        parse_time(text)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("weekdays", "mo", "no day of the week"),
        ("weekdays", "monday:", "no day of the week"),
        ("months", "13", "no month"),
        ("months", "0", "no month"),
        ("days_of_month", "0", "no day of the month"),
        ("days_of_month", "5:2", "no day of the month"),
        ("days_of_month", "32", "no day of the month"),
        ("years", "1", "no year"),
        ("years", "2028:2027", "no year"),
    ],
)
def test_what_is_no_range_is_refused(key: str, value: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TimeInterval.model_validate({key: [value]})


def test_an_unknown_time_zone_is_refused() -> None:
    for zone in ("Europe/Berlim", "../etc/passwd", ""):
        with pytest.raises(ValidationError, match="time zone"):
            TimeInterval.model_validate({"location": zone})


def test_a_part_of_the_day_without_length_is_refused() -> None:
    with pytest.raises(ValidationError, match="the same"):
        TimeInterval.model_validate({"times": [{"start_time": "07:00", "end_time": "07:00"}]})


def test_short_names_of_days_and_months_are_taken() -> None:
    part = TimeInterval.model_validate({"weekdays": ["Mon:Fri"], "months": ["jan"]}).interval()
    assert part.weekdays == {0, 1, 2, 3, 4}
    assert part.months == {1}


def test_an_entry_without_intervals_is_refused() -> None:
    with pytest.raises(ValidationError):
        NamedIntervals.model_validate({"name": "never", "time_intervals": []})
