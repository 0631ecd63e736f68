"""The training report: one HTML page that needs nothing beside it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import jinja2

from monitor.errors import ImageError
from monitor.image import read_image
from monitor.inference.bundle import OpenVinoForm
from trainer.backbone import Backbone
from trainer.dataset import Side
from trainer.finetune import Status
from trainer.gate import Verdict
from trainer.head import Progress
from trainer.judge import Judged
from trainer.options import TrainOptions
from trainer.prepare import Prepared
from trainer.stopwatch import Stopwatch

REPORT_NAME = "index.html"

_WORST = 40
_WIDTH, _HEIGHT = 640, 200
_THUMBNAIL_SIDE = 160


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What the report tells."""

    options: TrainOptions
    prepared: Prepared
    frozen: Judged
    """The linear head on the frozen backbone."""
    judged: Judged
    """The model that was exported."""
    head_history: tuple[Progress, ...]
    fine_tuning: tuple[Status, ...]
    form: OpenVinoForm | None
    backbone: Backbone
    verdict: Verdict | None
    """Of the gate; None where there was none."""
    watch: Stopwatch


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a chart, ready to be drawn."""

    name: str
    colour: str
    points: str
    """``x,y`` pairs in pixels, separated by spaces."""
    last: str


def write_report(report: Report, model: Any, folder: Path) -> None:  # noqa: ARG001 - soon
    """Write ``index.html`` into ``folder``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trainer", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    counts = report.prepared.dataset.counts()
    by_name = {example.name: example.path for example in report.prepared.dataset.examples}
    worst = report.judged.evaluation.mistakes[:_WORST]
    page = environment.get_template("report.html.jinja").render(
        report=report,
        sides=list(Side),
        counts=counts,
        worst=[
            (mistake, _inline(by_name[mistake.name]) if report.options.report_pictures else None)
            for mistake in worst
        ],
        head_curves=head_curves(report.head_history),
        fine_curves=fine_curves(report.fine_tuning),
        width=_WIDTH,
        height=_HEIGHT,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT_NAME).write_text(page, encoding="utf-8")


def head_curves(history: Sequence[Progress]) -> list[Curve]:
    """Accuracies over the steps of the head's training."""
    steps = [float(now.step) for now in history]
    return [
        _curve("train", "#c05020", steps, [now.train_accuracy for now in history]),
        _curve("validation", "#2060c0", steps, [now.validation_accuracy for now in history]),
    ]


def fine_curves(history: Sequence[Status]) -> list[Curve]:
    """Validation accuracy over the steps of fine-tuning; none where it was not done."""
    told = [
        (float(now.step), now.validation_accuracy)
        for now in history
        if now.validation_accuracy is not None
    ]
    if not told:
        return []
    return [_curve("validation", "#2060c0", [s for s, _ in told], [a for _, a in told])]


def _curve(name: str, colour: str, steps: Sequence[float], shares: Sequence[float]) -> Curve:
    last = max(steps)
    # The lower half of accuracies says nothing: the axis goes from 50 to 100 %.
    points = " ".join(
        f"{step / last * _WIDTH:.1f},{(1 - max(0.0, share - 0.5) * 2) * _HEIGHT:.1f}"
        for step, share in zip(steps, shares, strict=True)
    )
    return Curve(name, colour, points, f"{shares[-1]:.1%}")


def _inline(path: Path) -> str | None:
    """A small copy of a picture as a data URL; None where it cannot be read any more."""
    try:
        pixels = read_image(path)
    except ImageError:
        return None
    scale = _THUMBNAIL_SIDE / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    encoded, data = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 70]
    )
    if not encoded:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
