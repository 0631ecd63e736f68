"""What ``bundle.json`` says: the manifest of a model bundle, as types.

:mod:`monitor.inference.bundle` reads, checks and writes the folder.
"""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FORMAT_VERSION: Final = 1
MANIFEST_NAME = "bundle.json"

CLOSE: Final = 0.05
"""Scores that differ by no more than this agree."""
PROMISED_AGREEMENT: Final = 0.99
"""Share of pictures on which the trainer makes an int8 form agree, where it can."""
LEAST_AGREEMENT: Final = 0.97
"""Share of pictures on which a form must agree to be taken in place of the canonical model."""
MOST_LOST_ACCURACY: Final = 0.005
"""Share of pictures that it may get wrong beyond those that the canonical model does."""

_MAX_FILES = 1000

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Ratio = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Geometry(_Part):
    """How a region becomes the model's input."""

    mode: Literal["squash"] = "squash"
    """``squash``: the whole region is scaled to width x height, whatever its aspect."""
    width: int = Field(299, ge=1, le=4096)
    height: int = Field(299, ge=1, le=4096)


class BaseWeights(_Part):
    """What training started from."""

    name: str
    sha256: Sha256


class OpenVinoForm(_Part):
    """The OpenVINO form, compared with the canonical model on the test split."""

    precision: str
    """``int8``, ``f16`` or ``f32``: how the weights are stored and the arithmetic is meant."""
    accuracy: Ratio
    canonical_accuracy: Ratio
    """Of the canonical model on the same pictures."""
    max_difference: Ratio
    """Largest difference of any score of any picture."""
    agreement: Ratio
    """Share of the pictures on which both forms put the same label first."""
    agreement_within: Ratio | None = None
    """Share of the pictures on which no score differs by more than 0.05; None in bundles that were
    written before it was measured."""
    float_blocks: tuple[str, ...] = ()
    """Blocks of the network that an int8 form keeps in float."""
    doubt: Ratio | None = None
    """Pictures on which no score reaches this are scored again by the exact form beside it, and all
    figures here are those of both together; None where there is no exact form."""

    @property
    def keeps_promise(self) -> bool:
        """Whether its scores may stand for the canonical model's; so it is where nothing was
        measured."""
        if self.agreement_within is None:
            return True
        lost = self.canonical_accuracy - self.accuracy
        return self.agreement_within >= LEAST_AGREEMENT and lost <= MOST_LOST_ACCURACY


class OperatingPoint(_Part):
    """The suggested threshold of the joint evidence of hazards, and what it does on the validation
    pictures, which it was chosen on."""

    threshold: Ratio
    budget: Ratio | None = None
    """Share of background pictures that it was to let through at most; None where the trainer's
    own rule chose it."""
    false_alarms: Ratio
    """Share of the background pictures at or above it."""
    hazard_recall: Ratio
    """Share of the hazard pictures at or above it."""


class Manifest(_Part):
    """All that ``bundle.json`` says."""

    format_version: Literal[1] = FORMAT_VERSION
    labels: list[str] = Field(min_length=2, max_length=1000)
    """Output order."""
    geometry: Geometry = Field(default_factory=Geometry)
    pixels: Literal["uint8-rgb"] = "uint8-rgb"
    """What callers hand over; scaling to the model's range is part of the model."""
    temperature: float = Field(1.0, gt=0)
    """What the logits are divided by. Part of every form of the model already; told for people."""
    thresholds: dict[str, Ratio] = Field(default_factory=dict)
    """Suggested thresholds by label."""
    operating_point: OperatingPoint | None = None
    """None where no label is the background, and in older bundles."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """Figures on the test split, such as ``accuracy``."""
    data_fingerprint: str = ""
    """Names the training data: the same pictures in the same split give the same text."""
    base_weights: BaseWeights
    seed: int = 0
    created: str
    """ISO 8601 with time zone."""
    openvino: OpenVinoForm | None = None
    files: dict[str, Sha256] = Field(default_factory=dict, max_length=_MAX_FILES)
    """sha256 of every other file of the bundle, by path relative to its folder, with slashes."""

    @field_validator("labels")
    @classmethod
    def _sound_labels(cls, labels: list[str]) -> list[str]:
        for label in labels:
            if not is_label(label):
                raise ValueError(f"{label!r} is no label: 1 to 63 printable characters")
        if len(set(labels)) != len(labels):
            raise ValueError("a label stands twice")
        return labels

    @field_validator("created")
    @classmethod
    def _a_time(cls, created: str) -> str:
        if datetime.fromisoformat(created).tzinfo is None:
            raise ValueError("a time zone is missing")
        return created

    @field_validator("files")
    @classmethod
    def _inside(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            path = PurePosixPath(name)
            if (
                not name.isprintable()
                or "\\" in name
                or path.is_absolute()
                or ".." in path.parts
                or str(path) != name
                or name in (".", MANIFEST_NAME)
            ):
                raise ValueError(f"{name!r} is no path of a file inside the bundle")
        return files

    @model_validator(mode="after")
    def _known_thresholds(self) -> "Manifest":
        unknown = sorted(set(self.thresholds) - set(self.labels))
        if unknown:
            raise ValueError(f"thresholds for labels that the model has not: {', '.join(unknown)}")
        return self


def is_label(name: str) -> bool:
    """Whether a model may call something by this name: a line of its own, a metric's label."""
    return name.isprintable() and name == name.strip() and 0 < len(name) <= 63
