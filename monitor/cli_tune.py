"""The commands that tune the decision on recorded scores: ``emberwatch record`` and ``tune``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli_options import ConfigPath, quiet_logs


def record(
    config: ConfigPath,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the scores go.")
    ],
    hours: Annotated[
        float, typer.Option("--hours", min=0.001, max=100_000, help="How long.")
    ] = 24.0,
) -> None:
    """Keep the scores of live cameras, and no pictures, to tune rules on.

    It reads the cameras itself, also while a daemon watches them, and raises no alert.

    \b
      emberwatch record monitor.yaml --hours 168 --output scores/
    """
    from monitor.record import record as record_cameras

    quiet_logs()
    status = record_cameras(config, output, hours=hours, err=sys.stderr)
    if status:
        raise typer.Exit(status)


def tune(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...", help="What `record` wrote, or clips with LABELS.tsv; any mix."
        ),
    ],
    false_alarms: Annotated[
        str, typer.Option("--false-alarms", metavar="BUDGET", help="How many are allowed.")
    ] = "1/camera/week",
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="CONFIG", help="Take rules and model from it."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV",
            help="Fire and smoke known to be in the recordings: camera, began, ended, label.",
        ),
    ] = None,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", help="A later alert comes too late.")
    ] = 10.0,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE.svg", help="Draw recall over false alarms of all that is tried."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as one object.")] = False,
) -> None:
    """Propose thresholds, times and smoothing for a stated budget of false alarms.

    \b
      emberwatch tune scores/ clips/ --false-alarms 1/camera/week
      emberwatch tune scores/ clips/ --plot settings.svg
      emberwatch tune scores/ --events known-fires.tsv --config monitor.yaml
    """
    from trainer.console import Console
    from trainer.tune import TuneOptions, parse_budget
    from trainer.tune import tune as sweep

    try:
        budget = parse_budget(false_alarms)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--false-alarms") from error
    quiet_logs()
    options = TuneOptions(tuple(sources), budget, config, events, within, plot)
    status = sweep(options, as_json=as_json, out=sys.stdout, console=Console())
    if status:
        raise typer.Exit(status)
