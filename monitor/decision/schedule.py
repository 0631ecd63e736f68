"""Times of day, days and months at which something holds: pure, a moment in and yes or no out.

The shape is that of Alertmanager's ``time_intervals``. Clock time is that of a place, so a range
follows summer time: what lies within the hour that is left out in spring does not come on that
day, and what lies within the hour that comes twice in autumn comes twice.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A part of the day, from ``start`` up to and without ``end``, in minutes since midnight.

    With an end at or before its start it goes past midnight and belongs to the day it begins on.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Moments at which all of these hold; what is empty does not limit."""

    times: tuple[TimeRange, ...] = ()
    weekdays: frozenset[int] = frozenset()
    """0 is Monday."""
    days_of_month: tuple[tuple[int, int], ...] = ()
    """First and last day; -1 is the last day of the month."""
    months: frozenset[int] = frozenset()
    """1 is January."""
    years: tuple[tuple[int, int], ...] = ()
    """First and last year."""
    zone: tzinfo | None = None
    """None: the machine's own time zone."""

    def holds(self, at: float) -> bool:
        """Whether it holds at a Unix time."""
        local = datetime.fromtimestamp(at, self.zone)
        today = local.date()
        if not self.times:
            return self._has(today)
        minute = local.hour * 60 + local.minute
        for part in self.times:
            if part.start < part.end:
                if part.start <= minute < part.end and self._has(today):
                    return True
            elif minute >= part.start:
                if self._has(today):
                    return True
            elif minute < part.end and self._has(today - timedelta(days=1)):
                return True
        return False

    def _has(self, day: date) -> bool:
        return (
            (not self.weekdays or day.weekday() in self.weekdays)
            and (not self.months or day.month in self.months)
            and (not self.years or any(a <= day.year <= b for a, b in self.years))
            and (not self.days_of_month or self._has_day_of_month(day))
        )

    def _has_day_of_month(self, day: date) -> bool:
        _, length = calendar.monthrange(day.year, day.month)

        def number(given: int) -> int:
            return given if given > 0 else length + 1 + given

        return any(number(a) <= day.day <= number(b) for a, b in self.days_of_month)


def any_holds(intervals: Sequence[Interval], at: float) -> bool:
    """Whether one of the intervals holds at a Unix time."""
    return any(interval.holds(at) for interval in intervals)
