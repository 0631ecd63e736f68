"""The options of a run as they stand in its report."""

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from trainer.options import TrainOptions

# Text options that may hold a path.
_PATH_LIKE = frozenset({"average_with", "backbone", "must_beat"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One option."""

    name: str
    value: str
    given: bool
    """Whether it is another one than the default."""


def settings(options: TrainOptions) -> list[Setting]:
    """All options. Of a path only its last part is told: the report may leave the machine."""
    found = []
    for field in fields(options):
        value = getattr(options, field.name)
        given = field.default is MISSING or value != field.default
        if field.name in _PATH_LIKE:
            value = Path(value).name
        found.append(Setting(field.name, _text(value), given))
    return found


def _text(value: Any) -> str:
    if value is None or value in ("", ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Path):
        return value.name or str(value)
    if isinstance(value, tuple):
        pairs = all(isinstance(one, tuple) and len(one) == 2 for one in value)
        return ", ".join(
            f"{_text(one[0])}={_text(one[1])}" if pairs else _text(one) for one in value
        )
    return f"{value:g}" if isinstance(value, float) else str(value)
