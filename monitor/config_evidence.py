"""The section of evidence: what is kept of an alert, and how much of it."""

from typing import Annotated

from pydantic import BeforeValidator, ByteSize, Field, TypeAdapter, ValidationError, WithJsonSchema

from monitor.config_values import Section, parse_duration

SIZE_PATTERN = r"^\s*\d+(\.\d+)?\s*([kKMGT]i?)?B?\s*$"
_LARGEST = 2**60
_LONGEST_AGE_SECONDS = 10 * 365 * 86400.0
_SIZE = TypeAdapter(ByteSize)


def parse_size(value: object) -> object:
    """Bytes from ``500MB``, ``10GB``, ``2GiB`` or a number.

    Raises:
        ValueError: the text is no size.
    """
    if not isinstance(value, str):
        return value
    try:
        return int(_SIZE.validate_python(value.strip()))
    except ValidationError as error:
        raise ValueError(f"{value!r} is no size; write it like 500MB, 10GB or 2GiB") from error


def _size_schema() -> WithJsonSchema:
    number = {"type": "integer", "minimum": 0, "maximum": _LARGEST}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": SIZE_PATTERN}]})


Size = Annotated[int, BeforeValidator(parse_size), Field(ge=0, le=_LARGEST), _size_schema()]
"""A number of bytes; in YAML a number, or text like ``500MB``."""


def _span(longest: float) -> WithJsonSchema:
    number = {"type": "number", "minimum": 0, "maximum": longest}
    return WithJsonSchema({"anyOf": [number, {"type": "string"}]})


class Evidence(Section):
    """Pictures and clips of alerts that fired, below `state_dir`."""

    snapshots: bool = Field(
        True, description="Keep the picture, once with box, heat and score and once untouched."
    )
    clips: bool = Field(True, description="Keep a clip, as the camera sent it.")
    before: Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=60), _span(60)] = (
        Field(5.0, description="How long before the first sight a clip begins.")
    )
    after: Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=300), _span(300)] = (
        Field(10.0, description="How long after the alert fired a clip ends.")
    )
    ring: Annotated[
        int,
        BeforeValidator(parse_size),
        Field(ge=100_000, le=1_000_000_000),
        _size_schema(),
    ] = Field(
        8_000_000, description="Most memory for the last seconds of each camera that clips need."
    )
    quality: int = Field(90, ge=30, le=100, description="JPEG quality of the pictures.")
    max_age: Annotated[
        float,
        BeforeValidator(parse_duration),
        Field(gt=0, le=_LONGEST_AGE_SECONDS),
        _span(_LONGEST_AGE_SECONDS),
    ] = Field(30 * 86400.0, description="Evidence that is older is deleted.")
    max_size: Size = Field(
        10_000_000_000, description="Most that all evidence takes; the oldest goes first."
    )
    min_free: Size = Field(
        500_000_000, description="So much of the disk stays free: evidence goes before events."
    )


class CameraEvidence(Section):
    """What of `evidence` is otherwise at one camera."""

    clips: bool | None = Field(
        None, description="Keep clips of this camera; as `evidence.clips` where it is left out."
    )
