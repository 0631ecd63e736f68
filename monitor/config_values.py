"""What the sections of the configuration are made of: their base class, durations, addresses."""

import re
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
DURATION_PATTERN = r"^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$"

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_BARE_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def parse_duration(value: object) -> object:
    """Seconds from ``30``, ``"30s"``, ``"1m30s"`` or ``"500ms"``, as Prometheus writes them.

    What is no text is handed on to pydantic, which refuses what is no number.

    Raises:
        ValueError: the text is no duration.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _DURATION.sub("", text) and text:
        return sum(
            float(number) * _DURATION_UNITS[unit] for number, unit in _DURATION.findall(text)
        )
    if _BARE_NUMBER.fullmatch(text):
        # A number in YAML is seconds, as its schema says. On a command line nothing says so, and
        # a silence of 2 seconds where 2 hours were meant wakes people all the same.
        raise ValueError(
            f"{value!r} is no duration, for want of a unit; write {text}s, {text}m, {text}h or "
            f"{text}d"
        )
    raise ValueError(f"{value!r} is no duration; write it like 30s, 1m30s or 500ms")


def _duration_schema(lowest: str) -> WithJsonSchema:
    number = {"type": "number", lowest: 0, "maximum": LONGEST_SECONDS}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": DURATION_PATTERN}]})


LONGEST_SECONDS = 7 * 86400

Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, le=LONGEST_SECONDS),
    _duration_schema("minimum"),
]
"""A duration in seconds; in YAML a number, or text like ``1m30s``."""

PositiveSeconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(gt=0, le=LONGEST_SECONDS),
    _duration_schema("exclusiveMinimum"),
]
"""A duration that cannot be 0."""


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:9108``, ``[::1]:9108`` or ``:9108`` (all addresses).

    Port 0 asks the system for a free one.

    Raises:
        ValueError: the text is no address with a port.
    """
    host, separator, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if (
        not separator
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or int(port) > 65535
        or (not bracketed and not re.fullmatch(r"[A-Za-z0-9_.-]*", host))
        or (bracketed and not re.fullmatch(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?", host[1:-1]))
    ):
        raise ValueError(
            f"'{text}' is no address with a port; write it like 127.0.0.1:9108, or :9108 for "
            "every address of this machine"
        )
    return (host[1:-1] if bracketed else host) or "0.0.0.0", int(port)  # noqa: S104 - asked for


class Section(BaseModel):
    """Base of all sections: unknown keys are faults, values cannot be changed after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: object, info: ValidationInfo) -> object:
        """Python takes true for 1; in a configuration, ``fps: yes`` is a mistake."""
        if isinstance(value, bool) and info.field_name is not None:
            annotation = cls.model_fields[info.field_name].annotation
            if annotation in (int, float):
                raise ValueError(
                    f"{str(value).lower()} was found where a number belongs; write the number"
                )
        return value
