"""The training report: one HTML page that needs nothing beside it, and its figures as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from monitor.image import read_image, resize
from monitor.inference.manifest import OpenVinoForm
from trainer.assess_output import figures_as_dict
from trainer.backbone import Backbone
from trainer.dataset import Side
from trainer.evaluate import Mistake
from trainer.figure_charts import figure_charts
from trainer.gate import Verdict
from trainer.head import Progress
from trainer.heat import Cells, keras_cells
from trainer.judge import Judged
from trainer.mistake_pictures import Shown, show
from trainer.options import TrainOptions
from trainer.page import render, write_page
from trainer.plan import Status
from trainer.prepare import Prepared
from trainer.settings_table import settings
from trainer.size import SIZE
from trainer.stopwatch import Stopwatch
from trainer.training_charts import fine_tuning_charts, head_charts

REPORT_NAME = "index.html"
FIGURES_NAME = "figures.json"

_PROGRAMS = ("emberwatch", "tensorflow", "keras", "openvino", "numpy")


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
    created: str
    """ISO 8601 with time zone."""


@dataclass(frozen=True, slots=True)
class LabelSplit:
    """How the pictures of one label are split."""

    label: str
    pictures: tuple[int, ...]
    """By side."""
    groups: tuple[int, ...]


def write_report(report: Report, model: Any, folder: Path) -> None:
    """Write ``index.html`` and ``figures.json`` into ``folder``.

    Args:
        report: what is told.
        model: the Keras model that was exported; heat maps are made with it.
        folder: is made where it lacks.

    Raises:
        TrainingError: they cannot be written.
    """
    shown: tuple[Shown, ...] = ()
    whole = report.judged.figures.whole
    if report.options.report_pictures:
        paths = {example.name: example.path for example in report.prepared.dataset.examples}

        def cells(worst: Sequence[Mistake]) -> Cells | None:
            pictures = [resize(read_image(paths[one.name]), SIZE, SIZE) for one in worst]
            return keras_cells(model, np.stack(pictures))

        shown = show(whole.mistakes, paths, whole.labels, cells)
    stages = report.watch.stages
    page = render(
        "report.html.jinja",
        report=report,
        figures=report.judged.figures,
        frozen=report.frozen.figures,
        tuned=report.options.fine_tunes,
        background=report.judged.figures.background,
        must_beat=Path(report.options.must_beat).name,
        charts=figure_charts(report.judged.figures),
        head=head_charts(report.head_history),
        fine_tuning=fine_tuning_charts(report.fine_tuning),
        sides=list(Side),
        split=split_of(report.prepared),
        settings=settings(report.options),
        stages=[(name, spoken(seconds), seconds) for name, seconds in stages],
        longest=max((seconds for _, seconds in stages), default=0.0) or 1.0,
        total=spoken(report.watch.total_seconds),
        shown=shown,
        programs=[(name, version(name)) for name in _PROGRAMS],
        machine=f"{os.cpu_count()} processors, {platform.machine()}, {platform.system()}",
    )
    write_page(folder / REPORT_NAME, page)
    text = json.dumps(figures_as_dict(report.judged.figures), indent=1)
    write_page(folder / FIGURES_NAME, text + "\n")


def split_of(prepared: Prepared) -> list[LabelSplit]:
    """Pictures and groups by label and side."""
    counts = prepared.dataset.counts()
    rows = []
    for label in prepared.dataset.labels:
        groups = tuple(
            len({e.group for e in prepared.dataset.of(side) if e.label == label}) for side in Side
        )
        rows.append(LabelSplit(label, tuple(counts.get((label, side), 0) for side in Side), groups))
    return rows


def spoken(seconds: float) -> str:
    """A duration for people: ``41 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
