"""``emberwatch evaluate``: what a finished bundle does on folders of labelled pictures."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from monitor.errors import TrainingError
from monitor.inference.bundle import Bundle
from monitor.inference.load import load_engine
from trainer.calibrate import hazard_scores
from trainer.console import Console
from trainer.curves import CalibrationBin, Detection, calibration_bins, detection
from trainer.dataset import Example, pictures_in
from trainer.evaluate import Evaluation, Figure, evaluate, share
from trainer.groups import apply_groups, read_groups
from trainer.scoring import BATCH, score_files

DEFAULT_THRESHOLD = 0.5
"""Where a bundle suggests none."""

# What stands before the first number: `cctv_0017.jpg` and `cctv_0018.jpg` are of one source.
_SOURCE = re.compile(r"^(.*?)[\W_]*(?:\d|$)")


@dataclass(frozen=True, slots=True)
class Grouping:
    """A table that says which pictures belong together; see :mod:`trainer.groups`."""

    table: Path
    column: str = "group"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label against all others, at the operating point."""

    label: str
    count: int
    """Pictures of it."""
    threshold: float | None
    """None for the background, which is what raises no alarm."""
    recall: Figure
    precision: Figure
    false_positives: Figure
    """Share of the other pictures that were called this."""
    curve: Detection


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of one source or group."""

    name: str
    count: int
    accuracy: Figure
    hazard_recall: Figure | None
    false_positives: Figure | None


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """All that is found out about a bundle."""

    bundle: Bundle
    engine: str
    """Name and device."""
    background: str | None
    """None where the model has no such label."""
    whole: Evaluation
    """At the operating point: a picture is called the leading hazard where the joint evidence of
    hazards reaches its threshold, and background elsewhere."""
    hazards: Detection | None
    """Joint evidence of hazards against the background pictures."""
    labels: tuple[LabelFigures, ...]
    calibration: tuple[CalibrationBin, ...]
    sources: tuple[Part, ...]
    groups: tuple[Part, ...]
    """Empty where no table of groups was given."""
    unreadable: tuple[str, ...]


def assess(
    bundle: Bundle,
    image_dir: Path,
    *,
    engine: str,
    background: str,
    grouping: Grouping | None,
    console: Console,
) -> Assessment:
    """Score all pictures and compare with the folders that they lie in.

    Args:
        bundle: a checked bundle.
        image_dir: one folder of pictures per label; labels may lack.
        engine: ``auto``, ``openvino`` or ``tensorflow``.
        background: the label that means that nothing is wrong.
        grouping: which pictures belong together; None takes each for independent.
        console: where progress is shown.

    Raises:
        TrainingError: the folders do not fit the model, or hold nothing that can be read.
        EngineError: the engine cannot run, or failed.
    """
    listed = labelled_pictures(image_dir, bundle.labels)
    if grouping is not None:
        table = read_groups(grouping.table, grouping.column, grouping.notes)
        listed = apply_groups(listed, image_dir, table)
    scorer = load_engine(bundle, engine, max_batch=BATCH)
    try:
        with console.bar("scoring", len(listed)) as bar:
            found = score_files([e.path for e in listed], scorer, bundle.geometry, bar.advance)
    finally:
        scorer.close()
    if len(found.rows) == 0:
        raise TrainingError(f"{image_dir}: none of the pictures can be read; replace them")
    examples = [listed[int(row)] for row in found.rows]
    return _judge(
        bundle,
        f"{scorer.name}, {scorer.device}",
        examples,
        found.scores,
        background if background in bundle.labels else None,
        [reason for _, reason in found.unreadable],
        grouped=grouping is not None,
    )


def labelled_pictures(image_dir: Path, labels: Collection[str]) -> list[Example]:
    """The pictures of each label's folder, each a group of its own.

    Raises:
        TrainingError: no such folder, a folder whose name is no label, or no picture at all.
    """
    if not image_dir.is_dir():
        raise TrainingError(
            f"{image_dir}: there is no such folder; give one that holds a folder of pictures for "
            "each label"
        )
    examples = []
    for folder in sorted(path for path in image_dir.iterdir() if path.is_dir()):
        if folder.name.startswith("."):
            continue
        if folder.name not in labels:
            raise TrainingError(
                f"{folder}: '{folder.name}' is no label of this model; it knows "
                f"{', '.join(labels)}: rename the folder or move it away"
            )
        for path in pictures_in(folder):
            name = path.relative_to(image_dir).as_posix()
            examples.append(Example(path, name, folder.name, name))
    if not examples:
        raise TrainingError(
            f"{image_dir}: there is no picture in folders named {', '.join(labels)}; put each "
            "picture into the folder of its label"
        )
    return examples


def source_of(name: str) -> str:
    """The source of a picture: its file's name up to the first number; ``-`` where that is all."""
    found = _SOURCE.match(PurePosixPath(name).stem)
    return (found[1] if found else "") or "-"


def decide(
    scores: NDArray[np.floating], labels: Sequence[str], background: str | None, threshold: float
) -> NDArray[np.intp]:
    """What each picture is called at the operating point: (n,) label numbers.

    The leading hazard where the joint evidence reaches the threshold, else the background; without
    a background label the highest score's.
    """
    if background is None:
        return np.asarray(scores.argmax(axis=1))
    quiet = labels.index(background)
    hazards = scores.copy()
    hazards[:, quiet] = -1
    raised = hazard_scores(scores, quiet) >= threshold
    return np.asarray(np.where(raised, hazards.argmax(axis=1), quiet))


def _judge(
    bundle: Bundle,
    engine: str,
    examples: Sequence[Example],
    scores: NDArray[np.float32],
    background: str | None,
    unreadable: Sequence[str],
    *,
    grouped: bool,
) -> Assessment:
    labels = bundle.labels
    targets = np.array([labels.index(example.label) for example in examples])
    thresholds = bundle.manifest.thresholds
    shared = min(
        (value for label, value in thresholds.items() if label != background),
        default=DEFAULT_THRESHOLD,
    )
    decided = decide(scores, labels, background, shared)

    def judge(rows: NDArray[np.intp]) -> Evaluation:
        return evaluate(
            scores[rows], [examples[int(i)] for i in rows], targets[rows], labels,
            background or "", shared, decided[rows],
        )  # fmt: skip

    def parts(keys: Sequence[str]) -> tuple[Part, ...]:
        names, place = np.unique(np.array(keys, object).astype(str), return_inverse=True)
        found = []
        for number, name in enumerate(names):
            rows = np.flatnonzero(place == number)
            one = judge(rows)
            found.append(
                Part(str(name), len(rows), one.accuracy, one.hazard_recall, one.false_positives)
            )
        return tuple(sorted(found, key=lambda part: (-part.count, part.name)))

    clusters = np.unique([example.group for example in examples], return_inverse=True)[1]
    figures = []
    for number, label in enumerate(labels):
        wanted = targets == number
        own = thresholds.get(label, DEFAULT_THRESHOLD) if background is None else shared
        called = scores[:, number] >= own if background is None else decided == number
        figures.append(
            LabelFigures(
                label,
                int(wanted.sum()),
                None if label == background else own,
                share(called, wanted, clusters),
                share(wanted, called, clusters),
                share(called, ~wanted, clusters),
                detection(scores[:, number], wanted),
            )
        )
    hazards = None
    if background is not None:
        quiet = labels.index(background)
        hazards = detection(hazard_scores(scores, quiet), targets != quiet)
    return Assessment(
        bundle,
        engine,
        background,
        judge(np.arange(len(examples))),
        hazards,
        tuple(figures),
        calibration_bins(scores, targets),
        parts([source_of(example.name) for example in examples]),
        parts([example.group for example in examples]) if grouped else (),
        tuple(unreadable),
    )
