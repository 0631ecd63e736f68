"""``emberwatch evaluate``: what a finished bundle does on folders of labelled pictures."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.errors import TrainingError
from monitor.inference.bundle import Bundle
from monitor.inference.load import load_engine
from trainer.console import Console
from trainer.dataset import Example, pictures_in
from trainer.figures import Figures, figures
from trainer.groups import apply_groups, read_groups
from trainer.scoring import BATCH, score_files
from trainer.subsets import Subsets, require_subsets


@dataclass(frozen=True, slots=True)
class Grouping:
    """A table that says which pictures belong together; see :mod:`trainer.groups`."""

    table: Path
    column: str = "group"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """All that is found out about a bundle."""

    bundle: Bundle
    engine: str
    """Name and device."""
    figures: Figures
    unreadable: tuple[str, ...]
    examples: tuple[Example, ...]
    """The pictures that were scored."""


def assess(
    bundle: Bundle,
    image_dir: Path,
    *,
    engine: str,
    background: str,
    grouping: Grouping | None,
    console: Console,
    subsets: Subsets = (),
    threshold: float | None = None,
) -> Assessment:
    """Score all pictures and compare with the folders that they lie in.

    Args:
        bundle: a checked bundle.
        image_dir: one folder of pictures per label; labels may lack.
        engine: ``auto``, ``openvino`` or ``tensorflow``.
        background: the label that means that nothing is wrong.
        grouping: which pictures belong together; None takes each for independent.
        console: where progress is shown.
        subsets: rows of one's own in the figures.
        threshold: the operating point; the bundle's own by default.

    Raises:
        TrainingError: the folders do not fit the model, or hold nothing that can be read; a
            subset fits no picture.
        EngineError: the engine cannot run, or failed.
    """
    listed = labelled_pictures(image_dir, bundle.labels)
    require_subsets(subsets, listed)
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
    labels = bundle.labels
    if threshold is None:
        thresholds = dict(bundle.manifest.thresholds)
    else:
        thresholds = {label: threshold for label in labels if label != background}
    return Assessment(
        bundle,
        f"{scorer.name}, {scorer.device}",
        figures(
            found.scores,
            examples,
            np.array([labels.index(example.label) for example in examples]),
            labels,
            background=background,
            thresholds=thresholds,
            subsets=subsets,
            grouped=grouping is not None,
        ),
        tuple(reason for _, reason in found.unreadable),
        tuple(examples),
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
