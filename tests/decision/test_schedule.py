"""Time intervals: which moments they hold, in which time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config_times import TimeInterval
from monitor.decision.schedule import DAY_MINUTES, Interval, TimeRange, any_holds

BERLIN = ZoneInfo("Europe/Berlin")


def interval(**keys: object) -> Interval:
    return TimeInterval.model_validate({"location": "Europe/Berlin", **keys}).interval()


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


EARLY = datetime.fromisoformat("2000-01-03")
LATE = datetime.fromisoformat("2037-01-01")

WELDING = interval(times=[{"start_time": "07:00", "end_time": "16:30"}], weekdays=["monday:friday"])


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2027-03-01T06:59:59", False),
        ("2027-03-01T07:00:00", True),
        ("2027-03-01T16:29:59", True),
        ("2027-03-01T16:30:00", False),
        ("2027-03-06T12:00:00", False),  # a Saturday
    ],
)
def test_working_hours_begin_and_end_on_the_minute(moment: str, holds: bool) -> None:
    assert WELDING.holds(at(moment)) is holds


def test_a_range_past_midnight_belongs_to_the_day_it_begins_on() -> None:
    friday_night = interval(
        times=[{"start_time": "22:00", "end_time": "02:00"}], weekdays=["friday"]
    )
    assert not friday_night.holds(at("2027-03-05T01:00:00"))  # Friday, before its night
    assert friday_night.holds(at("2027-03-05T23:00:00"))
    assert friday_night.holds(at("2027-03-06T01:59:00"))
    assert not friday_night.holds(at("2027-03-06T02:00:00"))
    assert not friday_night.holds(at("2027-03-06T23:00:00"))


def test_clock_time_follows_summer_time() -> None:
    summer, winter = at("2027-07-01T07:30:00"), at("2027-01-04T07:30:00")
    assert WELDING.holds(summer)
    assert WELDING.holds(winter)
    assert datetime.fromtimestamp(summer, UTC).hour != datetime.fromtimestamp(winter, UTC).hour


def test_the_hour_left_out_in_spring_does_not_come_and_that_of_autumn_comes_twice() -> None:
    night = interval(times=[{"start_time": "02:00", "end_time": "03:00"}])

    def minutes(day: str) -> int:
        start = at(f"{day}T00:00:00")
        return sum(night.holds(start + 60 * minute) for minute in range(6 * 60))

    assert minutes("2027-03-28") == 0
    assert minutes("2027-10-31") == 120
    assert minutes("2027-06-01") == 60


def test_days_of_the_month_count_from_the_end_as_well() -> None:
    last = interval(days_of_month=["-1"])
    assert last.holds(at("2028-02-29T12:00:00"))
    assert not last.holds(at("2028-02-28T12:00:00"))
    assert interval(days_of_month=["1:-1"]).holds(at("2027-02-28T12:00:00"))


def test_months_and_years_limit_too() -> None:
    summer = interval(months=["may:august", 12], years=[2027])
    assert summer.holds(at("2027-06-01T00:00:00"))
    assert summer.holds(at("2027-12-01T00:00:00"))
    assert not summer.holds(at("2027-09-01T00:00:00"))
    assert not summer.holds(at("2028-06-01T00:00:00"))


def test_ranges_of_days_and_months_may_go_past_the_last() -> None:
    assert interval(weekdays=["saturday:monday"]).weekdays == {5, 6, 0}
    assert interval(months=["november:february"]).months == {11, 12, 1, 2}


def test_what_is_empty_always_holds_and_no_interval_never() -> None:
    assert Interval().holds(0.0)
    assert not any_holds((), 0.0)


@given(
    st.integers(0, DAY_MINUTES - 1),
    st.integers(0, DAY_MINUTES),
    st.datetimes(EARLY, LATE),
)
def test_a_range_and_the_rest_of_the_day_never_hold_both(
    start: int, end: int, moment: datetime
) -> None:
    if start == end:
        return
    unix = moment.replace(tzinfo=BERLIN).timestamp()
    one = Interval(times=(TimeRange(start, end),), zone=BERLIN)
    rest = Interval(times=(TimeRange(end % DAY_MINUTES, start or DAY_MINUTES),), zone=BERLIN)
    if end % DAY_MINUTES == start:
        assert one.holds(unix)
    else:
        assert one.holds(unix) != rest.holds(unix)


@given(st.datetimes(EARLY, LATE))
def test_nothing_changes_within_a_minute(moment: datetime) -> None:
    unix = moment.replace(second=0, microsecond=0, tzinfo=UTC).timestamp()
    assert len({WELDING.holds(unix + second) for second in (0.0, 1.0, 59.999)}) == 1


@given(st.datetimes(EARLY, LATE), st.integers(1, 52))
def test_a_week_later_the_same_weekly_interval_holds(moment: datetime, weeks: int) -> None:
    now = moment.replace(tzinfo=BERLIN)
    later = now + timedelta(weeks=weeks)  # the same clock time
    if now.astimezone(UTC).astimezone(BERLIN) != now.replace(fold=0):
        return
    assert WELDING.holds(now.timestamp()) == WELDING.holds(later.timestamp())
