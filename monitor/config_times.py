"""The section of named time intervals: the words are those of Alertmanager's ``time_intervals``."""

import re
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from monitor.config_values import NAME_PATTERN, Section
from monitor.decision.schedule import DAY_MINUTES, Interval, TimeRange

LOCAL = "Local"
"""The machine's own time zone, as Alertmanager writes it."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00")


def parse_time(value: object) -> int:
    """Minutes since midnight of ``"06:30"``; ``"24:00"`` is the end of the day.

    Without quotes YAML takes 17:30 for a number to the base of 60, which is these minutes already.

    Raises:
        ValueError: it is no time of day.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= DAY_MINUTES:
        return value
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no time of day; write it like '06:30', at most '24:00'")
    hour, minute = found.groups()
    return DAY_MINUTES if hour is None else int(hour) * 60 + int(minute)


def _text(value: object) -> object:
    """Numbers are taken as people write them: ``months: [12]``."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Range = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
]
_TimeOfDay = Annotated[
    int, BeforeValidator(parse_time), WithJsonSchema({"type": "string", "examples": ["06:30"]})
]


def named_range(text: str, names: tuple[str, ...], what: str) -> frozenset[int]:
    """Places in ``names`` of ``monday:friday`` or ``sunday``; a range may go past the last name.

    Raises:
        ValueError: a name is unknown.
    """
    first, last = _ends(text)
    places = []
    for name in (first, last):
        known = [n for n in names if n == name or (len(name) == 3 and n.startswith(name))]
        if not known:
            raise ValueError(
                f"'{name}' is no {what}; write it like '{names[0]}' or '{names[0]}:{names[4]}'"
            )
        places.append(names.index(known[0]))
    start, end = places
    count = (end - start) % len(names) + 1
    return frozenset((start + step) % len(names) for step in range(count))


def month_range(text: str) -> frozenset[int]:
    """Months of ``may:august``, ``5:8`` or ``12``, 1 to 12.

    Raises:
        ValueError: there is no such month.
    """
    first, last = (
        _MONTHS[int(end) - 1] if end.isdigit() and 1 <= int(end) <= 12 else end
        for end in _ends(text)
    )
    return frozenset(place + 1 for place in named_range(f"{first}:{last}", _MONTHS, "month"))


def number_range(text: str, low: int, high: int, what: str) -> tuple[int, int]:
    """First and last number of ``1:5``, ``-3:-1`` or ``7``.

    Raises:
        ValueError: they are no numbers within ``low`` and ``high``, or 0, or the wrong way round.
    """
    wrong = ValueError(
        f"'{text}' is no {what}; write one like '{max(low, 1)}', or a range in quotes like "
        f"'{max(low, 1)}:{max(low, 1) + 4}'"
    )
    try:
        first, last = (int(end) for end in _ends(text))
    except ValueError:
        raise wrong from None
    ordered = first <= last or (first > 0) != (last > 0)
    if not (low <= first <= high and low <= last <= high) or not first or not last or not ordered:
        raise wrong
    return first, last


def _ends(text: str) -> tuple[str, str]:
    first, colon, last = text.strip().lower().partition(":")
    return first.strip(), last.strip() if colon else first.strip()


class TimesOfDay(Section):
    """A part of the day."""

    start_time: _TimeOfDay = Field(description="From this time of day, like '17:30'.")
    end_time: _TimeOfDay = Field(
        description="Up to this one; before start_time it means that of the next day."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.start_time == self.end_time:
            raise ValueError(
                "start_time and end_time are the same; for the whole day leave `times` out"
            )
        return self


class TimeInterval(Section):
    """Moments at which all of these hold; what is left out does not limit."""

    times: list[TimesOfDay] = Field(default_factory=list, description="Parts of the day.")
    weekdays: list[_Range] = Field(
        default_factory=list, description="Days of the week, like 'saturday' or 'monday:friday'."
    )
    days_of_month: list[_Range] = Field(
        default_factory=list,
        description="Days of the month, like '1:7'; '-1' is the last day of the month.",
    )
    months: list[_Range] = Field(
        default_factory=list, description="Months, like 'may:august', '5:8' or 12."
    )
    years: list[_Range] = Field(
        default_factory=list, description="Years, like 2027 or '2027:2029'."
    )
    location: str = Field(
        LOCAL, description="Time zone, like Europe/Berlin; Local: that of the machine."
    )

    @field_validator("weekdays")
    @classmethod
    def _known_days(cls, value: list[str]) -> list[str]:
        for text in value:
            named_range(text, _DAYS, "day of the week")
        return value

    @field_validator("days_of_month")
    @classmethod
    def _known_days_of_month(cls, value: list[str]) -> list[str]:
        for text in value:
            number_range(text, -31, 31, "day of the month")
        return value

    @field_validator("months")
    @classmethod
    def _known_months(cls, value: list[str]) -> list[str]:
        for text in value:
            month_range(text)
        return value

    @field_validator("years")
    @classmethod
    def _known_years(cls, value: list[str]) -> list[str]:
        for text in value:
            number_range(text, 1970, 9999, "year")
        return value

    @field_validator("location")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value != LOCAL:
            _zone(value)
        return value

    def interval(self) -> Interval:
        """What the decision takes."""
        weekdays = [named_range(text, _DAYS, "day") for text in self.weekdays]
        months = [month_range(text) for text in self.months]
        return Interval(
            times=tuple(TimeRange(part.start_time, part.end_time) for part in self.times),
            weekdays=frozenset().union(*weekdays),
            days_of_month=tuple(
                number_range(text, -31, 31, "day of the month") for text in self.days_of_month
            ),
            months=frozenset().union(*months),
            years=tuple(number_range(text, 1970, 9999, "year") for text in self.years),
            zone=None if self.location == LOCAL else _zone(self.location),
        )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"the time zone '{name}' is unknown on this machine; write it like Europe/Berlin, or "
            f"{LOCAL}, and see that the package tzdata is installed"
        ) from error


class NamedIntervals(Section):
    """Times that rules and cameras refer to by name."""

    name: str = Field(pattern=NAME_PATTERN, description="What they are called by; unique.")
    time_intervals: list[TimeInterval] = Field(
        min_length=1, description="When: one of these is enough."
    )
