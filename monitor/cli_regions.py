"""``emberwatch regions``: shows which parts of a camera's picture are scored."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli_options import ConfigPath


def regions(
    config: ConfigPath,
    camera: Annotated[str, typer.Argument(metavar="CAMERA", help="The camera's name.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.png", help="Where the picture goes.")
    ] = Path("regions.png"),
) -> None:
    """Draw a camera's masks, zones and tiles on its picture, and what the model gets of it.

    It opens the camera once, itself, also while a daemon watches it.

    \b
      emberwatch regions monitor.yaml loading-dock --output dock.png
    """
    from monitor.config import Log
    from monitor.draw_regions import draw
    from monitor.logs import configure_logs

    if output.suffix.lower() != ".png":
        raise typer.BadParameter(f"{output}: the picture is a PNG; name the file FILE.png")
    configure_logs(Log(level="error"))
    draw(config, camera, output, sys.stdout)
