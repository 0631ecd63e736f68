"""The sections of a camera that say which parts of its picture count: masks and zones.

The words are those of the video recorders that people know: what lies in a mask is not looked at,
what lies in a zone is looked at closely.
"""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from monitor.config_values import NAME_PATTERN, Section
from monitor.polygon import Polygon, area, crossing_sides, share_covered

MAX_MASKS = 16
MAX_ZONES = 8
"""Each zone is scored like a full view, so eight of them cost as much as eight cameras."""
MAX_POINTS = 64
MIN_AREA = 0.001
"""Share of the picture: at 1280 x 720 a square of 30 pixels, about the least that shows a flame."""
MAX_MASKED = 0.9
"""Share of the picture that masks may hide: beyond it a camera is blind, and nobody is told."""

Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Corner = Annotated[list[Share], Field(min_length=2, max_length=2)]
Corners = Annotated[list[Corner], Field(min_length=3, max_length=MAX_POINTS)]


class _Part(Section):
    """A part of the picture with a name."""

    name: str = Field(
        pattern=NAME_PATTERN, description="Its name; unique among masks and zones of the camera."
    )
    polygon: Corners = Field(
        examples=["[[0.1, 0.2], [0.4, 0.2], [0.4, 0.6]]"],
        description="Corners [x, y] in their order around it, each 0 to 1: x from the left, y from "
        "the top of the picture.",
    )

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name == "full" or name.startswith("tile-"):
            raise ValueError(f"'{name}' is what the daemon calls a region itself; choose another")
        return name

    @field_validator("polygon")
    @classmethod
    def _has_an_inside(cls, corners: list[list[float]], info: ValidationInfo) -> list[list[float]]:
        if len(corners) > 3 and corners[0] == corners[-1]:
            corners = corners[:-1]  # closed, as other programs write them
        polygon = _points(corners)
        what = f"'{info.data.get('name', 'this part')}'"
        crossed = crossing_sides(polygon)
        if crossed is not None:
            first, second = (_side(index, len(polygon)) for index in crossed)
            raise ValueError(
                f"two sides of {what} meet: {first} and {second}; list its corners in their order "
                "around it, each once"
            )
        size = area(polygon)
        if size < MIN_AREA:
            raise ValueError(
                f"{what} covers {size:.3%} of the picture, less than the {MIN_AREA:.1%} in which "
                "anything can be seen; make it larger (coordinates go from 0 to 1)"
            )
        return corners

    @property
    def points(self) -> Polygon:
        """The polygon, in coordinates relative to the picture."""
        return _points(self.polygon)


class Mask(_Part):
    """A part of the picture that is not looked at."""

    labels: list[str] | None = Field(
        None,
        min_length=1,
        description="Labels that what is inside must not raise; all where it is left out. With "
        "labels, every region that the mask touches is scored once more.",
    )


class Zone(_Part):
    """A part of the picture that is scored by itself, beside the full view."""

    threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Stands in for the threshold of every rule in this zone; the rules' own where "
        "it is left out.",
    )


def check_masks(masks: list[Mask], camera: str) -> list[Mask]:
    """Refuse masks that leave too little of the picture.

    Raises:
        ValueError: they do, for some label or for all.
    """
    always = [mask.points for mask in masks if mask.labels is None]
    labels = sorted({label for mask in masks for label in mask.labels or ()})
    for label in ["", *labels]:
        hidden = always + [mask.points for mask in masks if label in (mask.labels or ())]
        share = share_covered(hidden)
        if share > MAX_MASKED:
            raise ValueError(
                f"the masks of camera '{camera}' hide {share:.0%} of its picture"
                f"{f' from {label}' if label else ''}, and it would see no fire; make them "
                f"smaller ({MAX_MASKED:.0%} is the most), or set enabled: false"
            )
    return masks


def _points(corners: list[list[float]]) -> Polygon:
    return tuple((x, y) for x, y in corners)


def _side(index: int, count: int) -> str:
    return f"from corner {index + 1} to {(index + 1) % count + 1}"
