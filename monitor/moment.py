"""Moments as people write them in tables and arguments."""

import math
from datetime import datetime


def parse_moment(text: str) -> float:
    """Unix time, seconds, of a number or of ISO 8601 such as ``2026-03-01T14:30:00+01:00``.

    Raises:
        ValueError: the text is no time, or says no time zone.
    """
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if math.isfinite(seconds):
            return seconds
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write Unix seconds, or like 2026-03-01T14:30:00+01:00"
        ) from None
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} says no time zone; add one, like +01:00 or Z")
    return parsed.timestamp()
