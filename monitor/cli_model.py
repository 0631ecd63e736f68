"""The commands that take a finished bundle: ``emberwatch label``, ``evaluate`` and ``export``."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from monitor.cli_options import AsJson, EngineName, GroupColumn, GroupNotes, quiet_logs
from monitor.cli_train import SubsetOption, named_patterns, native_output_hidden
from monitor.errors import EmberwatchError, UsageError


def existing_bundle(name: str) -> str:
    """The name, if it is ``default`` or a folder's; for arguments that take a bundle.

    Raises:
        UsageError: there is no such folder.
    """
    from monitor.inference.bundle import resolve_bundle

    if not resolve_bundle(name).is_dir():
        raise UsageError(
            f"bundle {resolve_bundle(name)}: there is no such folder; give a bundle's, or "
            "'default' for the one that ships"
        )
    return name


Bundle = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE", help="`default`, or a bundle's folder.", callback=existing_bundle
    ),
]
BundleName = Annotated[
    str,
    typer.Option(
        "--bundle",
        metavar="BUNDLE",
        help="`default`, or a bundle's folder.",
        callback=existing_bundle,
    ),
]


def label(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Images, or folders of images.")
    ],
    bundle: BundleName = "default",
    engine: EngineName = "auto",
    as_json: AsJson = False,
    heat_map: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw on a copy of one image where the hazard is seen."),
    ] = None,
) -> None:
    """Score images: labels by score, or a table for many.

    \b
      emberwatch label yard.jpg
      emberwatch label --heat-map seen.png yard.jpg
      emberwatch label --json pictures/ > scores.jsonl
    """
    from monitor.label import label_paths

    quiet_logs()
    if heat_map is not None:
        from monitor.label_heat import label_with_heat_map

        if len(paths) != 1:
            raise EmberwatchError(
                f"--heat-map draws on one image and {len(paths)} were given; name one of them"
            )
        raise typer.Exit(
            label_with_heat_map(
                paths[0], heat_map, bundle=bundle, engine=engine, as_json=as_json, out=sys.stdout
            )
        )
    raise typer.Exit(
        label_paths(
            paths, bundle=bundle, engine=engine, as_json=as_json, out=sys.stdout, err=sys.stderr
        )
    )


def evaluate(
    bundle: Bundle,
    image_dir: Annotated[
        Path, typer.Argument(metavar="IMAGE_DIR", help="One folder of pictures per label.")
    ],
    engine: EngineName = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything, as one JSON object.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The same figures, with curves, as one HTML page."),
    ] = None,
    report_pictures: Annotated[
        bool,
        typer.Option(help="Show the worst mistakes, and heat maps, in it, as small copies."),
    ] = True,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="SCORE", help="The operating point [the bundle's own threshold]."
        ),
    ] = None,
    subset: SubsetOption = None,
    background: Annotated[
        str, typer.Option(metavar="LABEL", help="The label that means that nothing is wrong.")
    ] = "misc",
    groups: Annotated[
        Path | None,
        typer.Option(metavar="TSV", help="Table of `file` and group: what belongs together."),
    ] = None,
    group_column: GroupColumn = "group",
    group_note: GroupNotes = None,
) -> None:
    """Measure a model on labelled pictures that it was not trained on.

    \b
      emberwatch evaluate my-model pictures/
      emberwatch evaluate default pictures/ --json > figures.json
      emberwatch evaluate my-model pictures/ --html figures.html --subset night='*/night_*'
    """
    from monitor.inference.bundle import load_bundle
    from trainer.assess import Grouping, assess
    from trainer.assess_output import as_dict, as_text
    from trainer.console import Console
    from trainer.evaluation_page import write_evaluation

    quiet_logs()
    console = Console()
    found = assess(
        load_bundle(bundle),
        image_dir,
        engine=engine,
        background=background,
        grouping=None
        if groups is None
        else Grouping(groups, group_column, tuple(group_note or ())),
        console=console,
        subsets=named_patterns(subset),
        threshold=threshold,
    )
    for reason in found.unreadable:
        console.warn(f"left out: {reason}")
    sys.stdout.write(json.dumps(as_dict(found)) + "\n" if as_json else as_text(found))
    if html is not None:
        write_evaluation(found, html, pictures=report_pictures, engine=engine)
    # Figures of a part of the pictures must not pass for those of all.
    raise typer.Exit(1 if found.unreadable else 0)


def export(
    bundle: Bundle,
    form: Annotated[
        Literal["saved-model", "onnx", "tflite", "openvino", "frozen-graph"],
        typer.Option("--format", help="What to write."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="PATH", help="A file; a folder for saved-model and openvino."
        ),
    ],
) -> None:
    """Write a bundle's model in a format of other programs.

    What was written is read again and compared with the canonical model.

    \b
      emberwatch export my-model --format onnx --output fire.onnx
      emberwatch export default --format tflite --output fire.tflite
    """
    from monitor.inference.bundle import load_bundle

    quiet_logs()
    checked = load_bundle(bundle)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_output_hidden():
        from trainer.forms import export as write_form

        made = write_form(checked, form, output)
    sys.stdout.write(
        f"{made.path}: the same scores as the canonical model, largest difference "
        f"{made.max_difference:.6f}\n{made.labels_path}: the labels, in output order\n"
    )
