"""The page of ``emberwatch evaluate --html``."""

from pathlib import Path

from trainer.assess import Assessment
from trainer.figure_charts import figure_charts
from trainer.heat import bundle_cells
from trainer.mistake_pictures import Shown, show
from trainer.page import render, write_page


def write_evaluation(
    found: Assessment, path: Path, *, pictures: bool = False, engine: str = "auto"
) -> None:
    """Write all figures of an assessment as one HTML file without outside parts.

    Args:
        found: the assessment.
        path: of the file; one that is there is replaced.
        pictures: whether to show the worst mistakes, with heat maps.
        engine: what heat maps are made with.

    Raises:
        TrainingError: the file cannot be written.
        EngineError: the engine cannot run, or failed.
    """
    shown: tuple[Shown, ...] = ()
    if pictures:
        paths = {example.name: example.path for example in found.examples}
        shown = show(
            found.figures.whole.mistakes,
            paths,
            found.bundle.labels,
            lambda worst: bundle_cells(found.bundle, engine, [paths[m.name] for m in worst]),
        )
    groups = sorted(found.figures.groups, key=lambda part: (part.accuracy.value, -part.count))
    page = render(
        "evaluation.html.jinja",
        found=found,
        charts=figure_charts(found.figures),
        worst_groups=groups,
        shown=shown,
        pictures=pictures,
    )
    write_page(path, page)
