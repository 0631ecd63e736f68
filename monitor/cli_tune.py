"""The commands that tune the decision on recorded scores: ``emberwatch record``."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def record(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")],
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
    from monitor.config import Log
    from monitor.logs import configure_logs
    from monitor.record import record as record_cameras

    configure_logs(Log(level="warning"))
    status = record_cameras(config, output, hours=hours, err=sys.stderr)
    if status:
        raise typer.Exit(status)
